"""`instructcir data`: is a copy of a benchmark complete, where does one get it, what needs vectors?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instructcir.cli.models import AsJson
from instructcir.cli.output import print_json_line, progress_bar

if TYPE_CHECKING:
    from instructcir.benchmarks.completeness import Finding

app = typer.Typer(no_args_is_help=True, help="The official data of the four benchmarks: complete? where from?")

EXIT_WRONG = 1
_NAMED = 20  # bad pictures shown for each split; --list writes all

BenchmarkName = Annotated[str, typer.Argument(metavar="BENCHMARK", help="One of fashioniq, cirr, circo and genecis.")]
Root = Annotated[Path, typer.Option("--root", metavar="DIR", help="The benchmark's folder, or the one that holds it.")]


@app.command("check")
def check(
    benchmark: BenchmarkName,
    root: Root,
    splits: Annotated[
        list[str] | None,
        typer.Option(
            "--split", metavar="SPLIT", help="Whose pictures, or which task's; what evaluations need if not given."
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Only look whether each picture is there, without opening it.")
    ] = False,
    list_to: Annotated[
        Path | None, typer.Option("--list", metavar="FILE", help="Write every missing or bad name to this file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Count a benchmark's pictures against the official totals, open each, and compare the annotation files' hashes.

    Exits with 1 when something is missing, unreadable or not official.
    """
    from instructcir.benchmarks.completeness import check_data
    from instructcir.files import write_atomic

    done = 0
    with progress_bar("looking" if quick else "opening", None) as advance:

        def progress(now: int, _: int) -> None:
            nonlocal done
            advance(now - done)
            done = now

        findings = check_data(benchmark, root, splits or (), quick=quick, progress=progress)
    for finding in findings:
        _show(finding, as_json)
    if list_to is not None:
        bad = {name: reason for finding in findings for name, reason in finding.bad.items()}
        write_atomic(list_to, "".join(f"{name}\t{reason}\n" for name, reason in bad.items()))
    if not all(finding.good for finding in findings):
        if not as_json:
            typer.echo(f"where to get it: instructcir data where {benchmark}", err=True)
        raise typer.Exit(EXIT_WRONG)


def _show(finding: Finding, as_json: bool) -> None:
    if as_json:
        print_json_line(
            {"what": finding.what, "good": finding.good, "detail": finding.detail, "bad": dict(finding.bad)}
        )
        return
    typer.echo(f"{'ok   ' if finding.good else 'WRONG'}  {finding.what}: {finding.detail}")
    if finding.what != "all together":  # its names were told with their splits
        _name(finding.bad)


def _name(bad: Mapping[str, str]) -> None:
    for name, reason in list(bad.items())[:_NAMED]:
        typer.echo(f"         {name}: {reason}")
    if len(bad) > _NAMED:
        typer.echo(f"         and {len(bad) - _NAMED:,} more; --list FILE writes all")


@app.command("where")
def where(benchmark: BenchmarkName, as_json: AsJson = False) -> None:
    """Say where a benchmark's annotations and pictures come from, under what licence, and what belongs where."""
    from instructcir.benchmarks.official import official

    known = official(benchmark)
    if as_json:
        shown = {"title": known.title, "paper": known.paper, "page": known.page, "licence": known.licence}
        print_json_line({**shown, "access": known.access, "layout": known.layout, "pictures": dict(known.pictures)})
        return
    typer.echo(f"{known.title}: {known.paper}\npage:    {known.page}\nlicence: {known.licence}\n\nHow to get it")
    for line in known.access:
        typer.echo(f"  {line}")
    typer.echo("\nWhat belongs below --root DIR")
    for line in known.layout:
        typer.echo(f"  {line}")
    counts = ", ".join(f"{split} {count:,}" for split, count in known.pictures.items())
    typer.echo(f"\nPictures: {counts}")


@app.command("list")
def list_items(
    benchmark: BenchmarkName,
    root: Root,
    split: Annotated[
        str | None, typer.Option(metavar="SPLIT", help="Of its queries; the usual one if not given.")
    ] = None,
) -> None:
    """List, as lines of JSON, everything that needs a vector for `instructcir score`: pictures, then queries.

    A picture has an id, a path and, if it is a region, a box; a query an id, a variant of its wording, the id of its
    reference and the text.
    """
    from instructcir.benchmarks.registry import load_benchmark

    loaded = load_benchmark(benchmark, root, split)
    for name, picture in loaded.pictures.items():
        print_json_line({"gallery_id": name, "path": str(picture.path), "box": picture.box})
    for part in loaded.parts:
        for query in part.queries:
            for variant, text in query.modifications.items():
                print_json_line(
                    {"query_id": query.id, "variant": variant, "reference": query.reference, "modification": text}
                )

"""`instructcir score`: a benchmark's scores of vectors or ranked lists that were made elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instructcir.cli.data import BenchmarkName, Root
from instructcir.cli.models import AsJson
from instructcir.cli.output import print_json_line
from instructcir.errors import InputError

if TYPE_CHECKING:
    from instructcir.evaluation.report import Report
    from instructcir.evaluation.sections import Section

Split = Annotated[
    str | None, typer.Option(metavar="SPLIT", help="Which split; val, and GeneCIS's only one, if not given.")
]
Protocols = Annotated[
    list[str] | None,
    typer.Option(
        "--protocol",
        metavar="ID",
        help="Score this protocol only; all that are possible if not given. May be repeated.",
    ),
]
AllowMissing = Annotated[
    bool,
    typer.Option("--allow-missing", help="Score what is there, and say in each score's line how much was missing."),
]
Submission = Annotated[
    Path | None,
    typer.Option(
        "--submission",
        metavar="FOLDER",
        help="Write the files that the servers of CIRR and CIRCO take into this folder.",
    ),
]
Published = Annotated[
    bool, typer.Option("--published", help="Also show published results of other methods, with their sources.")
]

Negatives = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Pictures that must not come up for a query: do they, and what do they cost?"),
]


def score(
    benchmark: BenchmarkName,
    root: Root,
    vectors: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="Vectors by id; docs/formats.md says what belongs in it.")
    ] = None,
    ranking: Annotated[
        Path | None, typer.Option(metavar="FILE.json", help="Ranked lists: query id -> names, best first.")
    ] = None,
    split: Split = None,
    protocols: Protocols = None,
    allow_missing: AllowMissing = False,
    negatives: Negatives = None,
    submission: Submission = None,
    published: Published = False,
    as_json: AsJson = False,
) -> None:
    """Score vectors or ranked lists made elsewhere under every protocol that they allow; needs the annotations alone.

    Give --vectors or --ranking. The official protocols are marked. A gallery with missing vectors is not scored unless
    --allow-missing is given.
    """
    if (vectors is None) == (ranking is None):
        raise InputError("give either --vectors FILE.npz or --ranking FILE.json")
    if ranking is not None and (submission or allow_missing or negatives):
        raise InputError("--ranking goes with neither --submission nor --allow-missing nor --negatives; give --vectors")
    if negatives is not None and (protocols or allow_missing or submission):
        raise InputError("--negatives goes with none of --protocol, --submission and --allow-missing")
    from instructcir.benchmarks.registry import load_benchmark

    loaded = load_benchmark(benchmark, root, split)
    if ranking is not None:
        from instructcir.evaluation.lists import read_lists, score_lists

        show(score_lists(loaded, read_lists(ranking, loaded), protocols=protocols or ()), as_json, published)
        return
    from instructcir.evaluation.negatives import read_negatives, score_negatives, section
    from instructcir.evaluation.scoring import score_vectors
    from instructcir.evaluation.submission import write_submissions
    from instructcir.evaluation.vectors import read_vectors

    assert vectors is not None
    wrong = None if negatives is None else read_negatives(negatives, loaded)
    there = read_vectors(vectors, loaded)
    if not (loaded.hidden and submission):
        show(score_vectors(loaded, there, protocols=protocols or (), allow_missing=allow_missing), as_json, published)
    if wrong is not None:
        tell(loaded.name, section(score_negatives(loaded, there, wrong)), as_json)
    if submission is not None:
        for path in write_submissions(loaded, there, submission, protocol=next(iter(protocols or ()), None)):
            typer.echo(f"{path}: written, and checked as the server does", err=as_json)


def show(report: Report, as_json: bool, published: bool) -> None:
    """Print a report: a table, with published results below, or a line of JSON for each row with 95 % intervals."""
    if not as_json:
        from instructcir.evaluation.published import published as others
        from instructcir.evaluation.report_table import table

        typer.echo("\n".join([*table(report), *(others(report.benchmark) if published else [])]))
        return
    from instructcir.evaluation.report import plain

    for row in report.rows(intervals=True):
        print_json_line({"benchmark": report.benchmark, "split": report.split, **plain(row)})
    for note in report.notes:
        typer.echo(f"note: {note}", err=True)


def tell(benchmark: str, section: Section, as_json: bool) -> None:
    """Print what was found beside the scores: tables, or one line of JSON."""
    from instructcir.evaluation.sections import lines

    if as_json:
        print_json_line({"benchmark": benchmark, section.name: "summary", **section.values})
    else:
        typer.echo("\n".join(lines(section)))

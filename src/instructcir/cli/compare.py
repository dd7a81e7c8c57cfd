"""`instructcir compare`: two runs on one benchmark side by side."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instructcir.cli.models import AsJson
from instructcir.cli.output import print_json_line
from instructcir.errors import InputError

if TYPE_CHECKING:
    from instructcir.evaluation.compare import Difference
    from instructcir.evaluation.moved import Moved

SURE = 0.05


def compare(
    one: Annotated[Path, typer.Argument(metavar="A.json", help="A result card that `evaluate --out` wrote.")],
    other: Annotated[Path, typer.Argument(metavar="B.json", help="Another, of the same benchmark and split.")],
    page: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT.html", help="Also write a page with the hits of the queries that moved most; needs --root."
        ),
    ] = None,
    root: Annotated[
        Path | None, typer.Option("--root", metavar="DIR", help="The folder that holds the benchmark's folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show two result cards side by side: differences with paired significance, and the queries that moved most.

    A star marks differences that chance would hardly give (paired permutation test, p < 0.05).
    """
    if (page is None) != (root is None):
        raise InputError("--page OUT.html and --root DIR, where its queries and pictures are, go together; give both")
    from instructcir.evaluation.compare import compare as compare_cards

    differences, moved = compare_cards(one, other)
    if page is not None and root is not None:
        _write(page, root, one, other, differences, moved)
    if as_json:
        for found in differences:
            print_json_line(asdict(found))
        for query in moved:
            print_json_line(asdict(query))
        return
    width = max(len(found.protocol) + len(found.part) for found in differences) + 2
    typer.echo(
        f"A: {one}\nB: {other}\n\n{'':{width}}  {'metric':15}{'A':>8}{'B':>8}{'B - A':>8}   95 % interval       p"
    )
    for found in differences:
        low, high = found.interval
        star = "*" if found.p < SURE else ""
        typer.echo(
            f"{found.protocol + ', ' + found.part:{width}}  {found.metric:15}{found.one:8.2f}{found.other:8.2f}"
            f"{found.other - found.one:+8.2f}   {low:+7.2f} {high:+7.2f} {found.p:7.4f} {star}".rstrip()
        )
    if not moved:
        typer.echo("\nno query moved: under official protocols, targets that both found have the same ranks in A and B")
        return
    typer.echo("\nqueries that moved most, by their target's rank in A and in B")
    for query in moved:
        typer.echo(f"  {query.query}  {query.one:,} -> {query.other:,}  ({query.protocol}, {query.part})")


def _write(page: Path, root: Path, one: Path, other: Path, differences: list[Difference], moved: list[Moved]) -> None:
    from instructcir.benchmarks.registry import load_benchmark
    from instructcir.evaluation.card import read_card
    from instructcir.evaluation.compare_page import compare_page
    from instructcir.files import write_atomic

    card = read_card(one)
    benchmark = load_benchmark(card["benchmark"], root, card["split"])
    write_atomic(page, compare_page(one, other, benchmark, differences, moved))
    typer.echo(f"{page}: written", err=True)

"""Two result cards as one page of HTML: differences, and the queries that moved most with their hits in both runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from instructcir.benchmarks.benchmark import Benchmark
from instructcir.evaluation.card import read_card, read_top
from instructcir.evaluation.compare import Difference
from instructcir.evaluation.moved import Moved, most_moved
from instructcir.evaluation.page_parts import section
from instructcir.evaluation.page_queries import Album, Strip, chips
from instructcir.evaluation.sections import Section, Table
from instructcir.files import PathLike
from instructcir.pages.parts import document, escaped

SHOWN = 6
"""Queries of each part that rose most, and as many that fell."""
SURE = 0.05
"""Differences with a smaller p are marked."""


def compare_page(
    one: PathLike,
    other: PathLike,
    benchmark: Benchmark,
    differences: Sequence[Difference],
    moved: Sequence[Moved],
) -> str:
    """The page as text.

    Args:
        one: a card's .json file, called A.
        other: another, called B.
        benchmark: that both are about, with its pictures; one that is missing leaves an empty frame.
        differences: of `compare`.
        moved: of `compare`.

    Raises:
        InputError: a file is no card.
    """
    cards = {"A": read_card(one), "B": read_card(other)}
    tops = [read_top(Path(path).with_suffix(".parquet")) for path in (one, other)]
    about = [_about(name, card) for name, card in cards.items()]
    body = [section(_differences(differences))]
    queries = {query.id: query for part in benchmark.parts for query in part.queries}
    album = Album(benchmark)
    for key in dict.fromkeys((query.protocol, query.part) for query in moved):
        body.append(f"<h2>{escaped(', '.join(key))}: the queries that moved most</h2>")
        for query in most_moved([each for each in moved if (each.protocol, each.part) == key], SHOWN):
            hits = [top.get((*key, query.query), ()) for top in tops]
            strips = [Strip(name, top) for name, top in zip(cards, hits, strict=True) if top]
            if query.query in queries:
                body.append(album.query(queries[query.query], chips(query, *cards), strips))
    return document(f"{benchmark.title} {benchmark.split}: two runs", about, body)


def _about(name: str, card: Mapping[str, Any]) -> str:
    model = card["model"]
    return f"{name}: {model.get('model')}, fingerprint {str(model.get('fingerprint'))[:16]}, made {card['made']}"


def _differences(found: Sequence[Difference]) -> Section:
    tables = []
    for key in dict.fromkeys((each.protocol, each.part) for each in found):
        rows = tuple(_row(each) for each in found if (each.protocol, each.part) == key)
        tables.append(Table(", ".join(key), ("", "A", "B", "B - A", "95 % interval", "p", ""), rows))
    notes = ("*: a difference that chance would hardly give (paired permutation test, p < 0.05)",)
    return Section("differences", "Differences", tuple(tables), notes, {})


def _row(found: Difference) -> tuple[str, ...]:
    low, high = found.interval
    figures = f"{found.one:.2f}", f"{found.other:.2f}", f"{found.other - found.one:+.2f}"
    return (found.metric, *figures, f"{low:+.2f} to {high:+.2f}", f"{found.p:.4f}", "*" if found.p < SURE else "")

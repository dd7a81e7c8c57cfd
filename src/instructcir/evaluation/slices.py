"""A metric's mean over groups of queries: by length of the modification, by what it asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from instructcir.benchmarks.benchmark import Benchmark, Protocol, Query
from instructcir.evaluation.edit_kinds import edit_kinds
from instructcir.evaluation.report import Report

LENGTHS = (("up to 5 words", 5), ("6 to 10 words", 10), ("11 to 15 words", 15), ("over 15 words", 10**6))

Slices = Mapping[str, tuple[int, float]]
"""Group -> its number of queries, and their mean in percent."""


def sliced(report: Report, protocol: Protocol, metric: str, labels: Mapping[str, Sequence[str]]) -> Slices:
    """Means of a metric over the queries of each label; a query counts for each label that it bears.

    Args:
        report: with the protocol.
        protocol: under which.
        metric: its name.
        labels: query id -> labels, in the order of which groups are shown.
    """
    groups: dict[str, list[float]] = {}
    for one in report.judged:
        if one.protocol.id == protocol.id:
            for query, value in zip(one.ids, one.values[metric], strict=True):
                for label in labels[query]:
                    groups.setdefault(label, []).append(value)
    return {name: (len(values), 100 * float(np.mean(values))) for name, values in groups.items()}


def lengths(benchmark: Benchmark, protocol: Protocol) -> dict[str, tuple[str, ...]]:
    """Query id -> how long its modification is, in words."""
    return {query.id: (_length(_text(query, protocol)),) for query in _queries(benchmark)}


def edits(benchmark: Benchmark, protocol: Protocol) -> tuple[str, dict[str, tuple[str, ...]]]:
    """What these labels are, and query id -> labels: aspects where the benchmark has them, else kinds of edit.

    Aspects come from the benchmark's makers, kinds of edit from a lexicon of ours.
    """
    queries = _queries(benchmark)
    if any(query.aspects for query in queries):
        return "aspect", {query.id: query.aspects for query in queries}
    return "kind of edit", {query.id: edit_kinds(_text(query, protocol)) for query in queries}


def in_order(found: Slices, names: Sequence[str]) -> Slices:
    """The same with the groups in this order; others keep theirs, after them."""
    return {name: found[name] for name in [*(n for n in names if n in found), *(n for n in found if n not in names)]}


def _length(text: str) -> str:
    return next(name for name, most in LENGTHS if len(text.split()) <= most)


def _text(query: Query, protocol: Protocol) -> str:
    return query.modifications[protocol.wording[0]]


def _queries(benchmark: Benchmark) -> list[Query]:
    return [query for part in benchmark.parts for query in part.queries]

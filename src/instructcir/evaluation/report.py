"""What scoring finds out: the metrics of every query, and from them the means that are printed.

`score` (vectors or ranked lists made elsewhere) and `evaluate` (an embedder) both return a Report.

Shape letters: Q queries, M metrics.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from instructcir.benchmarks.benchmark import Metric, Protocol
from instructcir.evaluation.metrics import Floats, bootstrap_means, of_aspect

MEAN = "mean"
"""The row of a macro average: every part counts alike."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """One part of a benchmark under one protocol, query by query.

    Attributes:
        protocol: how it was ranked and judged.
        part: name of the part.
        ids: of the Q queries.
        ranks_Q: the target's rank from 1; 0 where it is not among what was ranked.
        values: metric name -> (Q,), from 0 to 1.
        aspects: of each query.
        gallery: pictures ranked; of candidates, the most that a query has.
        missing_images: pictures that should have been ranked and were not.
        missing_queries: queries that could not be asked; they are in none of the means.
        top: of each query the first names of its ranking, for people to look at; empty where they were not kept.
    """

    protocol: Protocol
    part: str
    ids: tuple[str, ...]
    ranks_Q: npt.NDArray[np.int64]
    values: Mapping[str, Floats]
    aspects: tuple[tuple[str, ...], ...]
    gallery: int
    missing_images: int = 0
    missing_queries: int = 0
    top: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """Means of one part, one aspect, or all parts, in percent.

    Attributes:
        protocol: its id.
        official: whether it is an official one.
        part: name of the part; MEAN; or "aspect NAME".
        queries: how many were asked.
        gallery: pictures ranked.
        missing_images: pictures that should have been ranked and were not.
        missing_queries: queries that could not be asked.
        values: metric name -> percent.
        intervals: metric name -> 95 % bootstrap interval in percent; empty where none were asked for.
    """

    protocol: str
    official: bool
    part: str
    queries: int
    gallery: int
    missing_images: int
    missing_queries: int
    values: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]

    @property
    def remark(self) -> str:
        """What must be said in the score's own line: how much was missing; empty where nothing was."""
        if not (self.missing_images or self.missing_queries):
            return ""
        queries = self.queries + self.missing_queries
        return f"INCOMPLETE: {self.missing_images:,} images and {self.missing_queries:,} of {queries:,} queries missing"


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """All that was judged in one run on one benchmark.

    Attributes:
        benchmark: its name.
        title: as its makers write it.
        split: of its files.
        judged: one for each part under each protocol, the official protocols first.
        parts: how many parts the benchmark has; means over parts need all of them.
        notes: remarks for the reader: what was left out and why, ties.
    """

    benchmark: str
    title: str
    split: str
    judged: tuple[Judged, ...]
    parts: int
    notes: tuple[str, ...] = ()

    def rows(self, *, intervals: bool = False) -> list[Row]:
        """Means in percent: of each protocol its parts, their macro average where there are several, its aspects.

        Args:
            intervals: also 95 % bootstrap intervals over queries, resampled within their part.
        """
        found: list[Row] = []
        for several in self._by_protocol():
            found += [_row([one], one.part, None, None, intervals) for one in several]
            if self.parts > 1 and len(several) == self.parts:
                found.append(_row(several, MEAN, None, None, intervals))
            for metric, name, chosen in _aspects(several):
                found.append(_row(several, f"aspect {name}", metric, chosen, intervals))
        return found

    def value(self, protocol: str, metric: str, part: str | None = None) -> float:
        """One figure in percent.

        Args:
            protocol: its id.
            metric: its name, "recall@10".
            part: None for the mean over parts, or for the only part.

        Raises:
            KeyError: there is no such figure.
        """
        wanted = part if part is not None else (MEAN if self.parts > 1 else None)
        for row in self.rows():
            if row.protocol == protocol and (wanted is None or row.part == wanted) and metric in row.values:
                return row.values[metric]
        raise KeyError(f"{protocol}, {part}, {metric}")

    def _by_protocol(self) -> Iterator[list[Judged]]:
        groups: dict[str, list[Judged]] = {}
        for one in self.judged:
            groups.setdefault(one.protocol.id, []).append(one)
        yield from groups.values()


def _aspects(several: Sequence[Judged]) -> Iterator[tuple[tuple[Metric, ...], str, list[npt.NDArray[np.bool_]]]]:
    metrics = several[0].protocol.by_aspect
    names = sorted({name for one in several for query in one.aspects for name in query}) if metrics else []
    for name in names:
        yield metrics, name, [of_aspect(one.aspects, name) for one in several]


def _row(
    several: Sequence[Judged],
    part: str,
    metrics: tuple[Metric, ...] | None,
    chosen: list[npt.NDArray[np.bool_]] | None,
    intervals: bool,
) -> Row:
    protocol = several[0].protocol
    asked = several[0].values if metrics is None else [metric.name for metric in metrics]
    names = [name for name in asked if all(name in one.values for one in several)]
    tables = [_table(one, names, None if chosen is None else chosen[number]) for number, one in enumerate(several)]
    tables = [table_QM for table_QM in tables if len(table_QM)]
    means = np.mean([table_QM.mean(axis=0) for table_QM in tables], axis=0) if names else np.zeros(0)
    spans = np.quantile(bootstrap_means(tables), [0.025, 0.975], axis=0) if intervals and names else None
    return Row(
        protocol=protocol.id,
        official=protocol.official,
        part=part,
        queries=sum(len(table) for table in tables),
        gallery=sum(one.gallery for one in several),
        missing_images=sum(one.missing_images for one in several),
        missing_queries=sum(one.missing_queries for one in several),
        values={name: 100 * float(mean) for name, mean in zip(names, means, strict=True)},
        intervals={}
        if spans is None
        else {name: (100 * float(low), 100 * float(high)) for name, low, high in zip(names, *spans, strict=True)},
    )


def _table(one: Judged, names: Sequence[str], chosen: npt.NDArray[np.bool_] | None) -> Floats:
    """(Q, M) values."""
    table_QM = np.stack([one.values[name] for name in names], axis=1) if names else np.zeros((len(one.ids), 0))
    return table_QM if chosen is None else table_QM[chosen]


def plain(row: Row) -> dict[str, Any]:
    """A row as plain values for JSON, unrounded."""
    return {
        "protocol": row.protocol,
        "official": row.official,
        "part": row.part,
        "queries": row.queries,
        "gallery": row.gallery,
        "missing_images": row.missing_images,
        "missing_queries": row.missing_queries,
        "values": dict(row.values),
        "intervals": {name: list(span) for name, span in row.intervals.items()},
    }

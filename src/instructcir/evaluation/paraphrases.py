"""Several wordings of each query: how far does a score depend on how one happens to say it?

Every wording is asked by itself. A query's worst wording gives its worst value, its best the best one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from instructcir.benchmarks.benchmark import Benchmark, Part, Protocol, Query
from instructcir.evaluation.by_id import a_query_of, queries_of, read_by_id, texts
from instructcir.evaluation.report import MEAN, Report
from instructcir.evaluation.scoring import score_vectors
from instructcir.evaluation.sections import Section, Table
from instructcir.evaluation.vectors import BenchmarkVectors
from instructcir.files import PathLike

_REMEDY = 'give each query a list of wordings, {"12060": ["in blue", "the same in blue"]}; see docs/formats.md'

Wordings = Mapping[str, tuple[str, ...]]
Values = dict[str, dict[str, list[float]]]
"""Query id -> metric -> a value for each of its wordings."""


@dataclass(frozen=True, slots=True)
class Spread:
    """One metric over the wordings of each query, in percent.

    Attributes:
        official: of the same queries in the benchmark's own wording.
        mean: of all wordings, every query counting alike.
        worst: each query by its worst wording.
        best: each query by its best wording.
        spread: best minus worst, in points.
    """

    official: float
    mean: float
    worst: float
    best: float

    @property
    def spread(self) -> float:
        """What the choice of words alone can change."""
        return self.best - self.worst


@dataclass(frozen=True, slots=True)
class Paraphrased:
    """A part under a protocol.

    Attributes:
        queries: that have wordings.
        wordings: of all of them together.
        spreads: metric -> how it spreads.
    """

    queries: int
    wordings: int
    spreads: Mapping[str, Spread]


def read_paraphrases(path: PathLike, benchmark: Benchmark) -> dict[str, tuple[str, ...]]:
    """Query id -> wordings, from a file that docs/formats.md describes. Queries may be left out.

    Raises:
        InputError: the file is something else, an id is unknown or comes twice, a wording is blank or comes twice.
    """
    entries = read_by_id(
        path,
        queries_of(benchmark),
        key="query",
        field="paraphrases",
        what=a_query_of(benchmark),
        remedy=_REMEDY,
    )
    return {query: texts(entry, "wordings", _REMEDY) for query, entry in entries.items()}


def with_paraphrases(benchmark: Benchmark, wordings: Wordings) -> Benchmark:
    """The same benchmark whose queries also have these wordings, as further variants of their modifications.

    One pass over the pictures then encodes them with everything else; `paraphrase_protocols` ask for them.
    """

    def more(query: Query) -> Query:
        extra = {_variant(number): text for number, text in enumerate(wordings.get(query.id, ()))}
        return replace(query, modifications={**query.modifications, **extra})

    parts = tuple(replace(part, queries=tuple(more(query) for query in part.queries)) for part in benchmark.parts)
    return replace(benchmark, parts=parts)


def paraphrase_protocols(benchmark: Benchmark, wordings: Wordings) -> list[Protocol]:
    """The official protocols in each further wording, for `encode`."""
    most = max(map(len, wordings.values()))
    official = [protocol for protocol in benchmark.protocols if protocol.official]
    return [replace(protocol, wording=(_variant(number),)) for protocol in official for number in range(most)]


def score_paraphrases(
    benchmark: Benchmark, vectors: BenchmarkVectors, wordings: Wordings, report: Report
) -> dict[tuple[str, str], Paraphrased]:
    """How each official score spreads over the wordings.

    Args:
        benchmark: of `with_paraphrases`.
        vectors: of its pictures, and of its queries in all wordings.
        wordings: query id -> wordings.
        report: of the official wording.

    Returns:
        (protocol, part) -> what was found; MEAN for the mean over parts where all of them have wordings.

    Raises:
        InputError: vectors are missing.
    """
    found: dict[tuple[str, str], Paraphrased] = {}
    for protocol in (one for one in benchmark.protocols if one.official):
        values = _values(benchmark, vectors, wordings, protocol)
        official = {one.part: one for one in report.judged if one.protocol.id == protocol.id}
        for part, by_query in values.items():
            place = {query: number for number, query in enumerate(official[part].ids)}
            rows = [place[query] for query in by_query]
            spreads = {
                metric: _spread([each[metric] for each in by_query.values()], found_Q[rows])
                for metric, found_Q in official[part].values.items()
                if metric in next(iter(by_query.values()))
            }
            count = sum(len(wordings[query]) for query in by_query)
            found[protocol.id, part] = Paraphrased(len(by_query), count, spreads)
        if len(values) == len(benchmark.parts) > 1:
            found[protocol.id, MEAN] = _mean([found[protocol.id, part] for part in values])
    return found


def section(found: Mapping[tuple[str, str], Paraphrased]) -> Section:
    """What was found, for people."""
    tables = []
    for (protocol, part), one in found.items():
        rows = tuple(
            (metric, *(f"{number:.2f}" for number in (s.official, s.mean, s.worst, s.best, s.spread)))
            for metric, s in one.spreads.items()
        )
        title = f"{protocol}, {part}: {one.queries:,} queries in {one.wordings:,} wordings"
        tables.append(Table(title, ("", "official", "mean", "worst", "best", "spread"), rows))
    notes = (
        "official: the same queries in the benchmark's own wording",
        "worst and best: each query by its worst and by its best wording; spread: best minus worst, in points",
    )
    values = {
        f"{protocol}, {part}": {
            "queries": one.queries,
            "wordings": one.wordings,
            **{metric: {**asdict(spread), "spread": spread.spread} for metric, spread in one.spreads.items()},
        }
        for (protocol, part), one in found.items()
    }
    return Section("paraphrases", "Paraphrases: does it depend on the words?", tuple(tables), notes, values)


def _variant(number: int) -> str:
    return f"paraphrase-{number + 1}"


def _values(
    benchmark: Benchmark, vectors: BenchmarkVectors, wordings: Wordings, protocol: Protocol
) -> dict[str, Values]:
    """Part -> values of each query's wordings."""
    found: dict[str, Values] = {}
    for number in range(max(map(len, wordings.values()))):
        asked = replace(protocol, wording=(_variant(number),))
        parts = tuple(_having(benchmark.parts, wordings, number))
        some = replace(benchmark, parts=parts, protocols=(asked,))
        for one in score_vectors(some, vectors).judged:
            for row, query in enumerate(one.ids):
                each = found.setdefault(one.part, {}).setdefault(query, {})
                for metric, values_Q in one.values.items():
                    each.setdefault(metric, []).append(float(values_Q[row]))
    return {part.name: found[part.name] for part in benchmark.parts if part.name in found}


def _having(parts: Sequence[Part], wordings: Wordings, number: int) -> Iterator[Part]:
    """Parts with those of their queries that have so many wordings."""
    for part in parts:
        queries = tuple(query for query in part.queries if len(wordings.get(query.id, ())) > number)
        if queries:
            yield replace(part, queries=queries)


def _spread(values: Sequence[Sequence[float]], official_Q: np.ndarray) -> Spread:
    return Spread(
        official=100 * float(official_Q.mean()),
        mean=100 * float(np.mean([np.mean(each) for each in values])),
        worst=100 * float(np.mean([min(each) for each in values])),
        best=100 * float(np.mean([max(each) for each in values])),
    )


def _mean(several: Sequence[Paraphrased]) -> Paraphrased:
    spreads = {}
    for metric in several[0].spreads:
        rows = [one.spreads[metric] for one in several]
        spreads[metric] = Spread(
            *(float(np.mean([getattr(row, name) for row in rows])) for name in ("official", "mean", "worst", "best"))
        )
    return Paraphrased(sum(one.queries for one in several), sum(one.wordings for one in several), spreads)

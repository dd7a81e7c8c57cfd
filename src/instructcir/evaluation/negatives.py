"""Pictures that must not come up for a query: how often do they, and what do they cost?

Shape letters: Q queries, K ranks, E pictures that must not come up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from instructcir.benchmarks.benchmark import CANDIDATES, Benchmark, Part, Protocol, Query
from instructcir.benchmarks.reading import plain_id
from instructcir.errors import InputError
from instructcir.evaluation.by_id import Entry, a_query_of, queries_of, read_by_id
from instructcir.evaluation.judging import answers_in_candidates, answers_in_gallery, rank_own, rank_part
from instructcir.evaluation.metrics import average_precision_at, hits, recall_at
from instructcir.evaluation.ranked import DEPTH, Indices, without
from instructcir.evaluation.scoring import covered
from instructcir.evaluation.sections import Section, Table
from instructcir.evaluation.vectors import BenchmarkVectors
from instructcir.files import PathLike

_REMEDY = 'give each query a list of pictures that must not come up, {"12060": ["dev-1-0-img1"]}; see docs/formats.md'

Negatives = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Negative:
    """A part under a protocol, in percent; over the queries that rank at least one of their negatives.

    Attributes:
        queries: how many these are.
        negatives: pictures that must not come up, of all of them together.
        recall: k -> share of queries with one of them among the first k. The lower, the better.
        precision: k -> mAP@k as it is.
        without: k -> mAP@k with these pictures taken out of the rankings.
    """

    queries: int
    negatives: int
    recall: Mapping[int, float]
    precision: Mapping[int, float]
    without: Mapping[int, float]

    def drop(self, k: int) -> float:
        """How many points of mAP@k they cost."""
        return self.without[k] - self.precision[k]


def read_negatives(path: PathLike, benchmark: Benchmark) -> dict[str, tuple[str, ...]]:
    """Query id -> pictures that must not come up, from a file that docs/formats.md describes. Queries may be left out.

    Raises:
        InputError: the file is something else; an id is unknown or comes twice; a picture is unknown, comes twice, is a
            correct answer, or is never ranked for its query.
    """
    queries = queries_of(benchmark)
    entries = read_by_id(path, queries, key="query", field="negatives", what=a_query_of(benchmark), remedy=_REMEDY)
    ranked = {query.id: names for part in benchmark.parts for query, names in _ranked(part)}
    return {
        identity: _names(entry, queries[identity], ranked[identity], benchmark) for identity, entry in entries.items()
    }


def score_negatives(
    benchmark: Benchmark, vectors: BenchmarkVectors, negatives: Negatives
) -> dict[tuple[str, str], Negative]:
    """How often negatives come up under the official protocols, and what they cost.

    Args:
        benchmark: with answers.
        vectors: of all its pictures and queries.
        negatives: query id -> names.

    Returns:
        (protocol, part) -> what was found; those in which no query ranks one of its negatives are left out.

    Raises:
        InputError: vectors are missing.
    """
    found: dict[tuple[str, str], Negative] = {}
    for protocol in (one for one in benchmark.protocols if one.official):
        for part in benchmark.parts:
            queries = [query for query in part.queries if _places_of(query, part, protocol, negatives)]
            if queries:
                found[protocol.id, part.name] = _scored(queries, part, protocol, vectors, negatives)
    return found


def section(found: Mapping[tuple[str, str], Negative]) -> Section:
    """What was found, for people."""
    tables = []
    for (protocol, part), one in found.items():
        rows = tuple(
            (f"@{k}", f"{one.recall[k]:.2f}", f"{one.precision[k]:.2f}", f"{one.without[k]:.2f}", f"{one.drop(k):.2f}")
            for k in one.recall
        )
        title = f"{protocol}, {part}: {one.queries:,} queries, {one.negatives:,} negatives"
        tables.append(Table(title, ("", "negative recall", "mAP", "mAP without them", "drop"), rows))
    notes: tuple[str, ...] = (
        "negative recall: share of queries with one of their negatives among the first; the lower, the better",
        "drop: what negatives above correct answers cost, in points of mAP",
    )
    if not tables:
        notes = ("no official protocol ranks any of these pictures for its query",)
    values = {
        f"{protocol}, {part}": {
            **{name: _by_k(value) for name, value in asdict(one).items()},
            "drop": _by_k({k: one.drop(k) for k in one.recall}),
        }
        for (protocol, part), one in found.items()
    }
    return Section("negatives", "Negatives: do pictures come up that must not?", tuple(tables), notes, values)


def _by_k(value: object) -> object:
    return {str(k): number for k, number in value.items()} if isinstance(value, Mapping) else value


def _ranked(part: Part) -> list[tuple[Query, frozenset[str]]]:
    """Queries with all names that some protocol ranks for them."""
    everywhere = frozenset(name for gallery in part.galleries.values() for name in gallery)
    return [(query, everywhere | frozenset(query.candidates)) for query in part.queries]


def _names(entry: Entry, query: Query, ranked: frozenset[str], benchmark: Benchmark) -> tuple[str, ...]:
    value = entry.value
    if (
        not isinstance(value, list)
        or not value
        or not all(isinstance(one, str | int) and one is not True for one in value)
    ):
        raise InputError(f"{entry.where}: no list of pictures; {_REMEDY}")
    found: dict[str, None] = {}
    for given in value:
        name = str(given) if str(given) in benchmark.pictures else plain_id(given)
        if name not in benchmark.pictures:
            of = f"{benchmark.title}'s split {benchmark.split}"
            raise InputError(f"{entry.where}: {given!r} is not a picture of {of}; take the names from its files")
        if name in found:
            raise InputError(f"{entry.where}: {given!r} comes twice; keep one")
        if name in query.relevant:
            raise InputError(f"{entry.where}: {given!r} is a correct answer of query {query.id}; leave it out")
        if name not in ranked:
            raise InputError(f"{entry.where}: {given!r} is in no gallery of query {query.id}; leave it out")
        found[name] = None
    return tuple(found)


def _places_of(query: Query, part: Part, protocol: Protocol, negatives: Negatives) -> list[str]:
    """Names of a query's negatives that the protocol ranks."""
    over = query.candidates if protocol.gallery == CANDIDATES else part.galleries[protocol.gallery]
    out = query.excluded if protocol.removes else ()
    return [name for name in negatives.get(query.id, ()) if name in over and name not in out]


def _scored(
    queries: Sequence[Query], part: Part, protocol: Protocol, vectors: BenchmarkVectors, negatives: Negatives
) -> Negative:
    names = [_places_of(query, part, protocol, negatives) for query in queries]
    some = Part(part.name, tuple(queries), part.galleries)
    there = covered(some, protocol.gallery, protocol.wording, vectors, allow_missing=False)
    if protocol.gallery == CANDIDATES:
        top_QK = rank_own(queries, protocol.wording, vectors, removes=protocol.removes).top_QK
        answers = answers_in_candidates(queries)
        bad = [
            [at for at, name in enumerate(query.candidates) if name in wrong]
            for query, wrong in zip(queries, names, strict=True)
        ]
    else:
        place = {name: at for at, name in enumerate(there.gallery)}
        depth = DEPTH + max(map(len, names))
        both = rank_part(queries, there.gallery, protocol.wording, vectors, depth=depth)
        top_QK = both[1 if protocol.removes else 0].top_QK
        answers = answers_in_gallery(queries, place)
        bad = [[place[name] for name in wrong] for wrong in names]
    ks = sorted({metric.k for metric in protocol.metrics})
    kept_QK = without(top_QK, _rectangle(bad))
    wrong_QK = hits(top_QK, bad)
    return Negative(
        queries=len(queries),
        negatives=sum(map(len, names)),
        recall={k: 100 * float(recall_at(wrong_QK, k).mean()) for k in ks},
        precision={k: _precision(top_QK, answers.relevant, k) for k in ks},
        without={k: _precision(kept_QK, answers.relevant, k) for k in ks},
    )


def _precision(top_QK: Indices, relevant: Sequence[Sequence[int]], k: int) -> float:
    return 100 * float(average_precision_at(hits(top_QK, relevant), relevant, k).mean())


def _rectangle(rows: Sequence[Sequence[int]]) -> npt.NDArray[np.int64]:
    found_QE = np.full((len(rows), max(map(len, rows))), -1, dtype=np.int64)
    for row_E, places in zip(found_QE, rows, strict=True):
        row_E[: len(places)] = places
    return found_QE

"""Ranked lists made elsewhere, scored as far as they reach: no metric is computed that a longer list could change.

Shape letters: Q queries, K the longest list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from instructcir.benchmarks.benchmark import CANDIDATES, Benchmark, Metric, Part, Protocol, Query
from instructcir.benchmarks.reading import plain_id, read_json
from instructcir.errors import InputError
from instructcir.evaluation.judging import answers_in_candidates, answers_in_gallery, judge, measured
from instructcir.evaluation.report import Judged, Report
from instructcir.evaluation.scoring import chosen_protocols
from instructcir.files import PathLike

HEADER = ("version", "metric")
"""Keys of CIRR's submission files that are no queries."""
_REMEDY = "docs/formats.md describes ranked lists"


@dataclass(frozen=True, slots=True)
class RankedLists:
    """What a file ranks.

    Attributes:
        lists: query id -> names, best first; of GeneCIS places among the query's candidates, 0 for the target.
        candidates_only: whether they rank each query's candidates and not a gallery.
    """

    lists: Mapping[str, tuple[str, ...]]
    candidates_only: bool


def read_lists(path: PathLike, benchmark: Benchmark) -> RankedLists:
    """Ranked lists from a JSON file: query id -> names, best first. The submission files of the servers are such files.

    Raises:
        InputError: the file cannot be read or is something else; a query is unknown, missing or there twice; a name is
            unknown or there twice.
    """
    content = read_json(Path(path), _REMEDY)
    if not isinstance(content, dict):
        raise InputError(f"{path}: no JSON object of query ids; {_REMEDY}")
    queries = {query.id: query for part in benchmark.parts for query in part.queries}
    lists: dict[str, tuple[str, ...]] = {}
    for key, value in content.items():
        if key in HEADER:
            continue
        identity = key if key in queries else plain_id(key)
        if identity not in queries:
            raise InputError(
                f"{path}: {key!r} is no query of {benchmark.title}'s split {benchmark.split}; leave it out"
            )
        if identity in lists:
            raise InputError(f"{path}: query {identity} comes twice, as {key!r} too; keep one")
        lists[identity] = _names(value, queries[identity], benchmark, f"{path}, query {key}")
    missing = [identity for identity in queries if identity not in lists]
    if missing:
        raise InputError(
            f"{path}: {len(missing):,} of {len(queries):,} queries have no list, the first {missing[0]}; rank them all"
        )
    own = all(query.candidates for query in queries.values()) and all(
        set(names) <= set(queries[identity].candidates) for identity, names in lists.items()
    )
    subset = content.get("metric") == "recall_subset" or own or benchmark.name == "genecis"
    return RankedLists(lists, subset)


def _names(value: Any, query: Query, benchmark: Benchmark, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str | int) and item is not True for item in value):
        raise InputError(f"{where}: no list of names; {_REMEDY}")
    if benchmark.name == "genecis":
        known: Mapping[str, object] = {str(place): None for place in range(len(query.candidates))}
        what = f"a place among its {len(query.candidates)} candidates, counted from 0"
    else:
        known, what = benchmark.pictures, f"a picture of {benchmark.title}'s split {benchmark.split}"
    seen: dict[str, None] = {}
    for item in value:
        name = str(item) if str(item) in known else plain_id(item)
        if name not in known:
            raise InputError(f"{where}: {item!r} is not {what}; take the names from its files")
        if name in seen:
            raise InputError(f"{where}: {item!r} comes twice; a ranking holds each picture once")
        seen[name] = None
    return tuple(seen)


def score_lists(benchmark: Benchmark, ranked: RankedLists, *, protocols: Sequence[str] = ()) -> Report:
    """Score ranked lists under every protocol of the official wording, as far as the lists reach.

    A list is taken as a ranking of the whole gallery of which only the beginning is known. Where a protocol removes the
    reference, it is taken out; where it keeps it, the list is taken as it is.

    Args:
        benchmark: with answers.
        ranked: its lists.
        protocols: ids of those to score; all that the lists allow if none is named.

    Raises:
        InputError: the answers are hidden, there is no such protocol, or no metric can be computed.
    """
    if benchmark.hidden:
        raise InputError(
            f"{benchmark.title} {benchmark.split}: its answers are not public; only its server can score it"
        )
    judged: list[Judged] = []
    notes: list[str] = []
    for protocol in chosen_protocols(benchmark, protocols):
        if protocol.wording != benchmark.official_wording:
            continue
        if ranked.candidates_only != (protocol.gallery == CANDIDATES) and ranked.candidates_only:
            continue
        for part in benchmark.parts:
            one, reached = _judged(part, protocol, ranked)
            if one:
                judged.append(one)
            lost = [metric.name for metric in measured(protocol) if metric not in reached]
            if lost:
                notes.append(f"{protocol.id}, {part.name}: the lists are too short for {', '.join(lost)}")
    if not judged:
        raise InputError(f"{benchmark.title}: the lists are too short for every metric of these protocols; rank more")
    notes += _never_themselves(benchmark, ranked)
    return Report(benchmark.name, benchmark.title, benchmark.split, tuple(judged), len(benchmark.parts), tuple(notes))


def _judged(part: Part, protocol: Protocol, ranked: RankedLists) -> tuple[Judged | None, list[Metric]]:
    """A part under a protocol, None where the lists reach no metric; and the metrics that they reach."""
    own = protocol.gallery == CANDIDATES
    names = () if own else part.galleries[protocol.gallery]
    place = {name: position for position, name in enumerate(names)}
    rows, whole = [], []
    for query in part.queries:
        listed = ranked.lists[query.id]
        if own:
            row, size = _among_candidates(query, listed, removes=protocol.removes)
        else:
            out = query.excluded if protocol.removes else ()
            row = [place[name] for name in listed if name in place and name not in out]
            size = len(names) - sum(name in place for name in out)
        rows.append(row)
        whole.append(len(row) == size)
    reach = min((len(row) for row, all_of_it in zip(rows, whole, strict=True) if not all_of_it), default=None)
    reached = [metric for metric in measured(protocol) if reach is None or metric.k <= reach]
    if not reached:
        return None, []
    top_QK = _padded(rows)
    answers = answers_in_candidates(part.queries) if own else answers_in_gallery(part.queries, place)
    judged = Judged(
        protocol=protocol,
        part=part.name,
        ids=tuple(query.id for query in part.queries),
        ranks_Q=_ranks(top_QK, answers.targets_Q),
        values=judge(top_QK, answers, reached),
        aspects=tuple(query.aspects for query in part.queries),
        gallery=len(names) or max(len(query.candidates) for query in part.queries),
    )
    return judged, reached


def _among_candidates(query: Query, listed: Sequence[str], *, removes: bool) -> tuple[list[int], int]:
    """Places among a query's candidates in the order of its list, and how many there are to rank."""
    out = query.excluded if removes else ()
    allowed = [number for number, name in enumerate(query.candidates) if name not in out]
    if query.id.partition("/")[1]:  # GeneCIS: the list holds places, for a picture may be a candidate twice
        return [int(place) for place in listed if int(place) in allowed], len(allowed)
    places = {query.candidates[number]: number for number in allowed}
    return [places[name] for name in listed if name in places], len(allowed)


def _padded(rows: Sequence[Sequence[int]]) -> npt.NDArray[np.int64]:
    top_QK = np.full((len(rows), max(1, max(map(len, rows)))), -1, dtype=np.int64)
    for number, row in enumerate(rows):
        top_QK[number, : len(row)] = row
    return top_QK


def _ranks(top_QK: npt.NDArray[np.int64], targets_Q: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Ranks from 1; 0 where the target is not in the list."""
    right_QK = (top_QK == targets_Q[:, None]) & (targets_Q[:, None] >= 0)
    return np.where(right_QK.any(axis=1), right_QK.argmax(axis=1) + 1, 0)


def _never_themselves(benchmark: Benchmark, ranked: RankedLists) -> list[str]:
    queries = [query for part in benchmark.parts for query in part.queries]
    if ranked.candidates_only or any(query.reference in ranked.lists[query.id] for query in queries):
        return []
    return [
        "no list holds its own reference: if it was removed before, the figures of protocols that keep it are those of "
        "another protocol"
    ]

"""Scores of ready vectors under every protocol that they allow, and never of a part of a gallery unless asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from instructcir.benchmarks.benchmark import CANDIDATES, Benchmark, Part, Protocol, Query
from instructcir.errors import InputError
from instructcir.evaluation.judging import (
    Answers,
    answers_in_candidates,
    answers_in_gallery,
    judge,
    measured,
    rank_own,
    rank_part,
)
from instructcir.evaluation.ranked import Ranking
from instructcir.evaluation.report import Judged, Report
from instructcir.evaluation.vectors import BenchmarkVectors

_SHOWN = 10  # names of each ranking that are kept for people to look at
Rankings = tuple[Ranking, Ranking]
"""With the reference kept, and with it removed."""


def score_vectors(
    benchmark: Benchmark,
    vectors: BenchmarkVectors,
    *,
    protocols: Sequence[str] = (),
    allow_missing: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Score vectors of a benchmark.

    A part (a category, a task) none of whose queries has a vector is left out, and so is a protocol that is not
    official and whose wording has no vectors; the report's notes say so. Whatever else is missing is an error.

    Args:
        benchmark: with answers.
        vectors: of its pictures and queries.
        protocols: ids of those to score; all that the vectors allow if none is named.
        allow_missing: rank what is there. A target without a vector is a miss, a query without one is not asked.
        progress: told what comes next.

    Raises:
        InputError: the answers are hidden, there is no such protocol, or vectors are missing.
    """
    require_answers(benchmark)
    chosen = chosen_protocols(benchmark, protocols)
    run = _Run(vectors, allow_missing)
    judged: list[Judged] = []
    for protocol in chosen:
        (progress or (lambda _: None))(protocol.id)
        for part in benchmark.parts:
            if one := run.judged(part, protocol, named=bool(protocols)):
                judged.append(one)
    if not judged:
        raise InputError(
            f"no vectors of any query of {benchmark.title} {benchmark.split}: are the ids as in its files?"
        )
    notes = (*_parts_left_out(benchmark, judged), *run.notes)
    return Report(benchmark.name, benchmark.title, benchmark.split, tuple(judged), len(benchmark.parts), notes)


def require_answers(benchmark: Benchmark) -> None:
    """Check that a benchmark can be scored here.

    Raises:
        InputError: its answers are hidden.
    """
    if benchmark.hidden:
        raise InputError(
            f"{benchmark.title} {benchmark.split}: its answers are not public; write submission files for its server "
            "(--submission FOLDER), or score the split val"
        )


def chosen_protocols(benchmark: Benchmark, ids: Sequence[str]) -> list[Protocol]:
    """Protocols by id, in the benchmark's order; all where none is named.

    Raises:
        InputError: there is no such protocol.
    """
    there = {protocol.id: protocol for protocol in benchmark.protocols}
    for identity in ids:
        if identity not in there:
            raise InputError(f"{benchmark.title} has no protocol {identity!r}; there are {', '.join(there)}")
    return [protocol for identity, protocol in there.items() if not ids or identity in ids]


@dataclass(frozen=True, slots=True)
class Coverage:
    """What of a part can be ranked.

    Attributes:
        queries: that have vectors.
        gallery: names that have vectors; empty where candidates are ranked.
        missing_images: how many have none.
        missing_queries: how many have none.
    """

    queries: tuple[Query, ...]
    gallery: tuple[str, ...]
    missing_images: int
    missing_queries: int


def covered(
    part: Part, gallery: str, wording: tuple[str, ...], vectors: BenchmarkVectors, *, allow_missing: bool
) -> Coverage:
    """What of a part has vectors, which must be all of it unless missing ones are allowed.

    Raises:
        InputError: vectors are missing; the message counts them and names the first.
    """
    queries = tuple(query for query in part.queries if vectors.has(query.id, wording))
    lost = len(part.queries) - len(queries)
    wanted = part.galleries[gallery] if gallery != CANDIDATES else _all_candidates(part)
    missing = [name for name in wanted if name not in vectors.gallery]
    if (missing or lost) and not allow_missing:
        raise InputError(_complaint(part, wanted, missing, wording, queries))
    there = () if gallery == CANDIDATES else tuple(name for name in wanted if name in vectors.gallery)
    return Coverage(queries, there, len(missing), lost)


class _Run:
    """Rankings that several protocols share, and remarks."""

    def __init__(self, vectors: BenchmarkVectors, allow_missing: bool) -> None:
        self.vectors = vectors
        self.allow_missing = allow_missing
        self.notes: list[str] = []
        self._ranked: dict[tuple[str, str, tuple[str, ...]], tuple[Coverage, Rankings]] = {}

    def judged(self, part: Part, protocol: Protocol, *, named: bool) -> Judged | None:
        """A part under a protocol; None where it is rightly left out."""
        some = any(self.vectors.has(query.id, protocol.wording) for query in part.queries)
        if not some:
            if named or (protocol.official and self._has_other_wording(part)):
                raise InputError(_complaint(part, (), [], protocol.wording, ()))
            self._note(f"{protocol.id} left out: no query vectors of {' and '.join(protocol.wording)}", part)
            return None
        coverage, rankings = self._rankings(part, protocol)
        ranking = rankings[1 if protocol.removes else 0]
        if protocol.official:
            self._note_ties(part, ranking)
        answers: Answers = (
            answers_in_candidates(coverage.queries)
            if protocol.gallery == CANDIDATES
            else answers_in_gallery(coverage.queries, {name: at for at, name in enumerate(coverage.gallery)})
        )
        return Judged(
            protocol=protocol,
            part=part.name,
            ids=tuple(query.id for query in coverage.queries),
            ranks_Q=ranking.target_rank_Q,
            values=judge(ranking.top_QK, answers, measured(protocol)),
            aspects=tuple(query.aspects for query in coverage.queries),
            gallery=len(coverage.gallery) or max(len(query.candidates) for query in coverage.queries),
            missing_images=coverage.missing_images,
            missing_queries=coverage.missing_queries,
            top=_top(ranking, coverage, own=protocol.gallery == CANDIDATES) if protocol.official else (),
        )

    def _rankings(self, part: Part, protocol: Protocol) -> tuple[Coverage, Rankings]:
        key = (part.name, protocol.gallery, protocol.wording)
        if key not in self._ranked:
            coverage = covered(part, protocol.gallery, protocol.wording, self.vectors, allow_missing=self.allow_missing)
            if protocol.gallery == CANDIDATES:
                rankings = (
                    rank_own(coverage.queries, protocol.wording, self.vectors, removes=False),
                    rank_own(coverage.queries, protocol.wording, self.vectors, removes=True),
                )
            else:
                rankings = rank_part(coverage.queries, coverage.gallery, protocol.wording, self.vectors)
            self._ranked[key] = coverage, rankings
        return self._ranked[key]

    def _has_other_wording(self, part: Part) -> bool:
        ids = {query.id for query in part.queries}
        return any(identity in ids for identity, _ in self.vectors.queries)

    def _note(self, text: str, part: Part) -> None:
        if self._has_other_wording(part) and text not in self.notes:
            self.notes.append(text)

    def _note_ties(self, part: Part, ranking: Ranking) -> None:
        if tied := int(ranking.tied_Q.sum()):
            self.notes.append(
                f"{part.name}: in {tied:,} queries another picture has the target's very score; "
                "the one that stands earlier in the gallery comes first"
            )


def _top(ranking: Ranking, coverage: Coverage, *, own: bool) -> tuple[tuple[str, ...], ...]:
    """The first names of each query's ranking."""
    rows = ranking.top_QK[:, :_SHOWN].tolist()
    names = [query.candidates if own else coverage.gallery for query in coverage.queries]
    return tuple(tuple(of[at] for at in row if at >= 0) for row, of in zip(rows, names, strict=True))


def _all_candidates(part: Part) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for query in part.queries for name in query.candidates))


def _complaint(
    part: Part, wanted: Sequence[str], missing: Sequence[str], wording: tuple[str, ...], queries: Sequence[Query]
) -> str:
    """What is missing, counted, with the first name of each, and what to do."""
    said = []
    if missing:
        said.append(f"{len(missing):,} of {len(wanted):,} pictures have no vector, the first {missing[0]}")
    there = {query.id for query in queries}
    lost = [query.id for query in part.queries if query.id not in there]
    if lost:
        variants = "" if len(wording) == 1 else f" of {' and '.join(wording)}"
        said.append(f"{len(lost):,} of {len(part.queries):,} queries have no vector{variants}, the first {lost[0]}")
    return (
        f"{part.name}: {'; '.join(said)}; add them, name a protocol that needs less (--protocol), or score what is "
        "there and have it said so (--allow-missing)"
    )


def _parts_left_out(benchmark: Benchmark, judged: Sequence[Judged]) -> list[str]:
    there = {one.part for one in judged}
    left = [part.name for part in benchmark.parts if part.name not in there]
    return [f"left out, for they have no query vectors: {', '.join(left)}; so there is no mean"] if left else []

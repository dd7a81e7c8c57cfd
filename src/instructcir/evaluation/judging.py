"""One part of a benchmark under its protocols: positions instead of names, ranking, and the metrics of each query.

Shape letters: Q queries, G gallery, C candidates, K depth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from instructcir.benchmarks.benchmark import Metric, Protocol, Query
from instructcir.evaluation.metrics import Floats, average_precision_at, hits, recall_at, soft_recall_at
from instructcir.evaluation.ranked import DEPTH, Indices, Ranking, rank_candidates, rank_gallery
from instructcir.evaluation.vectors import BenchmarkVectors

NEVER = -2
"""Stands for a relevant picture that was not ranked: it counts, and is never found."""


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What is right, as positions in the gallery or among a query's candidates.

    Attributes:
        targets_Q: -1 where it is hidden or was not ranked.
        relevant: all correct answers; NEVER for one that was not ranked.
        grades: position -> how right it is.
    """

    targets_Q: Indices
    relevant: list[list[int]]
    grades: list[dict[int, float]]


def answers_in_gallery(queries: Sequence[Query], place: Mapping[str, int]) -> Answers:
    """Answers as positions in a gallery.

    Args:
        queries: Q of them.
        place: name -> position of every picture that is ranked.
    """
    return Answers(
        np.array([place.get(query.relevant[0], -1) if query.relevant else -1 for query in queries], dtype=np.int64),
        [[place.get(name, NEVER) for name in query.relevant] for query in queries],
        [{place.get(name, NEVER): grade for name, grade in query.grades.items()} for query in queries],
    )


def answers_in_candidates(queries: Sequence[Query]) -> Answers:
    """Answers as positions among each query's own candidates; of equal names only the target's place is right."""
    targets_Q = np.array([-1 if query.target_at is None else query.target_at for query in queries], dtype=np.int64)
    grades = [
        {query.candidates.index(name): grade for name, grade in query.grades.items() if name in query.candidates}
        for query in queries
    ]
    return Answers(targets_Q, [[int(target)] if target >= 0 else [] for target in targets_Q], grades)


def rank_part(
    queries: Sequence[Query],
    gallery: Sequence[str],
    wording: tuple[str, ...],
    vectors: BenchmarkVectors,
    *,
    depth: int = DEPTH,
) -> tuple[Ranking, Ranking]:
    """Rankings of a gallery with the reference kept, and with it removed.

    Args:
        queries: which all have vectors in the wording.
        gallery: names, all of which have vectors.
        wording: variants that are averaged.
        vectors: of both.
        depth: ranks that are kept.
    """
    place = {name: position for position, name in enumerate(gallery)}
    targets_Q = answers_in_gallery(queries, place).targets_Q
    references_Q = np.array([place.get(query.reference, -1) for query in queries], dtype=np.int64)
    queries_QD = vectors.worded([query.id for query in queries], wording)
    rows_G = vectors.rows(gallery)
    return rank_gallery(queries_QD, vectors.gallery_ND, rows_G, targets_Q, references_Q, depth=depth)


def rank_own(
    queries: Sequence[Query], wording: tuple[str, ...], vectors: BenchmarkVectors, *, removes: bool
) -> Ranking:
    """Rankings of each query's own candidates; a candidate without a vector is left out."""
    most = max((len(query.candidates) for query in queries), default=0)
    rows_QC = np.full((len(queries), most), -1, dtype=np.int64)
    excluded_QC = np.zeros((len(queries), most), dtype=np.bool_)
    for number, query in enumerate(queries):
        rows_QC[number, : len(query.candidates)] = vectors.rows(query.candidates)
        if removes:
            excluded_QC[number, : len(query.candidates)] = [name in query.excluded for name in query.candidates]
    queries_QD = vectors.worded([query.id for query in queries], wording)
    targets_Q = answers_in_candidates(queries).targets_Q
    return rank_candidates(queries_QD, vectors.gallery_ND, rows_QC, targets_Q, excluded_QC)


def judge(top_QK: npt.NDArray[np.int64], answers: Answers, metrics: Sequence[Metric]) -> dict[str, Floats]:
    """Metrics of each query by their names, (Q,) each.

    Args:
        top_QK: positions, best first; -1 where a ranking is shorter.
        answers: as positions of the same kind.
        metrics: what to measure.
    """
    targets = [[target] if target >= 0 else [] for target in answers.targets_Q.tolist()]
    hit_QK = {"recall": hits(top_QK, targets), "mAP": hits(top_QK, answers.relevant)}
    found: dict[str, Floats] = {}
    for metric in metrics:
        if metric.kind == "recall":
            found[metric.name] = recall_at(hit_QK["recall"], metric.k)
        elif metric.kind == "mAP":
            found[metric.name] = average_precision_at(hit_QK["mAP"], answers.relevant, metric.k)
        else:
            found[metric.name] = soft_recall_at(top_QK, answers.grades, metric.k)
    return found


def measured(protocol: Protocol) -> tuple[Metric, ...]:
    """All metrics of a protocol, those by aspect too, each once."""
    return tuple(dict.fromkeys((*protocol.metrics, *protocol.by_aspect)))

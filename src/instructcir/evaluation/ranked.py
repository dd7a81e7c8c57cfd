"""From vectors to rankings: the first K of a gallery, and the target's exact rank, in bounded memory.

Among equal scores the picture that stands earlier in its gallery, or in its query's candidates, comes first.

Shape letters: Q queries, G gallery, N rows of vectors, C candidates of a query, D dimensions, K depth.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from instructcir.ranking import top_k

Vectors = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]

DEPTH = 50
"""Ranks that the protocols ask for, at most."""
MOST_BYTES = 256 * 2**20
"""Scores held at a time; so few queries are taken at once that a gallery of a million stays within it."""
_ROWS_AT_ONCE = 16384


@dataclass(frozen=True, slots=True)
class Ranking:
    """Rankings of Q queries.

    Attributes:
        top_QK: positions in the gallery or in the query's candidates, best first; -1 where a ranking is shorter.
        target_rank_Q: the target's rank, counted from 1; 0 where it is hidden or not among what was ranked.
        tied_Q: whether another picture has the target's very score.
    """

    top_QK: Indices
    target_rank_Q: Indices
    tied_Q: npt.NDArray[np.bool_]


def rank_gallery(
    queries_QD: Vectors,
    vectors_ND: Vectors,
    rows_G: Indices,
    targets_Q: Indices,
    references_Q: Indices,
    *,
    depth: int = DEPTH,
    most_bytes: int = MOST_BYTES,
) -> tuple[Ranking, Ranking]:
    """Rank one gallery for all queries, with the reference in it and, from the same scores, with it removed.

    Args:
        queries_QD: unit vectors.
        vectors_ND: unit vectors of pictures, in any order.
        rows_G: where the gallery's pictures stand in them.
        targets_Q: positions in the gallery; -1 where the target is hidden or missing.
        references_Q: positions in the gallery; -1 where the reference is not in it.
        depth: K.
        most_bytes: of scores at a time, but no less than one query's.

    Returns:
        The ranking with the reference kept, and that with it removed.
    """
    top, ranks, ties, before = [], [], [], []
    start = 0
    for scores_PG in scores_of(queries_QD, vectors_ND, rows_G, most_bytes):
        end = start + len(scores_PG)
        top.append(_padded(top_k(scores_PG, depth + 1)[0], depth + 1))
        target_P, reference_P = targets_Q[start:end], references_Q[start:end]
        counted = [_rank(scores_G, target) for scores_G, target in zip(scores_PG, target_P, strict=True)]
        ranks += [rank for rank, _ in counted]
        ties += [tied for _, tied in counted]
        before += [_is_before(*one) for one in zip(scores_PG, reference_P, target_P, strict=True)]
        start = end
    top_QK = np.concatenate(top) if top else np.zeros((0, depth + 1), dtype=np.int64)
    kept = Ranking(top_QK[:, :depth], np.array(ranks, dtype=np.int64), np.array(ties, dtype=np.bool_))
    same = (targets_Q == references_Q) & (targets_Q >= 0)
    ranks_Q = np.where(same, 0, kept.target_rank_Q - np.array(before, dtype=np.int64))
    return kept, replace(kept, top_QK=without(top_QK, references_Q[:, None])[:, :depth], target_rank_Q=ranks_Q)


def scores_of(
    queries_QD: Vectors, vectors_ND: Vectors, rows_G: Indices, most_bytes: int = MOST_BYTES
) -> Iterator[npt.NDArray[np.float32]]:
    """Dot products of all queries with a gallery, as pieces (P, G) of as many queries as fit.

    Args:
        queries_QD: query vectors.
        vectors_ND: vectors of pictures; half precision is widened block by block.
        rows_G: where the gallery's pictures stand in them.
        most_bytes: of a piece, but no less than one query's.
    """
    in_order = len(rows_G) == 0 or bool(rows_G[-1] - rows_G[0] == len(rows_G) - 1 and (np.diff(rows_G) == 1).all())
    first = int(rows_G[0]) if len(rows_G) else 0
    at_once = max(1, most_bytes // max(1, 4 * len(rows_G)))
    for start in range(0, len(queries_QD), at_once):
        queries_PD = np.asarray(queries_QD[start : start + at_once], dtype=np.float32)
        scores_PG = np.empty((len(queries_PD), len(rows_G)), dtype=np.float32)
        for begin in range(0, len(rows_G), _ROWS_AT_ONCE):
            end = min(begin + _ROWS_AT_ONCE, len(rows_G))
            block_BD = vectors_ND[first + begin : first + end] if in_order else vectors_ND[rows_G[begin:end]]
            scores_PG[:, begin:end] = queries_PD @ np.asarray(block_BD, dtype=np.float32).T
        yield scores_PG


def rank_candidates(
    queries_QD: Vectors, vectors_ND: Vectors, rows_QC: Indices, targets_Q: Indices, excluded_QC: npt.NDArray[np.bool_]
) -> Ranking:
    """Rank each query's own candidates.

    A picture that stands among them twice has the same score twice; only the entry at the target's position counts as
    the target.

    Args:
        queries_QD: unit vectors.
        vectors_ND: unit vectors of pictures.
        rows_QC: where each candidate stands in them; -1 where a query has fewer, or one is missing.
        targets_Q: positions among the candidates; -1 where the target is hidden.
        excluded_QC: candidates that are left out.
    """
    scores_QC = np.full(rows_QC.shape, -np.inf, dtype=np.float32)
    there_QC = (rows_QC >= 0) & ~excluded_QC
    for start in range(0, len(queries_QD), 256):
        piece = slice(start, start + 256)
        found_PCD = np.asarray(vectors_ND[rows_QC[piece]], dtype=np.float32)
        queries_PD = np.asarray(queries_QD[piece], dtype=np.float32)
        # not a matrix product: it may round equal vectors to unequal scores, by their place in it
        scores_QC[piece] = np.where(there_QC[piece], np.einsum("qcd,qd->qc", found_PCD, queries_PD), -np.inf)
    order_QC = np.argsort(-scores_QC, axis=1, kind="stable")
    order_QC[~np.take_along_axis(there_QC, order_QC, axis=1)] = -1
    shown = [target if target >= 0 and there[target] else -1 for target, there in zip(targets_Q, there_QC, strict=True)]
    ranks = [_rank(scores_C, target)[0] for scores_C, target in zip(scores_QC, shown, strict=True)]
    at_Q1 = np.maximum(np.array(shown, dtype=np.int64), 0)[:, None]
    equal_QC = (scores_QC == np.take_along_axis(scores_QC, at_Q1, axis=1)) & there_QC
    another_QC = rows_QC != np.take_along_axis(rows_QC, at_Q1, axis=1)  # and not the target's own picture once more
    tied_Q = (equal_QC & another_QC).any(axis=1) & (np.array(shown) >= 0)
    return Ranking(order_QC, np.array(ranks, dtype=np.int64), tied_Q)


def _rank(scores_G: npt.NDArray[np.float32], target: int) -> tuple[int, bool]:
    """The target's rank, 0 where there is none, and whether it shares its score."""
    if target < 0:
        return 0, False
    score = scores_G[target]
    equal_G = scores_G == score
    earlier = int(np.count_nonzero(equal_G[:target]))
    return 1 + int(np.count_nonzero(scores_G > score)) + earlier, bool(np.count_nonzero(equal_G) > 1)


def _is_before(scores_G: npt.NDArray[np.float32], reference: int, target: int) -> bool:
    if min(reference, target) < 0 or reference == target:
        return False
    return bool((-scores_G[reference], reference) < (-scores_G[target], target))


def _padded(top_PK: Indices, depth: int) -> Indices:
    return np.pad(top_PK, ((0, 0), (0, depth - top_PK.shape[1])), constant_values=-1)


def without(top_QK: Indices, excluded_QE: Indices) -> Indices:
    """Rankings with positions taken out.

    Args:
        top_QK: positions, best first; -1 where a ranking is shorter.
        excluded_QE: positions to take out; -1 where there are fewer.

    Returns:
        (Q, K), filled up with -1.
    """
    out_QK = (top_QK[:, :, None] == excluded_QE[:, None, :]).any(axis=2) | (top_QK < 0)
    order_QK = np.argsort(out_QK, axis=1, kind="stable")
    kept_QK = np.take_along_axis(top_QK, order_QK, axis=1)
    kept_QK[np.take_along_axis(out_QK, order_QK, axis=1)] = -1
    return kept_QK

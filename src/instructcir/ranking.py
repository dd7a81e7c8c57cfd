"""The best k of a gallery, exactly, with a fixed order among equal scores.

Shape letters: Q queries, G gallery, K top (the smaller of k and G), D dimensions.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from instructcir.errors import InputError

FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]
IndexArray: TypeAlias = npt.NDArray[np.int64]

_QUERIES_AT_ONCE = 256
_SAMPLE = 4096  # scores of a long row that are looked at first, to leave out most of the others


def top_k(scores_QG: npt.ArrayLike, k: int) -> tuple[IndexArray, FloatArray]:
    """Rank a gallery by score, highest first; among equal scores the lower gallery index comes first.

    The gallery is partitioned, never sorted: a query costs O(G + K log K) time and O(G) memory. Of a long row an evenly
    spread sample gives a score that the best k surely reach; one comparison then leaves few of the others.

    Args:
        scores_QG: one row of scores a query; infinities are allowed, so -inf can stand for "excluded".
        k: how many to return, at least 1; more than G means all of them.

    Returns:
        indices_QK (int64) and scores_QK (the scores' own type; integers become float64).

    Raises:
        InputError: k is below 1, the scores are not a matrix, or one of them is NaN.
    """
    scores_QG = _float_matrix(scores_QG, "scores")
    count = min(_checked_k(k), scores_QG.shape[1])
    indices_QK = np.empty((len(scores_QG), count), dtype=np.int64)
    for query, scores_G in enumerate(scores_QG):
        indices_QK[query] = _top_of_one(scores_G, count, query)
    return indices_QK, np.take_along_axis(scores_QG, indices_QK, axis=1)


def blocked_top_k(
    queries_QD: npt.ArrayLike, gallery_GD: npt.ArrayLike, k: int, block: int = 32768
) -> tuple[IndexArray, FloatArray]:
    """Rank a gallery by dot product without ever holding the whole score matrix.

    Beside its arguments and its result it holds a block of the gallery and one piece of scores (at most 256 x block),
    so the gallery may be a memory-mapped file. The order is `top_k`'s. A matrix product may round its last bit
    differently for another block size; scores that differ by less than that can change places.

    Args:
        queries_QD: query vectors.
        gallery_GD: gallery vectors; half precision is widened to float32 block by block.
        k: how many to return, at least 1; more than G means all of them.
        block: gallery rows at a time, at least 1.

    Returns:
        indices_QK (int64) and scores_QK (float32, or float64 when an input is).

    Raises:
        InputError: k or block is below 1, the shapes do not match, or a vector holds NaN or infinity.
    """
    queries_QD, gallery_GD = _float_matrix(queries_QD, "queries"), _float_matrix(gallery_GD, "gallery")
    if queries_QD.shape[1] != gallery_GD.shape[1]:
        raise InputError(
            f"queries have {queries_QD.shape[1]} dimensions, the gallery has {gallery_GD.shape[1]}; "
            "encode both with one model"
        )
    if block < 1:
        raise InputError(f"block is {block}; it must be at least 1")
    count = min(_checked_k(k), len(gallery_GD))
    dtype = np.result_type(queries_QD, gallery_GD, np.float32)
    queries_QD = _finite(queries_QD.astype(dtype, copy=False), "query", first=0)
    indices_QK = np.zeros((len(queries_QD), 0), dtype=np.int64)
    scores_QK = np.zeros((len(queries_QD), 0), dtype=dtype)
    for start in range(0, len(gallery_GD), block):
        block_BD = _finite(gallery_GD[start : start + block].astype(dtype, copy=False), "gallery", first=start)
        indices_QB, scores_QB = _top_of_block(queries_QD, block_BD, count)
        # What was found before stands first and has lower indices, so that top_k's order among equals is kept.
        both_indices = np.concatenate([indices_QK, indices_QB + start], axis=1)
        best_QK, scores_QK = top_k(np.concatenate([scores_QK, scores_QB], axis=1), count)
        indices_QK = np.take_along_axis(both_indices, best_QK, axis=1)
    return indices_QK, scores_QK


def _top_of_block(queries_QD: FloatArray, block_BD: FloatArray, k: int) -> tuple[IndexArray, FloatArray]:
    """Score a block of the gallery in pieces of few queries, and keep the best k of each."""
    starts = range(0, max(len(queries_QD), 1), _QUERIES_AT_ONCE)
    parts = [top_k(queries_QD[start : start + _QUERIES_AT_ONCE] @ block_BD.T, k) for start in starts]
    return np.concatenate([indices for indices, _ in parts]), np.concatenate([scores for _, scores in parts])


def _top_of_one(scores_G: FloatArray, k: int, query: int) -> IndexArray:
    """Return the k best indices of one row, 0 <= k <= G."""
    if k == 0:
        return np.zeros(0, dtype=np.int64)
    if len(scores_G) > max(2 * _SAMPLE, 8 * k):
        kept = _reaching(scores_G, k)
        if len(kept) < len(scores_G) // 2:  # else most are equal, and a partition of the row costs less
            return kept[_top_of_one(scores_G[kept], k, query)]
    candidates = np.argpartition(scores_G, -k)[-k:]
    lowest = scores_G[candidates].min()
    if np.isnan(lowest):  # numpy orders NaN above every number, so a row's NaNs are always among its candidates
        raise InputError(f"scores: row {query} holds NaN; look for a broken vector")
    # A partition picks any of those that equal the lowest: take the sure ones and then the first equals.
    above = candidates[scores_G[candidates] > lowest]
    equal = np.flatnonzero(scores_G == lowest)[: k - len(above)]
    chosen = np.concatenate([above, equal])
    return chosen[np.lexsort((chosen, -scores_G[chosen]))]


def _reaching(scores_G: FloatArray, k: int) -> IndexArray:
    """Indices, ascending, of scores that reach the k-th best of a sample: all of the best k are among them.

    All indices where the row holds NaN, so that the partition finds it.
    """
    if np.isnan(scores_G.max()):
        return np.arange(len(scores_G))
    sample = scores_G[:: max(1, len(scores_G) // max(_SAMPLE, 2 * k))]
    return np.flatnonzero(scores_G >= np.partition(sample, -k)[-k])


def _checked_k(k: int) -> int:
    if k < 1:
        raise InputError(f"k is {k}; it must be at least 1")
    return k


def _float_matrix(values: npt.ArrayLike, name: str) -> FloatArray:
    array = np.asanyarray(values)  # asanyarray keeps a memory-mapped gallery on the disk
    if array.ndim != 2:
        raise InputError(f"{name}: expected a matrix (2 axes), got shape {array.shape}")
    return array if np.issubdtype(array.dtype, np.floating) else array.astype(np.float64)


def _finite(vectors: FloatArray, name: str, first: int) -> FloatArray:
    good = np.isfinite(vectors).all(axis=1)
    if not good.all():
        raise InputError(f"{name} vector {first + int(np.argmin(good))} holds NaN or infinity; encode it again")
    return vectors

"""Retrieval metrics as pure functions of arrays.

They judge rankings that are made already; ties are settled where a ranking is made (`ranking`, `ranked`): among equal
scores the entry that stands earlier in its gallery comes first, so that no metric depends on a sort's instability.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

# shapes: Q queries, K ranks, M metrics, B resamples

Floats = npt.NDArray[np.float64]
Ranked = npt.NDArray[np.integer[Any]]


def hits(ranked_QK: Ranked, relevant: Sequence[Sequence[int]]) -> npt.NDArray[np.bool_]:
    """Whether each ranked picture is relevant.

    Args:
        ranked_QK: gallery indices, best first; -1 where a ranking is shorter.
        relevant: for each query the relevant indices.

    Returns:
        (Q, K) bool.
    """
    found = np.zeros(ranked_QK.shape, dtype=np.bool_)
    for row, right, marks in zip(ranked_QK, relevant, found, strict=True):
        for index in right:
            marks |= row == index
    return found & (ranked_QK >= 0)


def recall_at(hits_QK: npt.NDArray[np.bool_], k: int) -> Floats:
    """1 for each query with a relevant picture among its first k, else 0: (Q,).

    With the target alone as relevant this is Recall@k of all four benchmarks, on a ranking of the image set's other
    members CIRR's Recall_subset@k, on a template's pictures GeneCIS's.
    """
    found: Floats = np.asarray(hits_QK[:, :k].any(axis=1), dtype=np.float64)
    return found


def soft_recall_at(ranked_QK: Ranked, grades: Sequence[Mapping[int, float]], k: int) -> Floats:
    """The highest grade among the first k of each query (Q,), and 0 where there is none above 0.

    Args:
        ranked_QK: gallery indices, best first; -1 where a ranking is shorter.
        grades: for each query index -> how right it is; CIRR's are 1, 0.5, 0.2 and -1.
        k: how many ranks count.

    Source: CIRPLANT's validation by `target_soft` (Liu et al., ICCV 2021).
    """
    best = [
        max((grade for index, grade in one.items() if index in row), default=0.0)
        for row, one in zip((set(row.tolist()) for row in ranked_QK[:, :k]), grades, strict=True)
    ]
    return np.maximum(np.array(best, dtype=np.float64), 0.0)


def average_precision_at(hits_QK: npt.NDArray[np.bool_], relevant: Sequence[Sequence[int]], k: int) -> Floats:
    """CIRCO's AP@k of each query (Q,): precision at each relevant rank, summed, over min(k, relevant pictures).

    Args:
        hits_QK: from `hits`, with all relevant pictures.
        relevant: for each query all relevant indices, those missing from the ranking too; at least one.
        k: how many ranks count.

    Source: Baldrati et al., "Zero-Shot Composed Image Retrieval with Textual Inversion", ICCV 2023.
    """
    first = hits_QK[:, :k]
    precision = first.cumsum(axis=1) / np.arange(1, first.shape[1] + 1)
    counts = np.array([min(k, len(right)) for right in relevant])
    average: Floats = np.asarray((precision * first).sum(axis=1) / counts)
    return average


def macro_mean(values: Sequence[Floats]) -> float:
    """The mean of means: each part counts alike, whatever its number of queries (FashionIQ, GeneCIS)."""
    return float(np.mean([part.mean() for part in values]))


def of_aspect(aspects: Sequence[Sequence[str]], name: str) -> npt.NDArray[np.bool_]:
    """Which queries bear an aspect: (Q,) bool. A query counts for each aspect that it bears."""
    return np.array([name in several for several in aspects], dtype=np.bool_)


def bootstrap_interval(
    values_Q: Floats, *, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Percentile bootstrap interval of a mean over queries.

    Args:
        values_Q: one value a query.
        level: of confidence.
        draws: resamples.
        seed: of the resampling.

    Raises:
        ValueError: no values.
    """
    means_B = bootstrap_means([values_Q[:, None]], draws=draws, seed=seed)[:, 0]
    low, high = np.quantile(means_B, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def bootstrap_means(parts: Sequence[Floats], *, draws: int = 2000, seed: int = 0) -> Floats:
    """Means of resampled queries, (B, M), the mean over parts where there are several.

    All M columns of a part are resampled together, so that differences of columns are paired.

    Args:
        parts: (Q, M) each; Q may differ, queries are resampled within their part.
        draws: B.
        seed: of the resampling.

    Raises:
        ValueError: a part has no values.
    """
    rng = np.random.default_rng(seed)
    total = np.zeros((draws, parts[0].shape[1]))
    for values_QM in parts:
        count = len(values_QM)
        if not count:
            raise ValueError("an interval needs values")
        for start in range(0, draws, _DRAWS_AT_ONCE):
            some = min(_DRAWS_AT_ONCE, draws - start)
            chosen = rng.integers(0, count, (some, count)) + count * np.arange(some)[:, None]
            weights = np.bincount(chosen.ravel(), minlength=some * count).reshape(some, count)
            total[start : start + some] += weights @ values_QM / count
    return total / len(parts)


_DRAWS_AT_ONCE = 250

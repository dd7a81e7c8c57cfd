"""Retrieval metrics as pure functions of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

# shapes: Q queries, K ranks

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
    return np.stack([np.isin(row, list(right)) for row, right in zip(ranked_QK, relevant, strict=True)])


def recall_at(hits_QK: npt.NDArray[np.bool_], k: int) -> Floats:
    """1 for each query with a relevant picture among its first k, else 0: (Q,)."""
    found: Floats = np.asarray(hits_QK[:, :k].any(axis=1), dtype=np.float64)
    return found


def average_precision_at(hits_QK: npt.NDArray[np.bool_], relevant: Sequence[Sequence[int]], k: int) -> Floats:
    """CIRCO's AP@k of each query (Q,): precision at each relevant rank, summed, over min(k, relevant pictures).

    Source: Baldrati et al., "Zero-Shot Composed Image Retrieval with Textual Inversion", ICCV 2023.
    """
    first = hits_QK[:, :k]
    precision = first.cumsum(axis=1) / np.arange(1, first.shape[1] + 1)
    counts = np.array([min(k, len(right)) for right in relevant])
    average: Floats = np.asarray((precision * first).sum(axis=1) / counts)
    return average


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
    if not len(values_Q):
        raise ValueError("an interval needs values")
    rng = np.random.default_rng(seed)
    means = [values_Q[rng.integers(0, len(values_Q), len(values_Q))].mean() for _ in range(draws)]
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)

"""Metrics against what their definitions say, word for word."""

from __future__ import annotations

import numpy as np
import pytest

from instructcir.evaluation.metrics import average_precision_at, bootstrap_interval, hits, recall_at


def naive_precision(ranked: list[int], relevant: set[int], k: int) -> float:
    total, found = 0.0, 0
    for rank, index in enumerate(ranked[:k], start=1):
        if index in relevant:
            found += 1
            total += found / rank
    return total / min(k, len(relevant))


@pytest.mark.parametrize("k", [1, 3, 7])
def test_against_the_definitions(k: int) -> None:
    rng = np.random.default_rng(0)
    ranked = np.stack([rng.permutation(11) for _ in range(9)])
    relevant = [sorted(rng.choice(11, size=size, replace=False).tolist()) for size in (1, 2, 3, 4, 5, 6, 7, 8, 11)]
    right = hits(ranked, relevant)
    expected = [naive_precision(row.tolist(), set(one), k) for row, one in zip(ranked, relevant, strict=True)]
    assert average_precision_at(right, relevant, k) == pytest.approx(expected)
    found = [float(bool(set(row[:k].tolist()) & set(one))) for row, one in zip(ranked, relevant, strict=True)]
    assert recall_at(right, k).tolist() == found


def test_a_short_ranking_is_filled_with_nothing() -> None:
    right = hits(np.array([[4, -1, -1]]), [[4, 0]])
    assert right.tolist() == [[True, False, False]]
    assert average_precision_at(right, [[4, 0]], 3)[0] == pytest.approx(0.5)


def test_intervals_hold_the_mean_and_narrow_with_more_queries() -> None:
    few, many = np.tile([0.0, 1.0], 10), np.tile([0.0, 1.0], 1000)
    low, high = bootstrap_interval(few)
    assert low < 0.5 < high
    narrow = bootstrap_interval(many)
    assert narrow[1] - narrow[0] < (high - low) / 5
    assert bootstrap_interval(np.ones(5)) == (1.0, 1.0)
    with pytest.raises(ValueError, match="needs values"):
        bootstrap_interval(np.array([]))

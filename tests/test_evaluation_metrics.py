"""Metrics against what their definitions say, word for word, at odd sizes."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation_oracles import average_precision
from instructcir.evaluation.metrics import (
    average_precision_at,
    bootstrap_interval,
    bootstrap_means,
    hits,
    macro_mean,
    of_aspect,
    recall_at,
    soft_recall_at,
)


@pytest.mark.parametrize("k", [1, 3, 7, 50])
def test_against_the_definitions(k: int) -> None:
    rng = np.random.default_rng(0)
    ranked = np.stack([rng.permutation(11) for _ in range(9)])
    relevant = [sorted(rng.choice(11, size=size, replace=False).tolist()) for size in (1, 2, 3, 4, 5, 6, 7, 8, 11)]
    right = hits(ranked, relevant)
    rows = [[str(index) for index in row] for row in ranked.tolist()]
    expected = [average_precision(row, [str(i) for i in one], k) for row, one in zip(rows, relevant, strict=True)]
    assert average_precision_at(right, relevant, k) == pytest.approx(expected)
    found = [float(bool(set(row[:k].tolist()) & set(one))) for row, one in zip(ranked, relevant, strict=True)]
    assert recall_at(right, k).tolist() == found


def test_average_precision_divides_by_the_smaller_of_k_and_the_number_of_relevant_pictures() -> None:
    ranked = np.array([[3, 0, 4, 1, 2]])
    right = hits(ranked, [[3, 4, 9]])
    assert average_precision_at(right, [[3, 4, 9]], 1)[0] == 1  # one of one, though two more are relevant
    assert average_precision_at(right, [[3, 4, 9]], 2)[0] == 1 / 2
    assert average_precision_at(right, [[3, 4, 9]], 5)[0] == pytest.approx((1 + 2 / 3) / 3)


def test_a_short_ranking_is_filled_with_nothing() -> None:
    right = hits(np.array([[4, -1, -1]]), [[4, 0]])
    assert right.tolist() == [[True, False, False]]
    assert average_precision_at(right, [[4, 0]], 3)[0] == pytest.approx(0.5)
    assert not hits(np.array([[-1, -1]]), [[-1]]).any()


def test_the_highest_grade_counts_and_none_is_below_nothing() -> None:
    ranked = np.array([[5, 2, 7], [5, 2, 7], [5, 2, 7], [5, 2, -1]])
    grades = [{2: 0.5, 7: 1.0}, {5: -1.0}, {}, {2: 0.2, 5: -1.0, 9: 1.0}]
    assert soft_recall_at(ranked, grades, 1).tolist() == [0, 0, 0, 0]
    assert soft_recall_at(ranked, grades, 2).tolist() == [0.5, 0, 0, 0.2]
    assert soft_recall_at(ranked, grades, 3).tolist() == [1, 0, 0, 0.2]


def test_every_part_counts_alike_in_a_macro_mean() -> None:
    assert macro_mean([np.ones(1), np.zeros(99)]) == 0.5


def test_a_query_counts_for_each_of_its_aspects() -> None:
    assert of_aspect([("a", "b"), ("b",), ()], "b").tolist() == [True, True, False]


def test_intervals_hold_the_mean_and_narrow_with_more_queries() -> None:
    few, many = np.tile([0.0, 1.0], 10), np.tile([0.0, 1.0], 1000)
    low, high = bootstrap_interval(few)
    assert low < 0.5 < high
    narrow = bootstrap_interval(many)
    assert narrow[1] - narrow[0] < (high - low) / 5
    assert bootstrap_interval(np.ones(5)) == (1.0, 1.0)
    with pytest.raises(ValueError, match="needs values"):
        bootstrap_interval(np.array([]))


def test_resampling_has_the_spread_that_theory_gives() -> None:
    values = np.random.default_rng(1).random((257, 2))
    means = bootstrap_means([values], draws=4000)
    assert means.mean(axis=0) == pytest.approx(values.mean(axis=0), abs=0.002)
    assert means.std(axis=0) == pytest.approx(values.std(axis=0) / 257**0.5, rel=0.1)
    columns = bootstrap_means([np.repeat(values[:, :1], 2, axis=1)])
    assert (columns[:, 0] == columns[:, 1]).all()  # paired: the same queries are drawn for all columns


def test_parts_are_resampled_apart_and_averaged() -> None:
    means = bootstrap_means([np.ones((3, 1)), np.zeros((50, 1))])
    assert (means == 0.5).all()

"""What a ranking in random order reaches in the mean, and what a perfect one reaches: the two ends of a metric's scale.

Both are computed from numbers alone, query by query: how many pictures are ranked and how many of them are right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np

from instructcir.benchmarks.benchmark import CANDIDATES, Metric, Part, Protocol, Query


@dataclass(frozen=True, slots=True)
class Bounds:
    """The ends of a metric's scale, in percent.

    Attributes:
        random: the mean over all orders of what is ranked.
        oracle: of a perfect ranking; less than 100 where no ranking could do better under the protocol.
    """

    random: float
    oracle: float


def bounds(part: Part, protocol: Protocol) -> dict[str, Bounds]:
    """Bounds of each metric of a part, by the metric's name."""
    gallery = set() if protocol.gallery == CANDIDATES else set(part.galleries[protocol.gallery])
    asked = [_Asked.of(query, gallery, protocol) for query in part.queries]
    return {
        metric.name: Bounds(
            random=100 * float(np.mean([_random(one, metric) for one in asked])),
            oracle=100 * float(np.mean([_oracle(one, metric) for one in asked])),
        )
        for metric in protocol.metrics
    }


@dataclass(frozen=True, slots=True)
class _Asked:
    """The numbers of one query: pictures ranked, whether the target is, right ones ranked and in all, their grades."""

    ranked: int
    target: bool
    right: int
    relevant: int
    grades: tuple[float, ...]

    @classmethod
    def of(cls, query: Query, gallery: set[str], protocol: Protocol) -> _Asked:
        if protocol.gallery == CANDIDATES:
            left = [n for n, name in enumerate(query.candidates) if not (protocol.removes and name in query.excluded)]
            names = {query.candidates[place] for place in left}
            target = query.target_at in left
            return cls(len(left), target, int(target), 1, _grades(query, names))
        out = {query.reference} & gallery if protocol.removes else set()
        right = sum(name in gallery and name not in out for name in query.relevant)
        target = query.relevant[0] in gallery and query.relevant[0] not in out
        return cls(len(gallery) - len(out), target, right, len(query.relevant), _grades(query, gallery - out))


def _grades(query: Query, ranked: set[str]) -> tuple[float, ...]:
    """Grades above 0 of ranked pictures, the highest first."""
    return tuple(sorted((g for name, g in query.grades.items() if name in ranked and g > 0), reverse=True))


def _random(asked: _Asked, metric: Metric) -> float:
    count, shown = asked.ranked, min(metric.k, asked.ranked)
    if metric.kind == "recall":
        return asked.target * shown / count if count else 0.0
    if metric.kind == "soft_recall":
        return sum(_highest(count, shown, place) * grade for place, grade in enumerate(asked.grades))
    return random_precision(count, asked.right, shown) / min(metric.k, asked.relevant)


def random_precision(count: int, right: int, shown: int) -> float:
    """The mean over all orders of count pictures, right of them relevant, of precision summed over relevant ranks.

    At rank i a picture is relevant with probability right / count, and then each of the i - 1 before it with
    (right - 1) / (count - 1).

    Args:
        count: pictures ranked.
        right: relevant ones among them.
        shown: ranks that count.
    """
    before = (right - 1) / (count - 1) if count > 1 else 0.0
    return sum(right / count * (1 + (rank - 1) * before) / rank for rank in range(1, shown + 1))


def _highest(count: int, shown: int, place: int) -> float:
    """How likely the picture with the place-th highest grade is shown and none of those before it is."""
    return (comb(count - place, shown) - comb(count - place - 1, shown)) / comb(count, shown)


def _oracle(asked: _Asked, metric: Metric) -> float:
    if metric.kind == "recall":
        return float(asked.target)
    if metric.kind == "soft_recall":
        return max(asked.grades, default=0.0)
    return min(metric.k, asked.right) / min(metric.k, asked.relevant)


def mean_bounds(several: Sequence[Bounds]) -> Bounds:
    """Of parts that count alike."""
    return Bounds(
        float(np.mean([one.random for one in several])),
        float(np.mean([one.oracle for one in several])),
    )

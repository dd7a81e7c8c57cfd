"""Before and after: differences with paired intervals, and one line that says whether to switch to the new model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from instructcir.evaluation.metrics import Floats, bootstrap_means

# shapes: Q queries

MOST_LOST = 2.0
"""Points that any measure which does not decide may lose, in the mean, before a switch is advised against."""


@dataclass(frozen=True, slots=True)
class Change:
    """One metric before and after, in percent.

    Attributes:
        measure: what was asked: "composed, to pictures".
        metric: "recall@1".
        queries: Q.
        before: the mean with the old model.
        after: with the new one.
        low: lower end of the 95 % interval of after - before, resampled over queries, in points.
        high: its upper end.
    """

    measure: str
    metric: str
    queries: int
    before: float
    after: float
    low: float
    high: float

    @property
    def gain(self) -> float:
        """After - before, in points."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do.

    Attributes:
        switch: whether the new model is to be used.
        line: the reason, in one line.
    """

    switch: bool
    line: str


def change(measure: str, metric: str, before_Q: Floats, after_Q: Floats) -> Change:
    """Compare one metric of the same queries.

    Args:
        measure: what was asked.
        metric: its name.
        before_Q: (Q,) from 0 to 1, of the old model.
        after_Q: (Q,) of the new one.

    Raises:
        ValueError: the numbers of queries differ, or there are none.
    """
    if before_Q.shape != after_Q.shape:
        raise ValueError(f"{measure}: {before_Q.shape} before and {after_Q.shape} after")
    difference_Q1 = (after_Q - before_Q)[:, None]
    low, high = np.quantile(bootstrap_means([difference_Q1])[:, 0], [0.025, 0.975])
    means = 100 * float(before_Q.mean()), 100 * float(after_Q.mean())
    return Change(measure, metric, len(before_Q), *means, 100 * float(low), 100 * float(high))


def changes(before: Mapping[str, Mapping[str, Floats]], after: Mapping[str, Mapping[str, Floats]]) -> list[Change]:
    """Compare all metrics of all measures.

    Args:
        before: measure -> metric -> (Q,), of the old model.
        after: the same of the new one.
    """
    return [
        change(measure, metric, values, after[measure][metric])
        for measure, metrics in before.items()
        for metric, values in metrics.items()
    ]


def verdict(found: list[Change], deciding: str, metric: str = "recall@1") -> Verdict:
    """Say whether to switch.

    Switch if the deciding measure's interval of the gain lies above 0 and no other measure lost more than `MOST_LOST`
    points in that metric. In doubt, stay: the old model is known.

    Args:
        found: all changes.
        deciding: the measure that decides.
        metric: the metric that does.
    """
    [main] = [one for one in found if (one.measure, one.metric) == (deciding, metric)]
    said = (
        f"{main.metric} ({main.measure}, {main.queries:,} queries) {main.before:.1f} -> {main.after:.1f}, "
        f"{main.gain:+.1f} points (95 %: {main.low:+.1f} to {main.high:+.1f})"
    )
    lost = [one for one in found if one.metric == metric and one.measure != deciding and one.gain < -MOST_LOST]
    if main.high < 0:
        return Verdict(False, f"Do not switch: the new model is worse. {said}.")
    if main.low <= 0:
        return Verdict(False, f"Do not switch: a gain is not proved. {said}.")
    if lost:
        worst = min(lost, key=lambda one: one.gain)
        return Verdict(False, f"Do not switch: {worst.measure} lost {-worst.gain:.1f} points, though {said}.")
    return Verdict(True, f"Switch: {said}.")

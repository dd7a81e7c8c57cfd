"""Queries whose target's rank changed from one way of asking to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Moved:
    """A query under a protocol, and its target's rank in two runs; 0 where it was not found."""

    protocol: str
    part: str
    query: str
    one: int
    other: int

    @property
    def risen(self) -> bool:
        """Whether the target stands higher in the other run."""
        return self.other < self.one


def most_moved(moved: Sequence[Moved], count: int) -> list[Moved]:
    """At most so many that rose and so many that fell, the largest factor between ranks first.

    From 50 to 1 is more than from 500 to 400. Targets that one of the runs did not find are left out.
    """
    found = [one for one in moved if one.one and one.other and one.one != one.other]
    ordered = sorted(found, key=lambda one: one.other / one.one)
    up = [one for one in ordered[:count] if one.risen]
    down = [one for one in reversed(ordered[-count:]) if not one.risen]
    return [*up, *down]

"""What is known of an index's approximate ranking: how it was built, how it is asked, and the recall that was measured.

The graph itself is the table's. This record lies beside it, and without the record nobody asks the graph: a ranking
whose recall was not measured, or fell short, is no ranking.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Self

from instructcir.files import write_atomic
from instructcir.remote import Place

FILE = "approximate.json"
LARGE_BYTES = 2**31
"""Vectors of a gallery, in float32, from which on a graph is built: 2,097,152 pictures of 256 numbers. An exact ranking
reads a quarter of these bytes for each query, about 50 ms of one core's time at this size."""
TARGET = 0.98
"""Share of the true best ten that must be found."""
LEFT_OVER = 8
"""A graph is built anew when more than one row in so many came after it; those are compared one by one meanwhile."""


@dataclass(frozen=True, slots=True)
class Approximate:
    """A graph over a table's vectors.

    Attributes:
        kind: as LanceDB calls it.
        partitions: graphs that it consists of.
        rows: that it was built over.
        probes: graphs that a query looks into.
        effort: candidates that a search of a graph keeps at a time (ef).
        target: recall that was aimed at.
        recall: share of the exact best ten that was found for the sample queries.
        queries: how many of them.
        milliseconds: median of a query, as it was measured.
    """

    kind: str
    partitions: int
    rows: int
    probes: int
    effort: int
    target: float
    recall: float
    queries: int
    milliseconds: float

    @property
    def serves(self) -> bool:
        """Whether it is good enough to be asked."""
        return self.recall >= self.target

    @classmethod
    def read(cls, folder: Place) -> Self | None:
        """What an index's folder says; None where there is no graph, or none that was measured."""
        try:
            return cls(**json.loads((folder / FILE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, folder: Place) -> None:
        """Write it down.

        Raises:
            InputError: the disk refuses.
        """
        write_atomic(folder / FILE, json.dumps(asdict(self), indent=2) + "\n")


def is_large(rows: int, dimension: int) -> bool:
    """Whether a gallery is so large that a graph pays."""
    return rows * dimension * 4 >= LARGE_BYTES

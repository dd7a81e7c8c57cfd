"""Scores that many threads ask for: what comes while others are computed is computed in one product.

A product of one vector with a gallery reads the whole gallery, and so does one of many vectors: under load the reading
is shared. A lone question never waits for company.

Shape letters: Q queries, G gallery, D dimensions.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
FEW_BYTES = 2**20
"""Vectors of a gallery up to which a product costs less than a queue."""
_MOST_BYTES = 2**26
"""Scores that are held at once."""


class _Asked:
    """A question that waits for its scores, or for what went wrong."""

    def __init__(self, query_D: Floats) -> None:
        self.query_D = query_D
        self.scores_G: Floats | None = None
        self.error: Exception | None = None


class SharedProducts:
    """One gallery's scores, for many threads.

    Args:
        run: scores (G,) of one query (D,), or (Q, G) of several (Q, D).
        size: G.
    """

    def __init__(self, run: Callable[[Floats], Floats], size: int) -> None:
        self._run = run
        self._most = max(1, _MOST_BYTES // max(4 * size, 1))
        self._waiting: list[_Asked] = []
        self._guard = threading.Lock()
        self._turn = threading.Lock()

    def of(self, query_D: Floats) -> Floats:
        """Scores (G,) of a unit vector; an error of `run` reaches all whom it concerns."""
        mine = _Asked(query_D)
        with self._guard:
            self._waiting.append(mine)
        with self._turn:  # whoever gets it works for all that wait; the others then find their scores there
            if mine.scores_G is None and mine.error is None:
                self._answer(self._batch(mine))
        if mine.error is not None:
            raise mine.error
        assert mine.scores_G is not None
        return mine.scores_G

    def _batch(self, mine: _Asked) -> list[_Asked]:
        with self._guard:
            others = [one for one in self._waiting if one is not mine]
            self._waiting = others[self._most - 1 :]
        return [mine, *others[: self._most - 1]]

    def _answer(self, batch: list[_Asked]) -> None:
        try:
            if len(batch) == 1:
                batch[0].scores_G = self._run(batch[0].query_D)
                return
            scores_QG = self._run(np.stack([one.query_D for one in batch]))
        except Exception as error:  # noqa: BLE001 - it goes to whoever waits for it
            for one in batch:
                one.error = error
            return
        for one, scores_G in zip(batch, scores_QG, strict=True):
            one.scores_G = scores_G

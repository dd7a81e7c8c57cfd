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
    """A question that waits for its scores, for what went wrong, or for its turn to work."""

    def __init__(self, query_D: Floats) -> None:
        self.query_D = query_D
        self.told = threading.Event()
        self.scores_G: Floats | None = None
        self.error: Exception | None = None

    @property
    def answered(self) -> bool:
        """Whether nothing is left to be done for it."""
        return self.scores_G is not None or self.error is not None


class SharedProducts:
    """One gallery's scores, for many threads.

    The first who asks works; who asks meanwhile waits. When the work is done, one of those who wait works for them all.

    Args:
        run: scores (G,) of one query (D,), or (Q, G) of several (Q, D).
        size: G.
    """

    def __init__(self, run: Callable[[Floats], Floats], size: int) -> None:
        self._run = run
        self._most = max(1, _MOST_BYTES // max(4 * size, 1))
        self._waiting: list[_Asked] = []
        self._works = False
        self._guard = threading.Lock()

    def of(self, query_D: Floats) -> Floats:
        """Scores (G,) of a unit vector; an error of `run` reaches all whom it concerns."""
        mine = _Asked(query_D)
        with self._guard:
            others_work, self._works = self._works, True
            if others_work:
                self._waiting.append(mine)
        if others_work:
            mine.told.wait()
        if not mine.answered:  # it is this thread's turn
            self._work(mine)
        if mine.error is not None:
            raise mine.error
        assert mine.scores_G is not None
        return mine.scores_G

    def _work(self, mine: _Asked) -> None:
        with self._guard:
            others = [one for one in self._waiting if one is not mine]
            batch, self._waiting = [mine, *others[: self._most - 1]], others[self._most - 1 :]
        try:
            self._answer(batch)
        finally:  # also after Ctrl-C: who finds neither scores nor an error then works for itself
            with self._guard:
                following = self._waiting[:1]
                self._works = bool(following)
            for one in [*batch[1:], *following]:
                one.told.set()

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
            one.scores_G = np.ascontiguousarray(scores_G)  # of its own: the block can go

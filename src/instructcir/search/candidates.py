"""Where a ranking's candidates come from: all pictures scored, or those that the gallery's graph proposes.

Shape letters: G gallery, N candidates, D dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from instructcir.index.approximate import Approximate
from instructcir.index.reader import View
from instructcir.ranking import top_k

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]
_FEW_BYTES = 2**26
"""Vectors that a filter leaves, in bytes, up to which they are all scored rather than looked for in a graph."""


class Candidates(Protocol):
    """The pictures that may be shown, best first, and what the gallery scores without them.

    Attributes:
        noise: scores of the gallery, or of an even sample, without the query's own pictures.
        all_scores: the same with them.
    """

    noise: Floats
    all_scores: Floats

    def best(self, depth: int) -> tuple[Numbers, Floats]:
        """Places in the gallery and exact scores of the best; fewer than `depth` only if there are no more."""
        ...


class Everything:
    """All pictures are scored."""

    def __init__(self, view: View, query_D: Floats, where: str | None, own: Sequence[int]) -> None:
        self.all_scores = view.scores(query_D)
        # The query's own picture is no noise, nor are copies of it: they would only stretch the scale.
        self.noise = np.delete(self.all_scores, own) if own else self.all_scores
        self._masked_G = self.all_scores
        if where or own:
            kept_G = view.matching(where) if where else np.ones(len(view), dtype=np.bool_)
            kept_G[list(own)] = False
            self._masked_G = np.where(kept_G, self.all_scores, np.float32(-np.inf))

    def best(self, depth: int) -> tuple[Numbers, Floats]:
        """See `Candidates`."""
        numbers_N = top_k(self._masked_G[None], depth)[0][0]
        numbers_N = numbers_N[self._masked_G[numbers_N] > -np.inf]
        return numbers_N, self.all_scores[numbers_N]


class Proposed:
    """The graph proposes; where a filter leaves few pictures, those are scored one and all."""

    def __init__(self, view: View, graph: Approximate, query_D: Floats, where: str | None, own: Sequence[int]) -> None:
        self._asked = view, query_D, where, own
        self._view, self._graph, self._query_D, self._where = view, graph, query_D, where
        self._own = np.asarray(list(own), dtype=np.int64)
        self.all_scores = self.noise = view.kept_sample @ query_D
        self._left_N = np.flatnonzero(view.matching(where)) if where else None

    def best(self, depth: int) -> tuple[Numbers, Floats]:
        """See `Candidates`."""
        left_N, wanted = self._left_N, depth + len(self._own)
        if left_N is not None and left_N.size * 4 * len(self._query_D) <= _FEW_BYTES:
            scores_N = self._view.vectors(left_N) @ self._query_D
            picks = top_k(scores_N[None], wanted)[0][0]
            return self._without_own(left_N[picks], scores_N[picks], depth)
        numbers_N, scores_N = self._view.nearest(
            self._query_D, wanted, self._graph.probes, self._graph.effort, self._where
        )
        there = len(self._view) if left_N is None else len(left_N)
        if len(numbers_N) < min(wanted, there):  # a graph that was looked into in part did not hold enough
            return Everything(*self._asked).best(depth)
        return self._without_own(numbers_N, scores_N, depth)

    def _without_own(self, numbers_N: Numbers, scores_N: Floats, depth: int) -> tuple[Numbers, Floats]:
        kept = np.flatnonzero(~np.isin(numbers_N, self._own))[:depth]
        return numbers_N[kept], scores_N[kept]


def candidates(view: View, query_D: Floats, where: str | None, own: Sequence[int], exact: bool) -> Candidates:
    """The graph's proposals where there is a graph that is good enough, else all pictures.

    Args:
        view: the gallery.
        query_D: a unit vector.
        where: a condition in SQL words.
        own: places of pictures that must not be shown.
        exact: score all pictures even so.

    Raises:
        StoreError: the condition cannot be understood.
    """
    if view.graph is None or exact:
        return Everything(view, query_D, where, own)
    return Proposed(view, view.graph, query_D, where, own)

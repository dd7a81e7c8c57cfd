"""Where a ranking's candidates come from: all pictures scored, exactly or nearly, or those that a graph proposes.

Shape letters: G gallery, N candidates, D dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from instructcir.index.approximate import Approximate
from instructcir.index.coarse import Estimates
from instructcir.index.reader import View
from instructcir.ranking import top_k
from instructcir.search.calibration import percentiles

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]
_ONE_BY_ONE = 16
"""How often longer a vector takes to be scored that is found by its number than one of all in their order."""
_FEW_BYTES = 2**26
"""Vectors that a filter leaves, in bytes, up to which they are all scored rather than looked for in a graph."""


class Candidates(Protocol):
    """The pictures that may be shown, best first, and what the gallery scores without them.

    Attributes:
        stands_for: pictures that the noise stands for.
    """

    stands_for: int

    @property
    def noise(self) -> Floats:
        """Scores of the gallery, or of an even sample, without the query's own pictures; they may be near ones."""
        ...

    def best(self, depth: int) -> tuple[Numbers, Floats]:
        """Places in the gallery and exact scores of the best; fewer than `depth` only if there are no more."""
        ...

    def percentiles(self, scores_N: Floats) -> npt.NDArray[np.float64]:
        """Percent of the gallery, or of an even sample, that scores lower than each of some pictures' exact scores."""
        ...


class Everything:
    """All pictures are scored."""

    def __init__(self, view: View, query_D: Floats, where: str | None, own: Sequence[int]) -> None:
        self._own = own
        self._all_scores = view.scores(query_D)
        self._masked_G = _masked(view, self._all_scores, where, own)
        self.stands_for = len(view) - len(set(own))

    @property
    def noise(self) -> Floats:
        """See `Candidates`."""
        return _without(self._all_scores, self._own)

    def best(self, depth: int) -> tuple[Numbers, Floats]:
        """See `Candidates`."""
        numbers_N = top_k(self._masked_G[None], depth)[0][0]
        numbers_N = numbers_N[self._masked_G[numbers_N] > -np.inf]
        return numbers_N, self._all_scores[numbers_N]

    def percentiles(self, scores_N: Floats) -> npt.NDArray[np.float64]:
        """See `Candidates`."""
        return percentiles(self._all_scores, scores_N)


class Narrowed:
    """All pictures are scored nearly, and exactly those that may be among the best; the ranking is the exact one.

    Where so many may be that scoring them one by one takes longer, all are scored exactly. There is no condition: what
    it leaves can lie far from the best, and to ask the table for it costs more than is saved.
    """

    def __init__(self, view: View, estimates: Estimates, query_D: Floats, own: Sequence[int]) -> None:
        self._view, self._estimates, self._query_D, self._own = view, estimates, query_D, own
        self._masked_G = _masked(view, estimates.scores_G, None, own)
        self._everything: Everything | None = None
        self.stands_for = len(view) - len(set(own))

    @property
    def noise(self) -> Floats:
        """See `Candidates`; near scores."""
        return _without(self._estimates.scores_G, self._own)

    def best(self, depth: int) -> tuple[Numbers, Floats]:
        """See `Candidates`."""
        first_N = top_k(self._masked_G[None], depth)[0][0]
        first_N = first_N[self._masked_G[first_N] > -np.inf]
        if len(first_N) < depth:  # all that are left
            may_N = np.sort(first_N)
        else:  # so many reach the lowest of these: whatever may not is not among the best
            least = self._view.exact_scores(self._query_D, first_N).min()
            may_N = self._estimates.may_reach(float(least), self._masked_G)
        if len(may_N) * _ONE_BY_ONE > len(self._view):
            self._everything = self._everything or Everything(self._view, self._query_D, None, self._own)
            return self._everything.best(depth)
        scores_N = self._view.exact_scores(self._query_D, may_N)
        picks = top_k(scores_N[None], depth)[0][0]
        return may_N[picks], scores_N[picks]

    def percentiles(self, scores_N: Floats) -> npt.NDArray[np.float64]:
        """See `Candidates`, of pictures that `best` gave: what may score more than they is then little as well."""
        if self._everything:
            return self._everything.percentiles(scores_N)
        may_N = self._estimates.may_reach(float(scores_N.min()))
        exact_N = np.sort(self._view.exact_scores(self._query_D, may_N))
        below = len(self._view) - len(may_N)
        found: npt.NDArray[np.float64] = (below + np.searchsorted(exact_N, scores_N)) / len(self._view) * 100
        return found


class Proposed:
    """The graph proposes; where a filter leaves few pictures, those are scored one and all."""

    def __init__(self, view: View, graph: Approximate, query_D: Floats, where: str | None, own: Sequence[int]) -> None:
        self._asked = view, query_D, where, own
        self._view, self._graph, self._query_D, self._where = view, graph, query_D, where
        self._own = np.asarray(list(own), dtype=np.int64)
        self.noise = view.kept_sample @ query_D
        self.stands_for = len(view)
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

    def percentiles(self, scores_N: Floats) -> npt.NDArray[np.float64]:
        """See `Candidates`."""
        return percentiles(self.noise, scores_N)

    def _without_own(self, numbers_N: Numbers, scores_N: Floats, depth: int) -> tuple[Numbers, Floats]:
        kept = np.flatnonzero(~np.isin(numbers_N, self._own))[:depth]
        return numbers_N[kept], scores_N[kept]


def candidates(view: View, query_D: Floats, where: str | None, own: Sequence[int], exact: bool) -> Candidates:
    """The graph's proposals where there is a graph that is good enough, else the exact ranking of all pictures.

    Args:
        view: the gallery.
        query_D: a unit vector.
        where: a condition in SQL words.
        own: places of pictures that must not be shown.
        exact: rank all pictures even so.

    Raises:
        StoreError: the condition cannot be understood.
    """
    if view.graph is not None and not exact:
        return Proposed(view, view.graph, query_D, where, own)
    estimates = None if where else view.estimates(query_D)
    if estimates is None:
        return Everything(view, query_D, where, own)
    return Narrowed(view, estimates, query_D, own)


def _masked(view: View, scores_G: Floats, where: str | None, own: Sequence[int]) -> Floats:
    """Scores (G,) with -inf for pictures that must not be shown."""
    if not where and not own:
        return scores_G
    kept_G = view.matching(where) if where else np.ones(len(view), dtype=np.bool_)
    kept_G[list(own)] = False
    masked_G: Floats = np.where(kept_G, scores_G, np.float32(-np.inf))
    return masked_G


def _without(scores_G: Floats, own: Sequence[int]) -> Floats:
    """Without the query's own pictures, nor copies of them: they are no noise and would only stretch the scale."""
    return np.delete(scores_G, own) if own else scores_G

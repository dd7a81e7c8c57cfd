"""Does anything here match well? What the best score must reach, learned from the gallery and the model themselves.

Spread tells nothing: in a gallery of like pictures, the best of a good query hardly stands out from the rest. The
score's own height does, but each kind of query has its own: pictures are nearer to pictures than words are. So there
are two levels. *Pictures*: how near the gallery's own pictures are to their nearest. *Words*: how near texts about
nothing that a gallery need hold come to it. What the levels cannot tell is a near miss from a match: only what is
foreign to the gallery is named.

Shape letters: N sampled pictures, G gallery (a sample of it, if large), K texts, D dimensions.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from instructcir.index.reader import View
from instructcir.search.queries import AsksModel, OpenReference

Floats = npt.NDArray[np.float32]
Judgement = Callable[[float], bool]
"""Of the best hit's cosine: does it match well?"""
FEWEST = 30
"""Pictures below which nothing is said."""
_SAMPLED, _COMPARED = 128, 65_536
_BELOW = 3.0  # times as far below the median as the lowest twentieth begins: over four standard deviations
_EMPTY_SHARE = 0.9
EMPTY_TEXTS = (
    "invoice number 4471 from the tax office",
    "quantum chromodynamics lecture notes",
    "asdf qwer zxcv uiop",
    "the stock market fell by three percent",
    "mrglb fnord wibble",
    "chess opening theory",
    "zzzzzz",
    "the the the",
    "terms and conditions apply",
    "a proof by induction over n",
    "please reply before noon",
    "error 404",
    "lorem ipsum",
    "the square root of two",
    "as discussed on the phone",
    "annual report, page 12",
    "what time is it?",
)
"""Texts that are about nothing to be seen, or about nothing at all."""


def picture_level(nearest_N: npt.NDArray[np.floating]) -> float:
    """The lowest cosine with its nearest that a picture of a gallery plausibly has, from such cosines of a sample."""
    middle, low = np.quantile(nearest_N, [0.5, 0.05])
    return float(middle - _BELOW * (middle - low))


def nearest_of(gallery_GD: Floats, most: int = _SAMPLED) -> Floats:
    """Cosines (N,) of pictures, evenly sampled, with their nearest other one."""
    numbers_N = np.unique(np.linspace(0, len(gallery_GD) - 1, min(most, len(gallery_GD))).astype(np.int64))
    scores_NG = gallery_GD[numbers_N] @ gallery_GD.T
    scores_NG[np.arange(len(numbers_N)), numbers_N] = -np.inf
    found: Floats = scores_NG.max(axis=1)
    return found


class Judge:
    """Judges answers of one model; its levels follow the gallery's versions. Safe in threads.

    Args:
        model: asked once for the vectors of `EMPTY_TEXTS`, when words are first judged, and for foreign references.
    """

    def __init__(self, model: AsksModel) -> None:
        self._model = model
        self._empty_KD: Floats | None = None
        self._kept: tuple[View, float, float | None] | None = None
        self._lock = threading.Lock()

    def of_words(self, view: View, best: float) -> bool:
        """Whether the best hit of a query by words alone matches well."""
        return len(view) < FEWEST or best > self._words(view)

    def of_pictures(self, view: View, best: float) -> bool:
        """Whether the best hit of a query by pictures alone matches well."""
        return len(view) < FEWEST or best > self._pictures(view)

    def of_composed(self, view: View, best: float, strangers: Sequence[OpenReference]) -> bool:
        """Whether the best hit of a composed query matches well.

        Args:
            view: the gallery.
            best: cosine of the best hit.
            strangers: the references, if none of them is a picture of the gallery; else empty: then all is well.
        """
        if len(view) < FEWEST or not strangers or best > self._words(view):
            return True
        level = self._pictures(view)
        return any(float(view.scores(one.gallery()).max()) > level for one in strangers)

    def _pictures(self, view: View) -> float:
        with self._lock:
            if self._kept is None or self._kept[0] is not view:
                self._kept = view, picture_level(nearest_of(view.sample(_COMPARED))), None
            return self._kept[1]

    def _words(self, view: View) -> float:
        pictures = self._pictures(view)
        with self._lock:
            if self._kept is not None and self._kept[0] is view and self._kept[2] is not None:
                return self._kept[2]
        if self._empty_KD is None:
            self._empty_KD = self._model.embed_texts(EMPTY_TEXTS)
        best_K = [float(view.scores(vector_D).max()) for vector_D in self._empty_KD]
        level = float(np.quantile(best_K, _EMPTY_SHARE))
        with self._lock:
            self._kept = view, pictures, level
        return level

"""Does anything here match well? What a ranking must reach, learned from the gallery and the model themselves.

Spread tells nothing: in a gallery of like pictures, the best of a good query hardly stands out from the rest. Nor does
the score's own height in words: short texts lie farther from every picture than long ones. What tells is the *lead*: by
how much the nearest picture is nearer to the words than texts about nothing are. These lie near each other, and how far
a gallery's nearest picture leads for them is measured: for words it must lead by more than for any of them.

Pictures are nearer to pictures than words are, so they have a level of their own: how near the gallery's pictures are
to their nearest. What neither can tell is a near miss from a match: only what is foreign to the gallery is named.

Shape letters: N sampled pictures, L leading hits, G gallery (a sample of it, if large), K texts about nothing, D
dimensions.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from instructcir.index.reader import View
from instructcir.search.queries import AsksModel, OpenReference

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]
Judgement = Callable[[Numbers, Floats], bool]
"""Of the first hits, their places in the gallery and their cosines, best first: does anything match well?"""
LOOKED_AT = 10
"""First hits that are judged."""
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


@dataclass(frozen=True, slots=True, eq=False)
class WordLevels:
    """What words reach in a gallery that are about nothing.

    Attributes:
        empty_D: mean of their vectors; a vector's product with it is its mean cosine with them.
        lead: the largest by which a picture is nearer to one of them than the others are: what words must exceed.
        best: the best cosine that nine in ten of them do not reach.
    """

    empty_D: Floats
    lead: float
    best: float


def word_levels(empty_KD: Floats, view: View) -> WordLevels:
    """Levels of a gallery, from the unit vectors of texts about nothing, each asked as any other text.

    No mean and deviations of their leads: a model may spread them evenly over a wide range.

    Args:
        empty_KD: two texts or more.
        view: the gallery, not empty.
    """
    best_K = _best_of(view, empty_KD)
    count = len(empty_KD)
    others_K = ((empty_KD @ empty_KD.T).sum(axis=1) - 1) / (count - 1)
    return WordLevels(empty_KD.mean(axis=0), float((best_K - others_K).max()), float(np.quantile(best_K, _EMPTY_SHARE)))


def _best_of(view: View, vectors_KD: Floats) -> Floats:
    """The best cosine (K,) of each vector, as a query finds it."""
    if view.graph is None:
        best: Floats = view.scores_each(vectors_KD).max(axis=1)
        return best
    graph = view.graph
    found = [view.nearest(vector_D, LOOKED_AT, graph.probes, graph.effort)[1] for vector_D in vectors_KD]
    return np.array([scores_L[0] for scores_L in found], dtype=np.float32)


class Judge:
    """Judges answers of one model; its levels follow the gallery's versions. Safe in threads.

    Args:
        model: asked once for the vectors of `EMPTY_TEXTS`, when words are first judged, and for foreign references.
    """

    def __init__(self, model: AsksModel) -> None:
        self._model = model
        self._empty_KD: Floats | None = None
        self._of_pictures: tuple[View, float] | None = None
        self._of_words: tuple[View, WordLevels] | None = None
        self._pictures_lock, self._words_lock = threading.Lock(), threading.Lock()

    def of_words(self, view: View, best: float, words_D: Floats) -> bool:
        """Whether the best hit of a query by words alone matches well.

        Args:
            view: the gallery.
            best: cosine of the best hit.
            words_D: the query's unit vector.
        """
        if len(view) < FEWEST:
            return True
        levels = self._words(view)
        return best - float(words_D @ levels.empty_D) > levels.lead

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
        if len(view) < FEWEST or not strangers or best > self._words(view).best:
            return True
        level = self._pictures(view)
        return any(float(view.scores(one.gallery()).max()) > level for one in strangers)

    def _pictures(self, view: View) -> float:
        with self._pictures_lock:  # whoever comes meanwhile needs the same
            if self._of_pictures is None or self._of_pictures[0] is not view:
                self._of_pictures = view, picture_level(nearest_of(view.sample(_COMPARED)))
            return self._of_pictures[1]

    def _words(self, view: View) -> WordLevels:
        with self._words_lock:
            if self._empty_KD is None:
                self._empty_KD = self._model.embed_texts(EMPTY_TEXTS)
            if self._of_words is None or self._of_words[0] is not view:
                self._of_words = view, word_levels(self._empty_KD, view)
            return self._of_words[1]

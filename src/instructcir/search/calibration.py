"""What a score is worth in its gallery: its percentile, and whether the best stands out from the rest at all.

Shape letter: G gallery.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FEWEST = 30
"""Pictures below which nothing is said about noise."""
SAMPLE = 8192
"""Scores that a large gallery's noise is judged by, evenly spread."""
_MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a gallery scores for one query.

    Attributes:
        centre: the median score.
        spread: the standard deviation that a normal distribution with these scores' middle would have.
        count: pictures.
    """

    centre: float
    spread: float
    count: int

    @property
    def expected_best(self) -> float:
        """The best of so many scores if they were noise: centre + spread * sqrt(2 ln count).

        The bound on the expected maximum of `count` normal values (Boucheron et al., Concentration Inequalities, 2.5).
        """
        return self.centre + self.spread * math.sqrt(2 * math.log(max(self.count, 2)))

    def stands_out(self, best: float) -> bool:
        """Whether a score is above what noise would give; True where the gallery is too small to tell."""
        return self.count < FEWEST or best > self.expected_best


def calibrate(scores_G: npt.NDArray[np.floating[Any]]) -> Calibration:
    """Median and robust spread of a gallery's scores for one query; of more than `SAMPLE`, an even sample's."""
    if not len(scores_G):
        return Calibration(0.0, 0.0, 0)
    sample = scores_G[:: -(-len(scores_G) // SAMPLE)]
    centre = float(np.median(sample))
    return Calibration(centre, float(np.median(np.abs(sample - centre))) * _MAD_TO_SIGMA, len(scores_G))


def percentiles(scores_G: npt.NDArray[np.floating[Any]], of: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    """Percent of the gallery that scores lower than each of some scores."""
    if not len(scores_G):
        return np.zeros(len(of))
    return np.array([np.count_nonzero(scores_G < score) for score in of]) / len(scores_G) * 100

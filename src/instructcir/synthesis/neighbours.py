"""Pairs of similar pictures from a gallery's vectors: what turns one into the other can be said in a sentence.

Shape letters: G gallery, B block of it, D dimensions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from instructcir.errors import InputError

_BLOCK = 512  # references whose scores are held at once
_LOOKED_AT = 32  # nearest pictures of a reference


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Two pictures that are alike.

    Attributes:
        reference: its place in the gallery.
        target: that of the other.
        score: their cosine.
    """

    reference: int
    target: int
    score: float


def pick_neighbours(
    vectors_GD: npt.NDArray[np.float32],
    count: int,
    *,
    least: float = 0.6,
    most: float = 0.95,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> list[Neighbours]:
    """Choose references at random, and for each one of its neighbours, neither a near-duplicate nor a stranger.

    Each picture is a reference at most once and a target at most once; no two are chosen in both directions.

    Args:
        vectors_GD: unit vectors.
        count: how many to choose; there may be fewer.
        least: cosine below which two pictures have too little in common.
        most: cosine above which they are the same picture for the eye.
        seed: of the choice.
        progress: called with numbers of references looked at.

    Raises:
        InputError: there are fewer than two pictures, or no two are alike in this sense.
    """
    total = len(vectors_GD)
    if total < 2 or not -1 <= least < most <= 1:
        raise InputError(f"{total} pictures and cosines from {least:g} to {most:g}: there are no neighbours to choose")
    rng = np.random.default_rng(seed)
    chosen: list[Neighbours] = []
    targets: set[int] = set()
    taken: set[tuple[int, int]] = set()
    order_G = rng.permutation(total)
    for start in range(0, total, _BLOCK):
        block_B = order_G[start : start + _BLOCK]
        scores_BG = vectors_GD[block_B] @ vectors_GD.T
        for reference, scores_G in zip(block_B.tolist(), scores_BG, strict=True):
            if len(chosen) == count:
                return chosen
            near = _near(scores_G, reference, least, most, rng)
            fresh = (one for one in near if one not in targets and (one, reference) not in taken)
            if (target := next(fresh, None)) is not None:
                chosen.append(Neighbours(reference, target, float(scores_G[target])))
                targets.add(target)
                taken.add((reference, target))
        if progress is not None:
            progress(len(block_B))
    if not chosen:
        raise InputError(f"no two of {total:,} pictures have a cosine from {least:g} to {most:g}; widen the range")
    return chosen


def _near(
    scores_G: npt.NDArray[np.float32], reference: int, least: float, most: float, rng: np.random.Generator
) -> list[int]:
    """A reference's nearest pictures within the range, in random order."""
    fitting = np.flatnonzero((scores_G >= least) & (scores_G <= most))
    fitting = fitting[fitting != reference]
    nearest = fitting[np.argsort(-scores_G[fitting], kind="stable")[:_LOOKED_AT]]
    found: list[int] = rng.permutation(nearest).tolist()
    return found

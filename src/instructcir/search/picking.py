"""Which of the best pictures to show: near-duplicates once, and if asked for a varied choice. Pure array functions.

Shape letters: N ranked pictures, best first, D dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from instructcir.errors import InputError

Floats = npt.NDArray[np.float32]
SAME = 0.995
"""Cosine from which on two pictures count as near-duplicates."""


def collapse(vectors_ND: Floats, k: int, same: float = SAME) -> list[list[int]]:
    """Walk down a ranking and put each picture to the first better one that it nearly equals.

    Args:
        vectors_ND: unit vectors in the ranking's order.
        k: groups to make at most; the walk ends when they are full and a further one would be opened.
        same: cosine from which on two pictures are near-duplicates.

    Returns:
        Groups of numbers, best first; the first of a group is the one to show.
    """
    groups: list[list[int]] = []
    for number, vector_D in enumerate(vectors_ND):
        firsts = [group[0] for group in groups]
        close: list[int] = np.flatnonzero(vectors_ND[firsts] @ vector_D >= same).tolist() if firsts else []
        if close:
            groups[close[0]].append(number)
        elif len(groups) == k:
            break
        else:
            groups.append([number])
    return groups


def diverse(scores_N: Sequence[float], vectors_ND: Floats, k: int, diversity: float) -> list[int]:
    """Maximal marginal relevance (Carbonell and Goldstein, 1998): each pick weighs its score against what is picked.

    The next pick maximises (1 - diversity) * score - diversity * its largest cosine with the picks so far; of equals
    the better ranked one.

    Args:
        scores_N: cosines with the query.
        vectors_ND: unit vectors.
        k: how many to pick; more than N means all.
        diversity: from 0, the ranking as it is, to 1, as unlike each other as can be.

    Raises:
        InputError: diversity is outside [0, 1].
    """
    if not 0 <= diversity <= 1:
        raise InputError(f"diversity is {diversity}; it goes from 0 (the plain ranking) to 1")
    relevance_N = np.asarray(scores_N, dtype=np.float64)
    nearest_N = np.zeros(len(relevance_N))
    picked: list[int] = []
    for _ in range(min(k, len(relevance_N))):
        value_N = (1 - diversity) * relevance_N - diversity * nearest_N
        value_N[picked] = -np.inf
        picked.append(int(np.argmax(value_N)))
        similarity_N = (vectors_ND @ vectors_ND[picked[-1]]).astype(np.float64)
        nearest_N = similarity_N if len(picked) == 1 else np.maximum(nearest_N, similarity_N)
    return picked

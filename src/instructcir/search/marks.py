"""More like these, less like those: marked pictures move a query.

Shape letters: G gallery, N marked pictures, D dimensions.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
TOWARDS, AWAY = 0.75, 0.5
"""How far liked pictures pull a query, and how far the others push it."""
SAMPLE = 4096
"""Vectors of a gallery that its centre is computed from."""


def moved(query_D: Floats | None, liked_ND: Floats, disliked_ND: Floats, sample_GD: Floats) -> Floats:
    """Move a query (D,) towards liked pictures and away from the others: Rocchio's relevance feedback (1971).

    query + TOWARDS * mean(liked) - AWAY * mean(disliked), to unit length. Marks are taken relative to the gallery's
    centre: what all its pictures share says nothing about what was meant.

    Args:
        query_D: None where the marks are all there is: then the query is the gallery's centre.
        liked_ND: unit vectors; may be none.
        disliked_ND: likewise.
        sample_GD: unit vectors of the gallery, one or more; their mean is its centre.
    """
    centre_D = sample_GD.mean(axis=0)
    sum_D = (centre_D if query_D is None else query_D).astype(np.float64)
    if len(liked_ND):
        sum_D = sum_D + TOWARDS * (liked_ND.mean(axis=0) - centre_D)
    if len(disliked_ND):
        sum_D = sum_D - AWAY * (disliked_ND.mean(axis=0) - centre_D)
    unit_D: Floats = (sum_D / max(float(np.linalg.norm(sum_D)), 1e-12)).astype(np.float32)
    return unit_D

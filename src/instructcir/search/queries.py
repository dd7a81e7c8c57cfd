"""From references and words to the one vector that a gallery is ranked by.

Shape letters: K texts, D dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from instructcir.items import ImageLike

Floats = npt.NDArray[np.float32]
NEGATIVE_WEIGHT = 0.5
"""How much of the vector of what is not wanted is taken from the query."""


class OpenReference(Protocol):
    """A picture on which further modifications cost their words only."""

    def embed(self, modifications: Sequence[str], /) -> Floats:
        """(K, D) unit vectors of composed queries."""
        ...

    def gallery(self) -> Floats:
        """(D,) the picture's own vector."""
        ...


class AsksModel(Protocol):
    """What encodes queries; an `Embedder` does."""

    def reference(self, image: ImageLike, /) -> OpenReference:
        """Open a picture."""
        ...

    def embed_texts(self, texts: Sequence[str], /) -> Floats:
        """(K, D) unit vectors of texts."""
        ...


def query_vector(
    model: AsksModel, opened: Sequence[OpenReference], weights: Sequence[float], modification: str, not_: str = ""
) -> Floats:
    """The unit vector (D,) of a query.

    Several references are averaged by weight, each with the modification. What is not wanted is a text whose vector,
    times `NEGATIVE_WEIGHT`, is taken away.

    Args:
        model: encodes the words where there is no reference, and what is not wanted.
        opened: references; none searches by words alone.
        weights: one of each.
        modification: may be empty where there is a reference, which then is compared as a picture.
        not_: may be empty.
    """
    if opened:
        parts = [one.embed([modification])[0] if modification.strip() else one.gallery() for one in opened]
        sum_D = np.average(np.stack(parts), axis=0, weights=np.asarray(weights, dtype=np.float64))
    else:
        sum_D = model.embed_texts([modification])[0].astype(np.float64)
    sum_D = _unit(sum_D)
    if not_.strip():
        sum_D = _unit(sum_D - NEGATIVE_WEIGHT * model.embed_texts([not_])[0])
    return sum_D.astype(np.float32)


def _unit(vector_D: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return vector_D / max(float(np.linalg.norm(vector_D)), 1e-12)

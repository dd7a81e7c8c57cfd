"""The words of composed image retrieval as values: what goes into an embedder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, Union

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

ImageLike: TypeAlias = Union[str, "os.PathLike[str]", bytes, "Image.Image", "np.ndarray[Any, np.dtype[Any]]"]
"""A picture: a path, the bytes of an encoded file, a PIL image, or a uint8 array (H, W), (H, W, 1 | 3 | 4)."""

PICTURE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp"),
    *(".ppm", ".pgm", ".pnm", ".jp2", ".j2k", ".avif", ".heic", ".heif"),
)
"""Names that end so are pictures. HEIC is among them so that it is reported, not left out, where it cannot be read."""


@dataclass(frozen=True, slots=True, eq=False)
class ComposedQuery:
    """A reference image and what to change about it.

    Attributes:
        reference: the picture to start from.
        modification: plain text saying how the target differs; any characters, may be empty.
    """

    reference: ImageLike
    modification: str

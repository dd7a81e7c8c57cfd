"""Shrinking of pictures by Pillow's filters as torch computes them: a quarter of the time, the same within one level.

Pillow's own loops use no vector instructions. torch has its bilinear and bicubic filters for bytes, widened as Pillow
widens them where pixels are left out; a value differs by one, of 255, where the two round differently. What must be a
model's own preparation to the last bit is left to Pillow (`model.shrinking`).
"""

from __future__ import annotations

import numpy as np
from PIL import Image

_MODES = {Image.Resampling.BILINEAR: "bilinear", Image.Resampling.BICUBIC: "bicubic"}
_MUCH = 4.0
"""Times the gap from which on a side is first reduced by a whole number, which is cheaper than any filter."""


def shrink(image: Image.Image, size: tuple[int, int], resample: int, reducing_gap: float) -> Image.Image:
    """A picture at another size, as `image.resize(size, resample, reducing_gap=reducing_gap)` gives it or closer.

    Args:
        image: of mode RGB.
        size: width and height in pixels.
        resample: a filter of Pillow's; torch has the bilinear and the bicubic one, others are Pillow's.
        reducing_gap: times the wanted size that a first reduction by whole numbers leaves; it is taken from pictures
            that are several times as large only.

    Returns:
        A new picture.
    """
    filtered = _MODES.get(Image.Resampling(resample))
    across, down = image.width / size[0], image.height / size[1]
    if filtered is None or image.mode != "RGB" or min(across, down) < 1 or max(across, down) >= _MUCH * reducing_gap:
        return image.resize(size, Image.Resampling(resample), reducing_gap=reducing_gap)
    import torch  # here, since it takes seconds where nothing else needs it

    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]  # channels last, as torch's filters like them
    small = torch.nn.functional.interpolate(pixels, size=(size[1], size[0]), mode=filtered, antialias=True)
    return Image.fromarray(small[0].permute(1, 2, 0).numpy())

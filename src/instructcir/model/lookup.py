"""What a processor makes of a picture that already has its size, looked up in a table: one number a colour and value.

Scaling and normalising make each number of one pixel's value in one colour, whatever lies around it. A processor's own
way there takes longer than shrinking a photograph's remains, most of it in checks of its arguments.

Shape letters: H, W pixels of the size that the processor brings pictures to; C = 3 colours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from instructcir.errors import ImageError
from instructcir.model.preparation import PreparedImage

_NAME = "pixel_values"
_VALUES = 256


class Lookup:
    """A preparation of pictures of one size by a table. Safe in threads.

    Args:
        table_CV: the number for each colour's values 0 to 255.
        expansion: what the picture's placeholder becomes.
    """

    def __init__(self, table_CV: npt.NDArray[np.float32], expansion: str) -> None:
        self._table_CV = table_CV
        self._expansion = expansion

    def __call__(self, image: Image.Image) -> PreparedImage:
        """Pixels (1, C, H, W) and placeholder text of an RGB picture of H x W pixels."""
        values_HWC = np.asarray(image)
        made = np.empty((1, len(self._table_CV), *values_HWC.shape[:2]), dtype=np.float32)
        for colour, table_V in enumerate(self._table_CV):
            np.take(table_V, values_HWC[:, :, colour], out=made[0, colour], mode="clip")  # all are within: no checks
        return PreparedImage({_NAME: torch.from_numpy(made)}, self._expansion)


def try_lookup(prepare: Callable[[Image.Image], PreparedImage], size: Sequence[int]) -> Lookup | None:
    """A table for a preparation, read off a picture of all values and tried on a random one.

    Args:
        prepare: the processor's own way.
        size: width and height that it brings pictures to.

    Returns:
        None where the size has too few pixels for all values, or the table's outputs are not the very same.
    """
    width, height = size
    if width * height < _VALUES:
        return None
    ramp_HW = (np.arange(width * height) % _VALUES).astype(np.uint8).reshape(height, width)
    noise_HWC = np.random.default_rng(1).integers(0, _VALUES, (height, width, 3), dtype=np.uint8)
    ramp, noise = Image.fromarray(np.stack([ramp_HW] * 3, axis=-1)), Image.fromarray(noise_HWC)
    try:
        read, wanted = prepare(ramp), prepare(noise)
    except ImageError:
        return None
    values = read.tensors.get(_NAME)
    if read.tensors.keys() != {_NAME} or values is None or values.shape != (1, 3, height, width):
        return None
    if values.dtype != torch.float32 or read.expansion != wanted.expansion:
        return None
    lookup = Lookup(values.reshape(3, -1)[:, :_VALUES].numpy().copy(), read.expansion)
    found = lookup(noise)
    same = wanted.tensors.keys() == {_NAME} and torch.equal(found.tensors[_NAME], wanted.tensors[_NAME])
    return lookup if same else None

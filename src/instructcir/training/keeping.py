"""Prepared pictures in a quarter of their memory, for batches that wait in full while their chunks take turns.

Preparation turns each byte of a resized picture into a number that grows evenly with the byte, so a channel has at
most 256 values. From what it makes of black and of white follows which byte a number came from; the byte is kept, with
a table of the exact numbers. A picture is looked up again before it is kept so, and left as it is if one bit differs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from PIL import Image

from instructcir.model.preparation import PreparedImage

# shapes: N pictures, tiles or patches, C channels, M pixels of a channel

_BYTES = 256
_SIDE = 64  # of the black and the white picture; any size tells what their bytes become


@dataclass(frozen=True, slots=True)
class Kept:
    """A tensor of pixels as bytes.

    Attributes:
        numbers: (N, C, M) bytes.
        table: (C, 256) float32, what each byte stands for; 0 where a channel has none.
        shape: of the tensor.
    """

    numbers: torch.Tensor
    table: torch.Tensor
    shape: torch.Size

    def tensor(self) -> torch.Tensor:
        """The very tensor that was kept, float32."""
        return self.table.flatten().index_select(0, _places(self.numbers)).view(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of both tensors."""
        return self.numbers.nbytes + self.table.nbytes


@dataclass(frozen=True, slots=True)
class KeptImage:
    """A `PreparedImage` whose pixels are bytes until they are asked for.

    Attributes:
        kept: its tensors, by the processor's names.
        expansion: the text that the picture's placeholder becomes.
    """

    kept: dict[str, Kept | torch.Tensor]
    expansion: str

    def whole(self) -> PreparedImage:
        """The picture as it was prepared."""
        tensors = {name: part.tensor() if isinstance(part, Kept) else part for name, part in self.kept.items()}
        return PreparedImage(tensors, self.expansion)

    @property
    def nbytes(self) -> int:
        """Bytes of the tensors as they are kept."""
        return sum(part.nbytes for part in self.kept.values())


class Keeper:
    """Keeps what one model's preparation makes of pictures.

    Args:
        prepare: the model's image preparation, from an RGB picture.
    """

    def __init__(self, prepare: Callable[[Image.Image], PreparedImage]) -> None:
        self._prepare = prepare

    def __call__(self, image: PreparedImage) -> KeptImage:
        """A prepared picture in fewer bytes: exact, or in part as it is."""
        kept = {name: self._keep(name, tensor) for name, tensor in image.tensors.items()}
        return KeptImage(kept, image.expansion)

    def _keep(self, name: str, tensor: torch.Tensor) -> Kept | torch.Tensor:
        pixels, (black, white) = _channels(tensor), self._ends.get(name, (None, None))
        if pixels is None or black is None or white is None or len(black) != pixels.shape[1]:
            return tensor
        levels = (pixels - black) / ((white - black) / (_BYTES - 1))
        numbers = levels.nan_to_num_().round_().clamp_(0, _BYTES - 1).to(torch.uint8)
        table = torch.zeros(len(black) * _BYTES).scatter_(0, _places(numbers).long(), pixels.flatten())
        kept = Kept(numbers, table.view(len(black), _BYTES), tensor.shape)
        # by bits: 0.0 equals -0.0, and is another number
        return kept if torch.equal(kept.tensor().view(torch.int32), tensor.view(torch.int32)) else tensor

    @cached_property
    def _ends(self) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        """What black and white become in each channel, (C, 1) each, by the name of the tensor."""
        black, white = (
            self._prepare(Image.new("RGB", (_SIDE, _SIDE), colour)).tensors for colour in ("black", "white")
        )
        channels = {name: (_channels(black[name]), _channels(white[name])) for name in black.keys() & white.keys()}
        return {
            name: (one[0, :, :1], other[0, :, :1])
            for name, (one, other) in channels.items()
            if one is not None and other is not None
        }


def _channels(tensor: torch.Tensor) -> torch.Tensor | None:
    """Pixels as (N, C, M): of whole pictures, of tiles, or of patches that hold one channel after the other."""
    if tensor.dtype != torch.float32 or not tensor.numel():
        return None
    if tensor.ndim in (4, 5):
        return tensor.flatten(-2).flatten(0, -3)
    return tensor.reshape(len(tensor), 3, -1) if tensor.ndim == 2 and tensor.shape[1] % 3 == 0 else None


def _places(numbers: torch.Tensor) -> torch.Tensor:
    """(N * C * M,) places of bytes (N, C, M) in the flattened table; of a type that is looked up fastest."""
    first = torch.arange(0, numbers.shape[1] * _BYTES, _BYTES, dtype=torch.int32)
    return (numbers.int() + first[:, None]).flatten()

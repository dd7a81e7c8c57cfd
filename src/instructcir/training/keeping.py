"""Prepared pictures in a quarter of their memory, for batches that wait in full while their chunks take turns.

What a processor makes of a picture's bytes has at most 256 values a channel: their numbers are kept in a byte each, and
looked up again, exactly, when the picture's turn comes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from instructcir.model.preparation import PreparedImage

# shapes: C channels, V values of a channel

_MOST_VALUES = 256


@dataclass(frozen=True, slots=True)
class Kept:
    """A tensor as numbers of its values.

    Attributes:
        numbers: bytes in the tensor's shape (1, C, ...).
        values: (C, V) what the numbers stand for.
    """

    numbers: torch.Tensor
    values: torch.Tensor

    def tensor(self) -> torch.Tensor:
        """The very tensor that was kept."""
        channels = [values[numbers.long()] for values, numbers in zip(self.values, self.numbers[0], strict=True)]
        return torch.stack(channels)[None]

    @property
    def nbytes(self) -> int:
        """Bytes of both."""
        return self.numbers.nbytes + self.values.nbytes


def keep(tensor: torch.Tensor) -> Kept | torch.Tensor:
    """A tensor in fewer bytes, if it is pixels (1, C, H, W) of few values a channel; else the tensor itself."""
    if not tensor.is_floating_point() or tensor.ndim != 4 or len(tensor) != 1:
        return tensor
    found = [channel.unique(return_inverse=True) for channel in tensor[0]]
    most = max(len(values) for values, _ in found)
    if most > _MOST_VALUES:
        return tensor
    table = torch.zeros(len(found), most, dtype=tensor.dtype)
    for row, (values, _) in zip(table, found, strict=True):
        row[: len(values)] = values
    return Kept(torch.stack([numbers.to(torch.uint8) for _, numbers in found])[None], table)


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


def keep_image(image: PreparedImage) -> KeptImage:
    """A prepared picture in fewer bytes."""
    return KeptImage({name: keep(tensor) for name, tensor in image.tensors.items()}, image.expansion)

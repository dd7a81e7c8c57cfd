"""Rows of a chunk in passes through the model: sorted by length and cut, with the positions that are read of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from instructcir.model.packing import Packed, Row, group_by_budget, pack
from instructcir.training.keeping import KeptImage

# shapes: B rows, R positions read per row

_PASS = 2048
"""Padded tokens of a pass."""


@dataclass(slots=True)
class Pass:
    """Rows of about one length that go through the model together.

    Attributes:
        rows: the rows.
        images: their pictures, empty for text.
        waiting: the rows as tensors, `visible` with eight keys in a byte: else it takes as much memory as pictures.
        reads: (B, R) positions that are read.
    """

    rows: list[Row]
    images: list[KeptImage]
    waiting: Packed
    reads: torch.Tensor

    @classmethod
    def of(cls, rows: list[Row], images: list[KeptImage], packed: Packed, reads: torch.Tensor) -> Pass:
        """A pass that waits."""
        bits = torch.from_numpy(np.packbits(packed.visible.numpy(), axis=-1))
        return cls(rows, images, replace(packed, visible=bits), reads)

    def packed(self) -> Packed:
        """The rows as tensors."""
        seen = np.unpackbits(self.waiting.visible.numpy(), axis=-1, count=self.waiting.ids.shape[1])
        return replace(self.waiting, visible=torch.from_numpy(seen.view(np.bool_)))


@dataclass(slots=True)
class Laid:
    """Rows with the positions that are read of them.

    Attributes:
        passes: the rows, sorted by length and cut: little padding, and what a layer computes stays in the caches.
        places: which of the passes' states, all flattened and joined, are wanted, in order.
    """

    passes: list[Pass]
    places: torch.Tensor


def laid(rows: Sequence[Row], images: Sequence[KeptImage], wanted: Sequence[tuple[int, int]], pad_id: int) -> Laid:
    """Rows in passes, and where among all that is read each wanted position comes to stand.

    Args:
        rows: in any order.
        images: their pictures, empty for text.
        wanted: (row, position) of what is read, in the order in which it is wanted.
        pad_id: id to pad with.
    """
    positions: dict[int, list[int]] = {number: [] for number in range(len(rows))}
    places = []
    for row, position in wanted:
        places.append((row, len(positions[row])))
        positions[row].append(position)
    passes, starts, read = [], {}, 0
    order = sorted(range(len(rows)), key=lambda number: (rows[number].length, number))
    for numbers in group_by_budget([row.length for row in rows], order, _PASS):
        width = max(len(positions[number]) for number in numbers)
        reads = torch.zeros(len(numbers), width, dtype=torch.long)
        for line, number in enumerate(numbers):
            reads[line, : len(positions[number])] = torch.tensor(positions[number], dtype=torch.long)
            starts[number] = read + line * width
        read += len(numbers) * width
        chosen = [rows[number] for number in numbers]
        shown = [images[number] for number in numbers] if images else []
        passes.append(Pass.of(chosen, shown, pack(chosen, pad_id), reads))
    return Laid(passes, torch.tensor([starts[row] + place for row, place in places], dtype=torch.long))

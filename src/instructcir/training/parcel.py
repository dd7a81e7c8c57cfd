"""A batch's chunks, carried as one block from the process that lays them out to the one that learns.

A tensor that one process sends another by itself takes an open file, and a large batch has thousands: more than most
machines let a process open. Here all of them share one block of shared memory, and are views of it on the other side.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from instructcir.training.samples import Chunk

_ALIGNED = 64  # bytes: where tensors begin in the block, as in memory of their own


class Chunks(list[Chunk]):
    """Chunks of a batch, in order; a list that other processes get as one block."""

    def __reduce__(self) -> tuple[Callable[..., Chunks], tuple[bytes, torch.Tensor, list[tuple[int, int]]]]:
        buffers: list[pickle.PickleBuffer] = []
        outline = io.BytesIO()
        _Outline(outline, protocol=5, buffer_callback=buffers.append).dump(list(self))
        pieces = [np.frombuffer(buffer.raw(), dtype=np.uint8) for buffer in buffers]
        spans, end = [], 0
        for piece in pieces:
            spans.append((end, end + len(piece)))
            end += -(-len(piece) // _ALIGNED) * _ALIGNED
        block = np.empty(end, dtype=np.uint8)
        for (start, stop), piece in zip(spans, pieces, strict=True):
            block[start:stop] = piece
        return _unpacked, (outline.getvalue(), torch.from_numpy(block), spans)


class _Outline(pickle.Pickler):
    """Writes down all but the tensors' contents, which it hands on as buffers."""

    def reducer_override(self, value: Any) -> Any:
        """A tensor by its array; anything else, and types that numpy has not, as usual."""
        if isinstance(value, torch.Tensor) and value.dtype != torch.bfloat16:
            return torch.from_numpy, (value.contiguous().numpy(),)
        return NotImplemented


def _unpacked(outline: bytes, block: torch.Tensor, spans: list[tuple[int, int]]) -> Chunks:
    whole = memoryview(block.numpy())  # type: ignore[arg-type]
    return Chunks(pickle.loads(outline, buffers=[whole[start:stop] for start, stop in spans]))

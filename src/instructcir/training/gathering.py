"""Vectors of all processes as one batch, with gradients for a process's own."""

from __future__ import annotations

from typing import Any

import torch
from accelerate import PartialState
from torch import distributed

# shapes: N own vectors, W processes, D dimensions


def together() -> PartialState:
    """This process among those that train together; joins the others, if it was started with any."""
    return PartialState(cpu=not torch.cuda.is_available())


def processes() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, own_ND: torch.Tensor) -> torch.Tensor:
        context.count = len(own_ND)
        every = [torch.empty_like(own_ND) for _ in range(processes())]
        distributed.all_gather(every, own_ND.contiguous())
        return torch.cat(every)

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> torch.Tensor:
        start = distributed.get_rank() * context.count
        return gradients[0][start : start + context.count]


def gather(own_ND: torch.Tensor) -> torch.Tensor:
    """The vectors of all processes in order of rank (W N, D); every process must hold equally many.

    Each process computes the whole loss; its gradient reaches its own vectors only, so that the gradients summed over
    processes are those of one process with the whole batch.
    """
    return own_ND if processes() == 1 else _Gather.apply(own_ND)  # type: ignore[no-untyped-call]


def gather_numbers(own_N: torch.Tensor) -> torch.Tensor:
    """The same for numbers that carry no gradient."""
    if processes() == 1:
        return own_N
    every = [torch.empty_like(own_N) for _ in range(processes())]
    distributed.all_gather(every, own_N.contiguous())
    return torch.cat(every)

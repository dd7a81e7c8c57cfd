"""Numbers next to nothing taken as nothing: what sharp attention leaves of a gradient would slow a processor down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

_SUBNORMAL = 1e-40


@contextmanager
def subnormal_as_zero() -> Iterator[None]:
    """Within: float32 numbers below 1.2e-38 count as 0 on processors that can do so; afterwards as before.

    Products of such numbers take a processor several times as long (docs/log.md). It holds for the calling thread and
    for those that are started within, so torch's own threads keep it: enter before the first large product.
    """
    before = not bool(torch.tensor(_SUBNORMAL) * 1.0)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)

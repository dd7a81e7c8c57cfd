"""How many threads a model's products take while other threads of the process decode on the same processors.

Threads of one product wait for each other, and they wait by turning in circles: where readers hold the processors, two
threads take longer than one and several times its processor time. So the model gets the part of the processors that
its work is of all work, which is measured as it goes on.

Shape letters: C the most threads that it may have, E its processor seconds with one thread, R those of all the rest.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_CLEAR = 20.0
"""Times R from which on E, as seen with all threads, says enough: no window is then spent on one thread."""
_SMALL = 20_000_000
"""Weights up to which one thread does a window in seconds, so that the first one is spent on finding E."""


class Balance:
    """Threads of a model, window by window: one to find E, after one of C if it may be large, then C * E / (E + R).

    Args:
        most: C; with one there is nothing to choose.
        small: begin with one thread.
    """

    def __init__(self, most: int, *, small: bool = False) -> None:
        self.threads = 1 if small else most
        self._most = most
        self._alone: float | None = None  # E of a unit of work
        self._own = 0.0
        self._since = time.process_time()

    @classmethod
    def of(cls, model: torch.nn.Module) -> Balance:
        """Of all of torch's threads for a model on a processor; of none to choose where another device computes."""
        weights = list(model.parameters())
        on_processor = weights[0].device.type == "cpu"
        small = sum(one.numel() for one in weights) <= _SMALL
        return cls(torch.get_num_threads() if on_processor else 1, small=small)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Within: torch has the chosen threads in the calling thread, whose processor time is the model's."""
        if self._most == 1:
            yield
            return
        before, begin = torch.get_num_threads(), time.thread_time()
        torch.set_num_threads(self.threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)
            self._own += time.thread_time() - begin

    def window_ended(self, work: int) -> None:
        """Choose anew by the processor time since the last window's end.

        Args:
            work: how much the model did in it, in any unit: pictures.
        """
        now, own = time.process_time(), self._own
        rest = now - self._since - own * self.threads
        self._since, self._own = now, 0.0
        self.choose(work, own, max(0.0, rest))

    def choose(self, work: int, own: float, rest: float) -> None:
        """The same by given seconds: those of the calling thread within turns, and those of all other work."""
        if self._most == 1 or not work:
            return
        if self.threads == 1:
            self._alone = own / work
        if self._alone is not None:
            alone = self._alone * work
            self.threads = max(1, round(self._most * alone / max(alone + rest, 1e-9)))
        elif own * self.threads < _CLEAR * rest:
            self.threads = 1

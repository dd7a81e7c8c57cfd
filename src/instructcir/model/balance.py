"""How many threads a model's products take while other threads decode on the same processors.

Threads of one product wait for each other, and they wait by turning in circles: where others hold the processors, two
threads take longer than one and several times its processor time. So the model gets the part of the processors that its
work is of all work of the process, which is measured as it goes on; and fewer where more gain nothing, since other
processes are there too, or a container has fewer processors than it shows.

Shape letters: C the most threads that it may have, E its processor seconds with one thread, R those of all the rest.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_CLEAR = 20.0
"""Times R from which on E, as seen with all threads, says enough: no window is then spent on one thread."""
_GAIN = 0.9
"""Part of one thread's time within which more of them must be done, or half of them are taken."""
_PATIENCE = 64
"""Windows after which twice as many threads are tried again, though they gained nothing before."""
_TELLING = 8
"""Pictures of a window from which on its times say something: single ones are mostly the start of operations."""
_SMALL = 20_000_000
"""Weights up to which one thread does a window in seconds, so that the first one is spent on finding E."""


class Balance:
    """Threads of a model, window by window: one to find E, after one of C if it may be large, then C * E / (E + R).

    Args:
        most: C; with one there is nothing to choose. None: as many as torch has whenever work begins.
        small: begin with one thread.
    """

    def __init__(self, most: int | None, *, small: bool = False) -> None:
        self._follows = most is None
        self._most = torch.get_num_threads() if most is None else most
        self.threads = 1 if small else self._most
        self._alone: float | None = None  # E of a unit of work
        self._pace = 0.0  # seconds by the clock that one thread takes for it
        self._cap, self._windows = self._most, 0
        self.begin()

    @classmethod
    def of(cls, model: torch.nn.Module) -> Balance:
        """Of all of torch's threads for a model on a processor; of none to choose where another device computes."""
        weights = list(model.parameters())
        on_processor = weights[0].device.type == "cpu"
        small = sum(one.numel() for one in weights) <= _SMALL
        return cls(None if on_processor else 1, small=small)

    def begin(self) -> None:
        """Forget the time since the last window: what follows is other work; what is known of the model stays."""
        self._own = self._clock = 0.0
        self._since = time.process_time()
        if self._follows and torch.get_num_threads() != self._most:
            self._most = self._cap = torch.get_num_threads()
            self.threads = min(self.threads, self._most)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Within: torch has the chosen threads in the calling thread, whose processor time is the model's."""
        if self._most == 1:
            yield
            return
        before, begin, told = torch.get_num_threads(), time.thread_time(), time.perf_counter()
        torch.set_num_threads(self.threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)
            self._own += time.thread_time() - begin
            self._clock += time.perf_counter() - told

    def window_ended(self, work: int) -> None:
        """Choose anew by the processor time since the last window's end.

        Args:
            work: pictures that the model took in it.
        """
        own, clock = self._own, self._clock
        rest = time.process_time() - self._since - own * self.threads
        self.begin()
        self.choose(work, own, max(0.0, rest), clock)

    def choose(self, work: int, own: float, rest: float, clock: float) -> None:
        """The same by given seconds: of the calling thread within turns, of all other work, and by the clock."""
        if self._most == 1 or work < _TELLING:
            return
        if self.threads == 1:
            self._alone, self._pace = own / work, clock / work
        if self._alone is None:
            if own * self.threads < _CLEAR * rest:
                self.threads = 1
            return
        self._windows += 1
        if self.threads > 1 and clock / work > _GAIN * self._pace:
            self._cap, self._windows = max(1, self.threads // 2), 0
        elif self._windows >= _PATIENCE:
            self._cap, self._windows = min(self._most, 2 * self._cap), 0
        alone = self._alone * work
        self.threads = min(self._cap, max(1, round(self._most * alone / max(alone + rest, 1e-9))))

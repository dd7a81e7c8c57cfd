"""Where the time of a bulk encoding goes: seconds of each stage, added up from several threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

STAGES = ("read+decode", "prepare", "encode", "write")


class Stages:
    """Seconds spent in each of `STAGES`. Workers run side by side, so that their seconds can exceed the clock's."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(STAGES, 0.0)
        self._lock = threading.Lock()

    def add(self, stage: str, seconds: float) -> None:
        """Count seconds for a stage; safe in threads."""
        with self._lock:
            self.seconds[stage] += seconds

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Count the time of a block for a stage, also when it ends with an error."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.add(stage, time.perf_counter() - begin)

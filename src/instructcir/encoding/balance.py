"""How many threads the encoder's products take while readers decode on the same processors.

Threads of one product wait for each other, and they wait by turning in circles: where readers hold the processors, two
threads take longer than one and several times its processor time. So the encoder gets the part of the processors that
its work is of all work, which is measured as it goes on.

Shape letters: C the most threads that it may have, R readers' and E the encoder's processor seconds a picture.
"""

from __future__ import annotations

import threading

_CLEAR = 20.0
"""Times R from which on C * E at all threads says enough: no window is then spent on finding E with one thread."""


class Balance:
    """Threads of an encoder, window by window: C, then one, then round(C * E / (E + R)), but one at least.

    Args:
        most: C.
    """

    def __init__(self, most: int) -> None:
        self.threads = most
        self._most = most
        self._alone: float | None = None  # E, with one thread
        self._lock = threading.Lock()
        self._seconds, self._read = 0.0, 0

    def read(self, seconds: float) -> None:
        """Count a picture that a reader spent so much processor time on; safe in threads."""
        with self._lock:
            self._seconds += seconds
            self._read += 1

    def encoded(self, pictures: int, seconds: float) -> None:
        """Choose `threads` anew after a window.

        Args:
            pictures: of the window.
            seconds: of processor time that its encoding took in the calling thread.
        """
        with self._lock:
            reading, self._seconds, read, self._read = self._seconds, 0.0, self._read, 0
        if self._most == 1 or not pictures or not read:
            return
        of_reader, of_encoder = reading / read, seconds / pictures
        if self.threads == 1:
            self._alone = of_encoder
        if self._alone is not None:
            share = self._alone / max(self._alone + of_reader, 1e-9)
            self.threads = max(1, round(self._most * share))
        elif of_encoder * self.threads < _CLEAR * of_reader:
            self.threads = 1

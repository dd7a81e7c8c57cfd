"""Sessions that are open: found by a name that cannot be guessed, dropped when they have not been used for long."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from instructcir.search.session import Session
from instructcir.server.refusals import not_found


@dataclass(slots=True, eq=False)
class OpenSession:
    """A session with its lock: its steps are taken one at a time."""

    name: str
    session: Session
    used: float
    lock: threading.Lock = field(default_factory=threading.Lock)


class Sessions:
    """Open sessions. Safe in threads.

    Args:
        most: kept; beyond it the least recently used is dropped.
        seconds: without use after which one is dropped.
        clock: seconds; for tests.
    """

    def __init__(self, most: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._open: OrderedDict[str, OpenSession] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._open)

    def add(self, session: Session) -> OpenSession:
        """Keep a session under a new name."""
        opened = OpenSession(secrets.token_urlsafe(18), session, self._clock())
        with self._lock:
            self._open[opened.name] = opened
            self._drop_old()
        return opened

    def get(self, name: str) -> OpenSession:
        """An open session.

        Raises:
            Refusal: there is none of this name.
        """
        with self._lock:
            self._drop_old()
            if name not in self._open:
                raise not_found("session")
            found = self._open[name]
            found.used = self._clock()
            self._open.move_to_end(name)
            return found

    def close(self, name: str) -> None:
        """Drop a session.

        Raises:
            Refusal: there is none of this name.
        """
        self.get(name)
        self.drop(name)

    def drop(self, name: str) -> None:
        """Drop a session, if it is there."""
        with self._lock:
            self._open.pop(name, None)

    def all(self) -> list[OpenSession]:
        """Those that are open."""
        with self._lock:
            return list(self._open.values())

    def _drop_old(self) -> None:
        before = self._clock() - self._seconds
        while self._open:
            oldest = next(iter(self._open.values()))
            if len(self._open) <= self._most and oldest.used >= before:
                return
            self._open.popitem(last=False)

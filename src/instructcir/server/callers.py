"""Who waits for an answer, and whether they still do: work for a client that has gone away is not begun."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from starlette.requests import Request

CALLER: ContextVar[Caller | None] = ContextVar("caller", default=None)
"""The caller of the present request; a thread that works for it inherits it."""


class Caller:
    """A client whose connection is watched while it waits."""

    def __init__(self) -> None:
        self._gone = False
        self._waits_for: Future[Any] | None = None

    def leave(self) -> None:
        """The connection is gone: what is waited for is cancelled, if it has not begun."""
        self._gone = True
        if self._waits_for is not None:
            self._waits_for.cancel()

    @contextmanager
    def waiting(self, future: Future[Any]) -> Iterator[None]:
        """Wait for a future during a block; it is cancelled if the client leaves, or has left."""
        self._waits_for = future  # before the look: `leave` may run in between
        if self._gone:
            future.cancel()
        try:
            yield
        finally:
            self._waits_for = None


async def watch(request: Request, caller: Caller) -> None:
    """Tell the caller when its connection goes away; the request's body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    caller.leave()

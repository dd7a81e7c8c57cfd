"""Running the server: until it is told to stop, and then until what it works on is done."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from instructcir.server.limits import Limits

_BACKLOG = 256


def run(app: FastAPI, host: str, port: int, limits: Limits) -> None:
    """Serve until Ctrl-C or SIGTERM; requests that are being worked on then have some seconds left.

    Args:
        app: the application.
        host: address to bind to.
        port: its port.
        limits: of time.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=True,
        backlog=_BACKLOG,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=int(limits.grace_seconds),
        h11_max_incomplete_event_size=64 * 2**10,
    )
    with _stop_is_no_fault():
        uvicorn.Server(config).run()


@contextmanager
def _stop_is_no_fault() -> Iterator[None]:
    """Let a stop that was asked for end the command with 0: uvicorn sends itself the signal once more at the end."""
    before = {one: signal.signal(one, lambda *_: None) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)

"""Running the server: until it is told to stop, and then until what it works on is done."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import uvicorn
from fastapi import FastAPI

from instructcir.errors import InputError
from instructcir.server.limits import Limits

_BACKLOG = 256


@contextmanager
def bound(host: str, port: int) -> Iterator[list[socket.socket]]:
    """Sockets of an address, free as it is now; nobody can connect before they are told to listen.

    Args:
        host: a name or an address; a name of several addresses gets a socket for each.
        port: the same for all; 0 takes a free one.

    Raises:
        InputError: it is taken, or the address is not this machine's.
    """
    with ExitStack() as held:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            sockets: list[socket.socket] = []
            for family, address in dict.fromkeys((one[0], one[4]) for one in found):
                # named TCP, or asyncio sends small packets late: answers of kept connections would wait for 40 ms
                made = held.enter_context(socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP))
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                chosen = sockets[0].getsockname()[1] if sockets else port
                made.bind((address[0], chosen, *address[2:]))
                sockets.append(made)
        except OSError as error:
            raise _taken(host, port, error) from error
        yield sockets


def listen(sockets: Sequence[socket.socket]) -> None:
    """From now on whoever connects is kept waiting until `run` answers, and not turned away.

    Raises:
        InputError: another process has begun to listen there meanwhile.
    """
    for one in sockets:
        try:
            one.listen(_BACKLOG)
        except OSError as error:
            host, port = one.getsockname()[:2]
            raise _taken(host, port, error) from error


def _taken(host: str, port: int, error: OSError) -> InputError:
    return InputError(f"{host}:{port}: cannot be bound to ({error.strerror or error}); give another --port")


def run(app: FastAPI, sockets: Sequence[socket.socket], limits: Limits) -> None:
    """Serve until Ctrl-C or SIGTERM; requests that are being worked on then have some seconds left.

    Args:
        app: the application.
        sockets: of `bound`; they are closed at the end.
        limits: of time.
    """
    config = uvicorn.Config(
        app,
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
        uvicorn.Server(config).run(list(sockets))


@contextmanager
def _stop_is_no_fault() -> Iterator[None]:
    """Let a stop that was asked for end the command with 0: uvicorn sends itself the signal once more at the end."""
    before = {one: signal.signal(one, lambda *_: None) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)

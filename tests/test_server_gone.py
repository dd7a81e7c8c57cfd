"""A client that goes away, over a real connection: what it asked is not computed, and the others are answered."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from instructcir.server.access import Access
from instructcir.server.app import create_app
from instructcir.server.asking import SharedModel
from instructcir.server.limits import Limits
from instructcir.server.service import Service
from served import make_index

PATIENCE = 60.0


@contextmanager
def listening(service: Service) -> Iterator[int]:
    """A server in a thread of this process; its port."""
    config = uvicorn.Config(
        create_app(service, Access(None, "127.0.0.1")), port=0, log_level="critical", access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(PATIENCE)


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it did not come to be in time"
        time.sleep(0.01)


def asked(port: int, words: str) -> socket.socket:
    """A connection on which a search has been asked."""
    body = json.dumps({"modification": words}).encode()
    head = f"POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    made = socket.create_connection(("127.0.0.1", port), PATIENCE)
    made.sendall(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
    return made


@pytest.mark.parametrize("abruptly", [False, True])
def test_what_a_client_that_left_has_asked_is_not_computed(
    abruptly: bool, tmp_path: Path, loaded: Callable[..., Any], built: Callable[..., Path], monkeypatch: Any
) -> None:
    folder = make_index(tmp_path, loaded("qwen2-vl"), built("qwen2-vl"))
    computed: list[Any] = []
    answer = SharedModel._answer
    monkeypatch.setattr(SharedModel, "_answer", lambda self, some: (computed.extend(some), answer(self, some))[1])
    service, gate = Service(folder, loaded("qwen2-vl"), Limits()), threading.Event()
    with listening(service) as port:
        blocked = threading.Thread(target=service.model.call, args=(lambda: gate.wait(PATIENCE),))
        blocked.start()  # the model is at work
        until(lambda: len(computed) == 1 and service.waiting == 0)
        leaves = asked(port, "in red, for somebody who leaves")
        until(lambda: service.waiting == 1)
        stays = asked(port, "in blue, for somebody who stays")
        until(lambda: service.waiting == 2)
        if abruptly:  # without a word: a reset
            leaves.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        leaves.close()
        until(lambda: 'status="499"' in service.metrics.text().decode())  # its request has ended, at once
        gate.set()
        with stays, stays.makefile("rb") as stream:
            assert stream.read().startswith(b"HTTP/1.1 200")
        blocked.join(PATIENCE)
    assert [one for one in computed if isinstance(one, tuple)] == [("in blue, for somebody who stays",)]

"""`instructcir serve` starts, answers, and stops when it is told to; it refuses to be open by accident."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli_runs import refused
from instructcir.server.running import bound, listen
from served import make_index


def test_it_is_not_open_by_accident(tmp_path: Path) -> None:
    assert "--anyone-may-ask" in refused("serve", tmp_path / "none", "--host", "0.0.0.0")
    assert "no index there" in refused("serve", tmp_path / "none", "--port", "0")


def test_it_serves_and_stops(tmp_path: Path, loaded: Callable[..., Any], built: Callable[..., Path]) -> None:
    index = make_index(tmp_path, loaded("qwen2-vl"), built("qwen2-vl"), count=2)
    command = [sys.executable, "-m", "instructcir", "serve", str(index), "--port", "0", "--device", "cpu"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as running:
        try:
            assert running.stdout is not None
            said = running.stdout.readline()
            assert said.startswith("3 pictures at http://127.0.0.1:")
            address = said.split(" at ")[1].split()[0]
            assert _answer_of(address + "healthz") == b'{"status":"ok","pictures":3}'
            running.send_signal(signal.SIGTERM)
            assert running.wait(60) == 0
        finally:
            running.kill()


def _answer_of(url: str) -> bytes:
    """The answer at once: whoever has been told the address can connect."""
    with urllib.request.urlopen(url, timeout=60) as answer:
        found: bytes = answer.read()
        return found


def test_an_address_is_held_from_the_start_and_a_taken_one_refused(tmp_path: Path) -> None:
    with bound("localhost", 0) as sockets:
        port = sockets[0].getsockname()[1]
        assert {one.getsockname()[1] for one in sockets} == {port}
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(sockets[0].getsockname()[:2], 5)
        listen(sockets)
        assert "cannot be bound to" in refused("serve", tmp_path / "none", "--host", "localhost", "--port", port)
        socket.create_connection(sockets[0].getsockname()[:2], 5).close()


def test_answers_of_kept_connections_are_not_held_back() -> None:
    """Nagle's algorithm would wait for the client's delayed acknowledgement, 40 ms at each answer."""

    async def accepted() -> int:
        said: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def told(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            said.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        with bound("127.0.0.1", 0) as [one]:
            async with await asyncio.start_server(told, sock=one):
                _, writer = await asyncio.open_connection(*one.getsockname()[:2])
                writer.close()
                return await said

    assert asyncio.run(accepted()) == 1

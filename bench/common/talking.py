"""A client of HTTP that costs next to nothing: one connection kept open, requests as bytes."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Self


def post(path: str, body: Any, verb: str = "POST") -> bytes:
    """A request with JSON."""
    content = json.dumps(body).encode()
    return _request(verb, path, content, "application/json")


def get(path: str, verb: str = "GET") -> bytes:
    """A request without a body."""
    return f"{verb} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def form(path: str, picture: bytes, fields: dict[str, str]) -> bytes:
    """A request with a picture, and fields."""
    parts = [
        f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = (
        b'--edge\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
    )
    content = b"".join(parts) + head + picture + b"\r\n--edge--\r\n"
    return _request("POST", path, content, "multipart/form-data; boundary=edge")


def _request(verb: str, path: str, content: bytes, kind: str) -> bytes:
    head = (
        f"{verb} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


class Talker:
    """One connection."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer; a connection that the server has closed meanwhile is opened anew."""
        if self._reader.at_eof():
            await self.__aenter__()
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        status, length = int(head.split(b" ", 2)[1]), 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        body = await self._reader.readexactly(length) if length else b""
        return status, body

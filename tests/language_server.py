"""A language model's server for tests: it answers orders rightly, or misbehaves as it is told to."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ORDER = re.compile(r"^(\d+)\. kind: (\w+); style: (\w+); show if possible: (.+)$", re.MULTILINE)


@dataclass
class Reply:
    """What the server sends."""

    text: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0


Behaviour = Callable[[dict[str, Any], int], Reply | None]
"""From a request and how often the same was sent before to a reply; None for the right one."""


def completion(text: str | None, end: str = "stop", refusal: str | None = None) -> str:
    message = {"role": "assistant", "content": text, "refusal": refusal}
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    choice = {"index": 0, "message": message, "finish_reason": end}
    whole = {"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage}
    return json.dumps(whole)


def asked(body: dict[str, Any]) -> str:
    """The last turn's text."""
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else content[-1]["text"]


def right(body: dict[str, Any]) -> str:
    """The answer that was ordered; a caption where none was."""
    text = asked(body)
    orders = ORDER.findall(text)
    if not orders:
        return "a red ball on a table"
    caption = re.search(r"^Caption.*?: (.*)$", text, re.MULTILINE)
    assert caption is not None
    triplets = [
        {
            "number": int(number),
            "instruction": f"{kind} {style}",
            "modified_caption": f"{caption[1]}, {kind} {number}",
            "kind": kind,
            "aspects": [aspect],
        }
        for number, kind, style, aspect in orders
    ]
    return json.dumps({"triplets": triplets})


class LanguageServer(ThreadingHTTPServer):
    """Counts what it is asked."""

    daemon_threads = True

    def __init__(self, behaviour: Behaviour | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behaviour = behaviour or (lambda _body, _before: None)
        self.bodies: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.before: Counter[str] = Counter()
        self.running = self.most = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no error."""


class _Handler(BaseHTTPRequestHandler):
    server: LanguageServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        with server.lock:
            key = json.dumps(body, sort_keys=True)
            before = server.before[key]
            server.before[key] += 1
            server.bodies.append({**body, "key": self.headers.get("Authorization")})
            server.times.append(time.monotonic())
            server.running += 1
            server.most = max(server.most, server.running)
        reply = server.behaviour(body, before) or Reply(completion(right(body)))
        time.sleep(reply.delay)
        with server.lock:
            server.running -= 1
        content = reply.text.encode()
        self.send_response(reply.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(behaviour: Behaviour | None = None) -> Iterator[LanguageServer]:
    """A server for the block."""
    with LanguageServer(behaviour) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()

"""The layer around all endpoints: access, sizes, security headers, counts, and the last word on errors."""

from __future__ import annotations

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from instructcir.server.access import Access
from instructcir.server.metrics import Metrics
from instructcir.server.refusals import Refusal, as_response, log

SECURITY = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
        "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """ASGI middleware.

    Args:
        app: what it stands around.
        access: who may ask.
        metrics: where requests are counted.
        most_bytes: of a request's body.
    """

    def __init__(self, app: ASGIApp, access: Access, metrics: Metrics, most_bytes: int) -> None:
        self._app = app
        self._access = access
        self._metrics = metrics
        self._most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin, status = time.perf_counter(), 0

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": _with_security(message["headers"])}
            await send(message)

        try:
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            self._access.check(scope["method"], scope["path"], headers)
            self._check_length(headers.get("content-length"))
            await self._app(scope, self._bounded(receive), counted)
        except Refusal as refusal:
            await as_response(refusal)(scope, receive, counted)
        except Exception:  # a bug: the log shows it, the answer must not
            log.exception("a request failed: %s %s", scope["method"], scope["path"])
            if status:  # half an answer is out: breaking off tells the client
                raise
            await as_response(Refusal(500, "failed", "the server could not answer; its log says why"))(
                scope, receive, counted
            )
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.requests.labels(route, scope["method"][:10], str(status)).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - begin)

    def _check_length(self, length: str | None) -> None:
        if length is not None and length.isdecimal() and int(length) > self._most_bytes:
            raise self._too_large()

    def _bounded(self, receive: Receive) -> Receive:
        taken = 0

        async def bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._most_bytes:
                raise self._too_large()
            return message

        return bounded

    def _too_large(self) -> Refusal:
        return Refusal(
            413,
            "too_large",
            f"at most {self._most_bytes / 2**20:.0f} MB can be sent; make the picture smaller",
            {"Connection": "close"},
        )


def _with_security(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    given = {name.lower() for name, _ in headers}
    added = {**SECURITY, "cache-control": "no-store"}
    return headers + [(k.encode(), v.encode()) for k, v in added.items() if k.encode() not in given]

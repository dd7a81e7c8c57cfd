"""How a server says no: one shape for every error, which never shows a path or a trace of the machine."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.responses import JSONResponse

from instructcir.errors import ImageError, InputError, InstructcirError, StoreError

log = logging.getLogger("instructcir.server")
_PATH = re.compile(r"(?:[A-Za-z]:)?(?:[/\\][^/\\\s'\":;,()]+)+[/\\]?|~[/\\][^\s'\":;,()]*")


class Refusal(InstructcirError):
    """A request that is not answered.

    Attributes:
        status: of HTTP.
        code: for programs, a few words in snake case.
        headers: to be sent with it.
    """

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.code = code
        self.headers = dict(headers or {})
        super().__init__(message)


def busy(seconds: int = 1) -> Refusal:
    """The refusal of a request that there is no room for."""
    return Refusal(503, "busy", "the server has all it can do; ask again in a moment", {"Retry-After": str(seconds)})


def too_slow() -> Refusal:
    """The refusal of a request that took longer than the server allows."""
    return Refusal(504, "too_slow", "this took longer than the server allows; ask again", {"Retry-After": "2"})


def gone() -> Refusal:
    """The end of a request whose client has gone away; nobody reads it, but it is counted."""
    return Refusal(499, "client_gone", "the client has gone away")


def not_found(what: str) -> Refusal:
    """The refusal of what is not there."""
    return Refusal(404, "not_found", f"{what}: not here")


def refusal_of(error: InstructcirError) -> Refusal:
    """An error of the package as one that a stranger may read."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, ImageError):
        return Refusal(422, "unreadable_picture", f"this picture cannot be used: {without_paths(error.reason)}")
    if isinstance(error, InputError):
        return Refusal(422, "bad_input", without_paths(str(error)))
    if isinstance(error, StoreError) and str(error).startswith("where "):
        return Refusal(422, "bad_filter", "the filter cannot be understood; compare columns with values, as in SQL")
    log.error("a request failed: %s", error)
    if isinstance(error, StoreError):
        return Refusal(503, "index_unavailable", "the index cannot be read at the moment", {"Retry-After": "5"})
    return Refusal(500, "failed", "the server could not answer; its log says why")


def without_paths(text: str) -> str:
    """A message with every path of the machine taken out."""
    return _PATH.sub("…", text)


def as_response(refusal: Refusal) -> JSONResponse:
    """The answer that tells of a refusal."""
    body = {"error": {"code": refusal.code, "message": str(refusal)}}
    return JSONResponse(body, status_code=refusal.status, headers=refusal.headers)


def invalid(errors: Sequence[Any]) -> Refusal:
    """The refusal of a body or a parameter that does not fit; what was sent is not repeated."""
    told = []
    for error in errors[:3]:
        place = ".".join(str(part) for part in error["loc"] if part not in ("body", "query", "path"))
        told.append(f"{place or 'body'}: {without_paths(error['msg'])}")
    said = "; ".join(told).encode("utf-8", "replace").decode()
    return Refusal(422, "invalid", said or "the request does not fit")

"""What a server takes and for how long it works on it: every bound in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a server.

    Attributes:
        upload_bytes: of one request's body.
        upload_pixels: width times height of an uploaded picture.
        upload_files: pictures in one request.
        kept_bytes: of uploaded pictures that are remembered, the least recently used dropped first.
        kept_sessions: likewise of sessions.
        session_seconds: without use after which a session is dropped.
        in_flight: requests that need the model and are being worked on or wait; one more is refused with 503.
        batch: questions that go through the model in one pass.
        queue: questions that wait for the model; one more is refused with 503.
        seconds: for one request, from its first byte to its answer.
        grace_seconds: for requests that are being worked on when the server is told to stop.
    """

    upload_bytes: int = 20 * 2**20
    upload_pixels: int = 50_000_000
    upload_files: int = 4
    kept_bytes: int = 256 * 2**20
    kept_sessions: int = 1000
    session_seconds: float = 3600.0
    in_flight: int = 128
    batch: int = 64
    queue: int = 256
    seconds: float = 30.0
    grace_seconds: float = 10.0


MOST_HITS = 200
MOST_TEXT = 2000
"""Characters of a modification, an edit or a condition."""
MOST_MARKS = 50
MOST_RANDOM = 60

"""Pictures that were sent, checked once and kept for a while, so that typing on does not send them again."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass

from instructcir.images import open_rgb
from instructcir.server.refusals import Refusal


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture that was sent.

    Attributes:
        token: a name that only its content gives.
        data: the file.
        width: pixels of the upright picture.
        height: likewise.
    """

    token: str
    data: bytes
    width: int
    height: int


class Uploads:
    """Remembered uploads, the least recently used dropped first. Safe in threads.

    Args:
        most_bytes: of all of them.
        most_pixels: of each.
    """

    def __init__(self, most_bytes: int, most_pixels: int) -> None:
        self._most_bytes = most_bytes
        self._most_pixels = most_pixels
        self._kept: OrderedDict[str, Upload] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def add(self, data: bytes) -> Upload:
        """Check that a file is a picture, and keep it.

        Raises:
            ImageError: it is none, or too large.
        """
        token = hashlib.sha256(data).hexdigest()
        with self._lock:
            known = self._kept.get(token)
        if known is None:
            picture = open_rgb(data, name="upload", max_pixels=self._most_pixels)
            known = Upload(token, data, picture.width, picture.height)
        with self._lock:
            if token not in self._kept:
                self._kept[token] = known
                self._bytes += len(data)
            self._kept.move_to_end(token)
            while self._bytes > self._most_bytes and len(self._kept) > 1:
                self._bytes -= len(self._kept.popitem(last=False)[1].data)
        return known

    def get(self, token: str) -> Upload:
        """An upload that is still kept.

        Raises:
            Refusal: it is not.
        """
        with self._lock:
            if token not in self._kept:
                raise Refusal(410, "upload_gone", "this upload is no longer kept; send the picture again")
            self._kept.move_to_end(token)
            return self._kept[token]

"""Files of indexed pictures, and only those: by id, within the indexed folders, unchanged since they were indexed."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import threading
from collections import OrderedDict
from typing import Any

from PIL import Image

from instructcir.errors import ImageError
from instructcir.images import open_rgb
from instructcir.index.reader import Gallery
from instructcir.remote import is_remote, read_object, state_of
from instructcir.server.refusals import Refusal, not_found

_SHOWN_BY_BROWSERS = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
_KEPT_BYTES = 64 * 2**20


class PictureFiles:
    """What is shown of a gallery's pictures. Safe in threads."""

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery
        self._kept: OrderedDict[tuple[str, str, int], bytes] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def thumbnail(self, one: str) -> bytes:
        """The small JPEG that the index holds of a picture.

        Raises:
            Refusal: there is no such picture.
        """
        found: bytes = self._row(one, ["thumbnail"])["thumbnail"] or b""
        return found

    def original(self, one: str) -> tuple[bytes, str]:
        """A picture's file and its media type; kinds that browsers do not show are made JPEG.

        Raises:
            Refusal: there is no such picture, or it may not be served (404), or it has changed (410).
        """
        data = self.content(one)
        for start, kind in _SHOWN_BY_BROWSERS.items():
            if data.startswith(start):
                return data, kind
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return data, "image/webp"
        return self.resized(one, 4096), "image/jpeg"

    def resized(self, one: str, side: int) -> bytes:
        """A JPEG of a picture, at most `side` pixels a side, without the file's metadata; raises as `original`."""
        key = one, str(self._row(one, ["digest"])["digest"]), side
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        try:
            picture = open_rgb(self.content(one), name="picture", min_side=side)
        except ImageError:
            raise not_found("picture") from None
        picture.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
        made = io.BytesIO()
        picture.save(made, "JPEG", quality=88, progressive=True)
        data = made.getvalue()
        with self._lock:
            if key not in self._kept:
                self._kept[key] = data
                self._bytes += len(data)
            while self._bytes > _KEPT_BYTES and len(self._kept) > 1:
                self._bytes -= len(self._kept.popitem(last=False)[1])
        return data

    def content(self, one: str) -> bytes:
        """A picture's file, read; raises as `original`."""
        row = self._row(one, ["path", "size", "mtime_ns", "digest"])
        if is_remote(row["path"]):
            return self._object(row)
        real = os.path.realpath(row["path"])
        if not any(_is_below(real, folder) for folder in self._gallery.manifest.folders):
            raise not_found("picture")  # a link that leads out of the indexed folders
        try:
            # The last name may not have become a link since, nor something that blocks when it is opened.
            handle = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            raise not_found("picture's file") from None
        with os.fdopen(handle, "rb") as stream:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode):
                raise not_found("picture")
            if (found.st_size, found.st_mtime_ns) != (row["size"], row["mtime_ns"]):
                raise _changed()
            return stream.read(found.st_size)

    def _object(self, row: dict[str, Any]) -> bytes:
        if not any(row["path"].startswith(f"{folder}/") for folder in self._gallery.manifest.folders):
            raise not_found("picture")
        try:
            found = state_of(row["path"])
            if found is None:
                raise not_found("picture's file")
            data = read_object(row["path"]) if found.size == row["size"] else b""
        except OSError:
            raise not_found("picture's file") from None
        if hashlib.sha256(data).hexdigest() != row["digest"]:  # the time alone would not tell: it is of whole seconds
            raise _changed()
        return data

    def _row(self, one: str, columns: list[str]) -> dict[str, Any]:
        view = self._gallery.view
        numbers = view.numbers_of([one])
        if not numbers:
            raise not_found("picture")
        return view.describe(numbers, columns)[0]


def _changed() -> Refusal:
    return Refusal(410, "picture_changed", "this picture has changed since it was indexed")


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(os.path.realpath(folder).rstrip(os.sep) + os.sep)

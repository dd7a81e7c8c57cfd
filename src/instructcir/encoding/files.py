"""One picture file, read once: its bytes' hash, its size and time, a thumbnail, and its pixels for the model."""

from __future__ import annotations

import hashlib
import io
import os
import time
from dataclasses import dataclass

from PIL import Image

from instructcir.errors import ImageError
from instructcir.images import open_rgb, open_sized
from instructcir.remote import is_remote, is_young, read_object, state_of, time_to_keep
from instructcir.resizing import shrink

THUMBNAIL_SIDE = 192
"""Longest side of a thumbnail, in pixels."""
MOST_BYTES = 2**30
"""Files above it are refused unread: no picture that `open_rgb` takes needs as much."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What is known of a picture file beside its vector.

    Attributes:
        path: as it was given.
        digest: SHA-256 of the file's bytes, 64 hexadecimal digits.
        size: bytes.
        mtime_ns: time of the last change, in nanoseconds since 1970.
        width: pixels of the upright picture.
        height: likewise.
        thumbnail: a JPEG file of at most `THUMBNAIL_SIDE` pixels a side.
    """

    path: str
    digest: str
    size: int
    mtime_ns: int
    width: int
    height: int
    thumbnail: bytes


def read_file(path: str) -> tuple[bytes, int]:
    """A file's bytes, and the time of the last change of the very file that was read, in nanoseconds since 1970.

    Of a young object the time is the one to keep (`remote.time_to_keep`).

    Raises:
        ImageError: it cannot be read, or is too large.
    """
    try:
        if is_remote(path):
            return _read_object(path)
        with open(path, "rb") as stream:
            found = os.fstat(stream.fileno())
            _check_size(path, found.st_size)
            return stream.read(), found.st_mtime_ns
    except OSError as error:
        raise ImageError(path, f"cannot be read ({error.strerror or error})") from error


def _read_object(path: str) -> tuple[bytes, int]:
    looked = time.time_ns()
    before = state_of(path)
    if before is None:
        raise ImageError(path, "is no longer there")
    _check_size(path, before.size)
    return read_object(path), time_to_keep(before.mtime_ns, is_young(before.mtime_ns, looked))


def _check_size(path: str, size: int) -> None:
    if size > MOST_BYTES:
        raise ImageError(path, f"{size:,} bytes, more than {MOST_BYTES:,}; leave it out of the folder")


def open_picture(
    path: str, data: bytes, mtime_ns: int, *, min_side: int | None = None
) -> tuple[FileFacts, Image.Image]:
    """Decode a file that was read, and gather its facts.

    Args:
        path: the file's, for its facts and for errors.
        data: its bytes.
        mtime_ns: what `read_file` gave with them.
        min_side: pixels a side that are needed of a JPEG file, as for `open_rgb`; its facts are those of the whole one.

    Raises:
        ImageError: it is no picture that can be used.
    """
    picture, size = open_sized(data, name=path, min_side=min_side)
    digest = hashlib.sha256(data).hexdigest()
    shown = picture
    if max(picture.size) < min(THUMBNAIL_SIDE, max(size)):  # the model needs fewer pixels than people
        shown = open_rgb(data, name=path, min_side=THUMBNAIL_SIDE)
    facts = FileFacts(path, digest, len(data), mtime_ns, *size, thumbnail_of(shown))
    return facts, picture


def thumbnail_of(picture: Image.Image) -> bytes:
    """A small JPEG file of an RGB picture, at most `THUMBNAIL_SIDE` pixels a side."""
    part = THUMBNAIL_SIDE / max(picture.size)
    size = max(1, round(picture.width * part)), max(1, round(picture.height * part))
    small = shrink(picture, size, Image.Resampling.BICUBIC, reducing_gap=2.0) if part < 1 else picture
    content = io.BytesIO()
    small.save(content, "JPEG", quality=82)
    return content.getvalue()

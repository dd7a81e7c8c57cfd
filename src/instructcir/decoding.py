"""Decoding: from a path, bytes or an array to a loaded Pillow image, by Pillow's safe decoders only, without noise."""

from __future__ import annotations

import importlib
import io
import os
import re
import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any, cast

import numpy as np
from PIL import Image, ImageFile

from instructcir.colours import Array, from_16_bits
from instructcir.items import ImageLike

# The only decoders that may run: plain rasters whose size is known before they decode. Not EPS, WMF or PDF (they start
# other programs), not ICO (it decodes while it opens). They are called directly: Image.open() would add whatever other
# plugins are registered, warnings, and the process-wide MAX_IMAGE_PIXELS in place of our bound. JpegImageFile, not
# Pillow's factory, so that a damaged list of further MPO frames cannot spoil the first.
_DECODERS = (
    (re.compile(rb"\xff\xd8\xff"), "Jpeg", "JpegImageFile"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "Png", "PngImageFile"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "WebP", "WebPImageFile"),
    (re.compile(rb"GIF8[79]a"), "Gif", "GifImageFile"),
    (re.compile(rb"II[*+]\0|MM\0[*+]|MM\*\0|II\0\*"), "Tiff", "TiffImageFile"),
    (re.compile(rb"BM"), "Bmp", "BmpImageFile"),
    (re.compile(rb"P[1-6f][\s#]"), "Ppm", "PpmImageFile"),
    (re.compile(rb"\xff\x4f\xff\x51|\0\0\0\x0cjP  \r\n\x87\n"), "Jpeg2K", "Jpeg2KImageFile"),
    (re.compile(rb"....ftypavi[fs]", re.DOTALL), "Avif", "AvifImageFile"),
)
_NOT_PICTURES = (
    (re.compile(rb"....ftyp(hei|hev|mif1|msf1)", re.DOTALL), "a HEIC picture: convert it to JPEG first"),
    (re.compile(rb"\s*<(!doctype\s+)?html", re.IGNORECASE), "a web page, not a picture: download it again"),
    (re.compile(rb"(\xef\xbb\xbf)?\s*<(\?xml|svg|!)", re.IGNORECASE), "SVG or XML: render it to PNG first"),
    (re.compile(rb"%PDF|%!PS|\xc5\xd0\xd3\xc6"), "PDF or PostScript, not a picture: export it as PNG first"),
    (re.compile(rb""), "not a JPEG, PNG, WebP, GIF, TIFF, BMP, PPM, JPEG 2000 or AVIF picture: convert it first"),
)


class Refused(Exception):
    """A reason not to take a picture, before its source is known."""


def decode(image: ImageLike, max_pixels: int, min_side: int | None = None) -> tuple[Image.Image, tuple[int, int]]:
    """Load a picture of any accepted kind, in whatever mode and orientation it has.

    Args:
        image: a path, the bytes of a file, a PIL image or an array; open_rgb says which.
        max_pixels: width times height above which it is refused before it is decoded.
        min_side: lets a JPEG file be decoded at a fraction of its size, both sides at least this long.

    Returns:
        The caller's own object if it is a PIL image, else a new one; loaded, its file closed. And the width and height
        of the whole picture in pixels, as it lies in the file.

    Raises:
        Refused: with the reason in words; any other exception is Pillow's, and reason_of() has the words for it.
    """
    if isinstance(image, Image.Image):
        _check_size(image.size, max_pixels)
        image.load()
        return image, image.size
    if isinstance(image, np.ndarray):
        _check_size((image.shape[1], image.shape[0]) if image.ndim > 1 else (image.size, 1), max_pixels)
        picture = Image.fromarray(_bytes_of(image))
        return picture, picture.size
    with _stream(image) as stream:
        picture = _identify(stream)
        size = picture.size
        _check_size(size, max_pixels)
        if min_side is not None and picture.format == "JPEG":
            picture.draft(None, (min_side, min_side))
        if isinstance(stream, io.BytesIO):  # in one piece: between pieces a thread waits for Python's lock
            picture.decodermaxblock = max(picture.decodermaxblock, stream.getbuffer().nbytes)
        picture.load()
        return picture, size


def _stream(image: Any) -> IO[bytes]:
    if isinstance(image, bytes | bytearray | memoryview):
        if not len(image):
            raise Refused("empty (0 bytes): copy or download it again")
        return io.BytesIO(image)
    if not isinstance(image, str | os.PathLike):
        raise Refused("not a picture: pass a path, the bytes of a file, a PIL image or a NumPy array")
    try:
        status = os.stat(image)
    except ValueError:  # a null byte, or a character that the file system's encoding lacks
        raise Refused("no such file: its path holds a character that no path can hold") from None
    if stat.S_ISDIR(status.st_mode):
        raise Refused("a folder, not a picture: name a file in it")
    if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
        raise Refused("a device or pipe, not a file: pass its bytes instead")
    if status.st_size == 0:
        raise Refused("empty (0 bytes): copy or download it again")
    return open(image, "rb")


def _identify(stream: IO[bytes]) -> ImageFile.ImageFile:
    head = stream.read(64)
    stream.seek(0)
    for magic, module, decoder in _DECODERS:
        if magic.match(head):
            if module == "Jpeg2K":  # a damaged length makes it ask for gigabytes, which a file would try to allocate
                stream = io.BytesIO(stream.read())
            plugin = importlib.import_module(f"PIL.{module}ImagePlugin")
            decoded = getattr(plugin, decoder)(stream, "")  # no file name: no mapping of the file
            return cast(ImageFile.ImageFile, decoded)
    raise Refused(next(what for magic, what in _NOT_PICTURES if magic.match(head)))


def _check_size(size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise Refused(f"no pixels ({width} x {height}): use another picture")
    if width * height > max_pixels:
        count, bound = width * height / 1e6, max_pixels / 1e6
        raise Refused(f"{width} x {height} = {count:g} megapixels, over the limit of {bound:g}: shrink it first")


def _bytes_of(values: Array) -> Array:
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[:, :, 0]
    if not (values.ndim == 2 or (values.ndim == 3 and values.shape[2] in (3, 4))):
        hint = " (channels first? transpose it)" if values.ndim == 3 and values.shape[0] in (1, 3, 4) else ""
        raise Refused(f"shape {values.shape}: an image array is (H, W), (H, W, 1), (H, W, 3) or (H, W, 4){hint}")
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind == "b":
        return values.astype(np.uint8) * np.uint8(255)
    if values.dtype.kind == "u" and values.dtype.itemsize == 2:
        return from_16_bits(values)
    if values.dtype.kind != "f":
        raise Refused(f"values of type {values.dtype}: pass uint8, uint16, bool, or floats in [0, 1]")
    low, high = float(values.min()), float(values.max())
    if not (low > -1e-5 and high < 1 + 1e-5):  # the slack is for float rounding; NaN fails too
        raise Refused(f"floats from {low:g} to {high:g}: scale them to [0, 1], or pass uint8")
    return np.rint(np.clip(values.astype(np.float32), 0, 1) * 255).astype(np.uint8)


def reason_of(error: Exception) -> str:
    """Say in one line what an exception of Pillow's or of the system means for the picture, and what to do."""
    words = " ".join(str(error).split())
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "no such file: check the path"
    if isinstance(error, PermissionError):
        return "no permission to read it: check its access rights"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read ({error.strerror}): check the path and the disk"
    if isinstance(error, Image.DecompressionBombError):
        return f"too large for Pillow's decoder of this format: shrink it first ({words})"
    if "closed image" in words:
        return "the image is closed: open it again"
    if "not installed" in words:
        return f"this Pillow cannot read its format: convert it to JPEG or PNG ({words})"
    if isinstance(error, EOFError) or "truncated" in words.lower():
        return f"cut short: copy or download it again ({words})"
    return f"damaged: copy or download it again ({type(error).__name__}: {words})"


class _InOurDecoders:
    """The module test of a warnings filter: Pillow's modules, in a thread that is decoding here at the moment.

    warnings.catch_warnings() would change every thread's filters for the length of a decode. This filter is put in once
    and stays; it matches nothing outside open_rgb. Its state is elsewhere because some libraries pickle the filters.
    """

    def match(self, module: str) -> bool:
        return getattr(_here, "decoding", False) and module.startswith("PIL.")


_here = threading.local()
_QUIET: Any = ("ignore", None, Warning, _InOurDecoders(), 0)


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Keep every warning of Pillow's from this thread while the block runs, and no other thread's."""
    filters = cast("list[Any]", warnings.filters)
    if not filters or filters[0] is not _QUIET:
        with suppress(ValueError):
            filters.remove(_QUIET)
        filters.insert(0, _QUIET)
    _here.decoding = True
    try:
        yield
    finally:
        _here.decoding = False

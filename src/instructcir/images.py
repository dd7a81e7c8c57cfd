"""Pixels: open_rgb() is the one entrance by which a picture of any kind becomes an upright, opaque sRGB image.

Pillow decodes; decided here is what Pillow leaves to its caller: which decoders may run and how many pixels are too
many (decoding), what lies behind transparent pixels and what 16 bits and colour profiles mean (colours), and in this
module which side is up, what a picture is called in an error, and one type of error.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image

from instructcir.colours import to_srgb
from instructcir.decoding import Refused, decode, quiet_pillow, reason_of
from instructcir.errors import ImageError, InputError
from instructcir.items import ImageLike

MAX_PIXELS = 256_000_000
"""The default bound: above the largest camera sensors, about 1 GB once decoded."""

# EXIF orientation to the turn that undoes it.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SWAPS = frozenset({5, 6, 7, 8})  # the turns that make width of height
# What Pillow is known to raise over broken metadata, which must not cost the picture.
_BROKEN = (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, ArithmeticError, struct.error)


def open_rgb(
    image: ImageLike, *, name: str | None = None, max_pixels: int = MAX_PIXELS, min_side: int | None = None
) -> Image.Image:
    """Open a picture as a model should see it: upright, opaque, sRGB, mode RGB, without metadata.

    EXIF orientation is applied; transparency is laid over white; of an animation the first frame is taken (of a PIL
    image the current one). 16-bit values (modes I;16 and I, uint16) are divided by 257; floats (mode F, NaN as 0) span
    [0, 1], or [0, 255] with clipping if a mode F image leaves [0, 1]. An embedded ICC profile is applied, unless it is
    broken, belongs to another colour space or is sRGB within rounding: then the pixels stay bit-identical. CMYK without
    one is converted arithmetically; a CMYK JPEG is taken as inverted, which is what Adobe and everyone after it writes.

    Safe in threads. No warning of Pillow's escapes, its DecompressionBombWarning included. Its global limit
    (MAX_IMAGE_PIXELS, an error from 179 megapixels) is not changed; it counts only where a decoder itself checks it: in
    TIFF, WebP and GIF.

    Args:
        image: a path, the bytes of an encoded file, a PIL image (loaded if it was not, else untouched), or an array
            (H, W), (H, W, 1), (H, W, 3), (H, W, 4: straight alpha) of uint8, uint16, bool or float in [0, 1].
        name: what errors call a picture that has no path.
        max_pixels: width times height above which a picture is refused, before it is decoded.
        min_side: lets a JPEG file be decoded at 1/2, 1/4 or 1/8 of its size, both sides staying at least this long.
            Much faster for large photos, but it changes pixels: results differ from a full decode and a resize.

    Returns:
        A new, fully loaded image.

    Raises:
        ImageError: the picture cannot be read, is damaged, too large, empty, or of a kind that is not taken.
        InputError: min_side is less than 1.
    """
    return open_sized(image, name=name, max_pixels=max_pixels, min_side=min_side)[0]


def open_sized(
    image: ImageLike, *, name: str | None = None, max_pixels: int = MAX_PIXELS, min_side: int | None = None
) -> tuple[Image.Image, tuple[int, int]]:
    """What `open_rgb` gives, and the upright picture's width and height in pixels before any reduction by `min_side`.

    Arguments and errors are those of `open_rgb`.
    """
    if min_side is not None and min_side < 1:
        raise InputError(f"min_side is {min_side}; it must be at least 1, or None for a full decode")
    with _one_error_type(source_of(image, name)), quiet_pillow():
        decoded, (width, height) = decode(image, max_pixels, min_side)
        orientation = _orientation(decoded)
        rgb = to_srgb(decoded.transpose(_TURNS[orientation]) if orientation in _TURNS else decoded)
        size = (height, width) if orientation in _SWAPS else (width, height)
        return _bare(rgb.copy() if rgb is image else rgb), size


def legacy_rgb(image: ImageLike, *, name: str | None = None) -> Image.Image:
    """Open a picture as the released code does, for parity checks only: PIL's `convert("RGB")` and nothing else.

    No EXIF rotation (but TIFF, which Pillow turns by itself), alpha is dropped, 16-bit values are clipped, colour
    profiles are ignored.

    Args:
        image: as for open_rgb.
        name: what errors call a picture that has no path.

    Returns:
        A new, fully loaded image without metadata.

    Raises:
        ImageError: as open_rgb.
    """
    with _one_error_type(source_of(image, name)), quiet_pillow():
        return _bare(decode(image, MAX_PIXELS)[0].convert("RGB"))


def image_digest(image: Image.Image) -> str:
    """Hash what a model sees of a picture: SHA-256 over its size and RGB bytes, as 64 hexadecimal digits.

    Args:
        image: an image of open_rgb.

    Raises:
        ImageError: the image is not of mode RGB.
    """
    if image.mode != "RGB":
        raise ImageError(source_of(image, None), "a digest is taken of RGB images only: pass it through open_rgb first")
    digest = hashlib.sha256(f"{image.width}x{image.height}:".encode())
    digest.update(image.tobytes())
    return digest.hexdigest()


def _orientation(picture: Image.Image) -> int:
    """EXIF's number of how a picture lies; 1, upright, where nothing is said that is understood."""
    try:
        said = picture.getexif().get(0x0112, 1)
        return int(said) if said in _TURNS else 1
    except _BROKEN:
        return 1


def _bare(picture: Image.Image) -> Image.Image:
    # A plain image on the same pixels: the file's class and metadata go, so that nothing is applied to it twice.
    plain = picture._new(picture.im)
    plain.info = {}
    return plain


def source_of(image: object, name: str | None = None) -> str:
    """What errors call a picture: its path, the name given, or what sort of object it is."""
    if isinstance(image, str | os.PathLike):
        return os.fsdecode(image) or "(empty path)"
    if name is not None:
        return name
    if isinstance(image, Image.Image):
        where = getattr(image, "filename", "")
        return os.fsdecode(where) if where else f"PIL image ({image.mode}, {image.width} x {image.height})"
    if isinstance(image, np.ndarray):
        return f"array {image.shape} of {image.dtype}"
    return f"{type(image).__name__} object" + (f" ({len(image)} bytes)" if isinstance(image, bytes) else "")


@contextmanager
def _one_error_type(source: str) -> Iterator[None]:
    try:
        yield
    except MemoryError:
        raise
    except Refused as error:
        raise ImageError(source, str(error)) from None
    except Exception as error:  # bad data makes Pillow raise nearly every built-in type
        raise ImageError(source, reason_of(error)) from error

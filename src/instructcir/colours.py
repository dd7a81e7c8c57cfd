"""Colours: what the values of a decoded picture mean, and the same picture as opaque sRGB."""

from __future__ import annotations

import io
from contextlib import suppress
from functools import lru_cache
from typing import Any, TypeAlias, cast

import numpy as np
from PIL import Image, ImageCms

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]

# Levels by which an sRGB profile may move a colour and still be sRGB: profiles round their curves differently.
_SRGB_ROUNDING = 3


def to_srgb(picture: Image.Image) -> Image.Image:
    """Turn a loaded picture of any mode into opaque sRGB; open_rgb's docstring says by which rules.

    Args:
        picture: any mode; it is not changed, but it is the result if nothing is to be done.

    Returns:
        An image of mode RGB.

    Raises:
        ValueError: Pillow cannot convert the mode.
    """
    profile = picture.info.get("icc_profile")
    if picture.mode == "F" or picture.mode.startswith("I"):
        picture = _eight_bits(picture)
    if picture.has_transparency_data:
        picture = _on_white(picture)
    if picture.mode not in ("RGB", "L", "CMYK"):
        picture = picture.convert("RGB")
    transform = _transform(profile, picture.mode) if isinstance(profile, bytes) and profile else None
    if transform is not None:
        return transform.apply(picture)
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def from_16_bits(values: Array) -> Array:
    """Scale 16-bit values of any shape to 8 bits, 65535 to 255, to the nearest; what is out of range is clipped."""
    return cast(Array, ((np.clip(values, 0, 65535).astype(np.uint32) + 128) // 257).astype(np.uint8))


def _eight_bits(picture: Image.Image) -> Image.Image:
    values = np.asarray(picture)
    if picture.mode == "F":
        values = np.nan_to_num(values, nan=0.0)
        scale = 255 if values.min() >= 0 and values.max() <= 1 else 1
        return Image.fromarray(np.rint(np.clip(values, 0, 255) * scale).astype(np.uint8))
    gray = Image.fromarray(from_16_bits(values))
    key = picture.info.get("transparency")  # the one gray that is clear, which Pillow compares in 8 bits
    return gray if key is None else Image.merge("LA", (gray, Image.fromarray(np.uint8(255) * (values != key))))


def _on_white(picture: Image.Image) -> Image.Image:
    picture = _with_alpha(picture)
    canvas = Image.new("L" if picture.mode == "LA" else "RGB", picture.size, "white")
    canvas.paste(picture.getchannel("L") if picture.mode == "LA" else picture, mask=picture.getchannel("A"))
    return canvas


def _with_alpha(picture: Image.Image) -> Image.Image:
    if picture.mode in ("LA", "RGBA"):
        return picture
    target = "LA" if picture.mode in ("1", "L", "La") else "RGBA"
    key = picture.info.get("transparency")
    if key is None:
        return picture.convert(target)
    picture = picture.copy()  # convert() writes into the palette
    with suppress(TypeError, ValueError, OverflowError):
        if picture.mode == "RGB" and max(key) > 255:  # of a 16-bit file, whose pixels Pillow cuts to their high bytes
            picture.info["transparency"] = tuple(part >> 8 for part in key)
        return picture.convert(target)
    del picture.info["transparency"]  # a colour that this mode cannot have: nothing is clear
    return picture.convert(target)


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Build the way from a profile to sRGB; None: the pixels are sRGB, or the profile is of no use for them."""
    intent, flags = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB", intent, flags=flags)
        if mode == "CMYK":
            return transform
        steps = np.arange(0, 256, 15, dtype=np.uint8)
        colours = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(len(steps), -1, 3)
        probe = Image.fromarray(colours if mode == "RGB" else np.ascontiguousarray(colours[:, :, 0]))
        moved = np.asarray(transform.apply(probe), np.int16) - np.asarray(probe.convert("RGB"), np.int16)
    except (ImageCms.PyCMSError, ImportError, OSError, ValueError):
        return None
    return transform if np.abs(moved).max() > _SRGB_ROUNDING else None

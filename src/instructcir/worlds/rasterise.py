"""From SVG to pixels."""

from __future__ import annotations

import io

import resvg_py
from PIL import Image


def rasterise(svg: str, side: int) -> Image.Image:
    """An SVG of square shape as an RGB picture.

    Args:
        svg: markup without text, so that no fonts are needed.
        side: pixels a side.

    Raises:
        ValueError: the markup cannot be drawn.
    """
    png = resvg_py.svg_to_bytes(svg_string=svg, width=side, height=side, skip_system_fonts=True)
    return Image.open(io.BytesIO(bytes(png))).convert("RGB")

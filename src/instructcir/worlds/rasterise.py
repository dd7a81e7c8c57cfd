"""From SVG to pixels."""

from __future__ import annotations

import io

import resvg
from PIL import Image

_ROOT = "<svg "
_AS_IT_IS = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
_OPTIONS = resvg.usvg.Options.default()  # no fonts
_PANICS = "pyo3_runtime"


def rasterise(svg: str, side: int) -> Image.Image:
    """An SVG of square shape as an RGB picture.

    Args:
        svg: markup without text, so that no fonts are needed; its root tag comes first and has no size of its own.
        side: pixels a side.

    Raises:
        ValueError: the markup cannot be drawn.
    """
    if not svg.startswith(_ROOT):
        raise ValueError(f"markup begins with {svg[:20]!r}, not with {_ROOT!r}")
    sized = f'{_ROOT}width="{side}" height="{side}" {svg[len(_ROOT) :]}'
    try:
        png = resvg.render(resvg.usvg.Tree.from_str(sized, _OPTIONS), _AS_IT_IS)
    except BaseException as error:  # what the renderer cannot read makes it panic, which is no Exception
        if type(error).__module__ == _PANICS:
            raise ValueError(f"markup that cannot be drawn: {error}") from error
        raise
    return Image.open(io.BytesIO(png)).convert("RGB")

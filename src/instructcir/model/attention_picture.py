"""An explanation as one picture: the map with the instruction, the one without, and their difference, with a legend."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from instructcir.lettering import (
    FAINT,
    INK,
    PAPER,
    Colour,
    drawable,
    font,
    line_height,
    shortened,
    width_of,
    wrapped,
    write,
)
from instructcir.model.attention import Explanation, Map

# shapes: H, W rows and columns of patches; h, w pixels

_PANEL, _GAP, _EDGE = 360, 28, 32
_BAR = 10
_LEGEND = 62
_NARROWEST = 260
"""Pixels that a panel's headings need."""

Scale = tuple[Colour, ...]
# Points on matplotlib's inferno (CC0) and on a blue - white - red scale, both even in lightness.
_HEAT: Scale = (
    *((0, 0, 4), (40, 11, 84), (101, 21, 110), (159, 42, 99)),
    *((212, 72, 66), (245, 125, 21), (250, 193, 39), (252, 255, 164)),
)
_CHANGE: Scale = (
    (24, 72, 150),
    (67, 130, 194),
    (146, 190, 224),
    (238, 238, 238),
    (244, 178, 148),
    (214, 96, 77),
    (150, 20, 40),
)


def draw_explanation(explanation: Explanation) -> Image.Image:
    """Draw the two maps and their difference over the picture, side by side.

    Both maps share one scale; the difference has its own, the same to both sides. Patches are smoothed.
    """
    size = _fitted(explanation.picture.size)
    width, height = max(size[0], _NARROWEST), size[1]
    total = 2 * _EDGE + 3 * width + 2 * _GAP
    title, body, small = font(20, bold=True), font(16), font(13)
    caption = wrapped(
        f"“{explanation.modification}”" if explanation.modification else "(no words)", title, total - 2 * _EDGE, 3
    )
    about = wrapped(_about(explanation), small, total - 2 * _EDGE, 3)
    top = _EDGE + len(caption) * line_height(title) + 6 + len(about) * line_height(small) + 16
    panels_at = top + line_height(body) + line_height(small) + 4
    canvas = Image.new("RGB", (total, panels_at + height + _LEGEND + _EDGE // 2), PAPER)
    below = write(canvas, (_EDGE, _EDGE), caption, title)
    write(canvas, (_EDGE, below + 6), about, small, FAINT)

    grey = explanation.picture.resize(size, Image.Resampling.LANCZOS)
    highest = max(float(explanation.query_map_HW.max()), float(explanation.gallery_map_HW.max()), 1e-12)
    change = max(float(np.abs(explanation.difference_HW).max()), 1e-12)
    heat = partial(_heat_over, grey, highest=highest)
    share = "{:.1%} of attention on the picture".format
    panels = (
        ("With the instruction", share(explanation.query_share), heat(explanation.query_map_HW)),
        ("Bare gallery prompt", share(explanation.gallery_share), heat(explanation.gallery_map_HW)),
        ("Difference", "red: looked at more, blue: less", _change_over(grey, explanation.difference_HW, change)),
    )
    for number, (heading, remark, picture) in enumerate(panels):
        x = _EDGE + number * (width + _GAP)
        write(canvas, (x, top), [shortened(heading, body, width)], body)
        write(canvas, (x, top + line_height(body)), [shortened(remark, small, width)], small, FAINT)
        inset = x + (width - size[0]) // 2
        canvas.paste(picture, (inset, panels_at))
        frame = (inset - 1, panels_at - 1, inset + size[0], panels_at + height)
        ImageDraw.Draw(canvas).rectangle(frame, outline=(200, 204, 212))
    under = panels_at + height + 14
    _legend(
        canvas,
        (_EDGE, under),
        2 * width + _GAP,
        _HEAT,
        ("0", f"{highest / 4:.2%}", f"{highest:.2%} of attention per patch"),
    )
    _legend(canvas, (_EDGE + 2 * (width + _GAP), under), width, _CHANGE, (f"-{change:.2%}", "0", f"+{change:.2%}"))
    return canvas


def _about(explanation: Explanation) -> str:
    rows, columns = explanation.query_map_HW.shape
    layers = explanation.layers
    run = layers == tuple(range(layers[0], layers[-1] + 1)) and len(layers) > 1
    named = (
        f"layers {layers[0]} to {layers[-1]}"
        if run
        else f"layer{'s' * (len(layers) > 1)} {', '.join(map(str, layers))}"
    )
    tiles = "" if explanation.whole else "; of several tiles, the overview tile is shown"
    return (
        f"Attention of the embedding's token over {rows} x {columns} patches, averaged over all heads and {named} of "
        f"{explanation.layer_count}{tiles}. It shows where the model looks, not what it concludes."
    )


def _fitted(size: tuple[int, int]) -> tuple[int, int]:
    """Width and height that a picture is shown with: its own ratio, but for ribbons no thinner than 1 to 6."""
    width, height = size
    scale = _PANEL / max(width, height)
    return max(round(width * scale), _PANEL // 6), max(round(height * scale), _PANEL // 6)


def _smooth(values_HW: Map, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """(h, w) values between the patches; a plain cubic would leave the range."""
    enlarged = Image.fromarray(values_HW.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
    return np.asarray(enlarged).clip(values_HW.min(), values_HW.max())


def _colours(values: npt.NDArray[np.floating], scale: Scale) -> npt.NDArray[np.float64]:
    """RGB of values in [0, 1]: a further axis of 3."""
    points = np.linspace(0, 1, len(scale))
    return np.stack([np.interp(values, points, [colour[c] for colour in scale]) for c in range(3)], axis=-1)


def _heat_over(picture: Image.Image, values_HW: Map, highest: float) -> Image.Image:
    level = np.sqrt(_smooth(values_HW, picture.size) / highest)  # the root shows weak patches beside one strong sink
    base = _faded(picture)
    alpha = (0.35 + 0.5 * level)[..., None]
    return Image.fromarray((base * (1 - alpha) + _colours(level, _HEAT) * alpha).astype(np.uint8))


def _change_over(picture: Image.Image, values_HW: Map, change: float) -> Image.Image:
    signed = _smooth(values_HW, picture.size) / change
    level = np.sign(signed) * np.sqrt(np.abs(signed))
    base = _faded(picture) * 0.5 + 127
    alpha = (0.15 + 0.7 * np.abs(level))[..., None]
    return Image.fromarray((base * (1 - alpha) + _colours((level + 1) / 2, _CHANGE) * alpha).astype(np.uint8))


def _faded(picture: Image.Image) -> npt.NDArray[np.float64]:
    """(h, w, 3), mostly grey: the map's colours must not mix with the picture's."""
    rgb = np.asarray(picture, dtype=np.float64)
    grey = np.asarray(picture.convert("L"), dtype=np.float64)[..., None]
    return 0.75 * grey + 0.25 * rgb


def _legend(canvas: Image.Image, at: tuple[int, int], width: int, scale: Scale, labels: tuple[str, str, str]) -> None:
    """A colour bar with its start, middle and end written below; steps follow the square root, as the maps do."""
    x, y = at
    ramp = _colours(np.linspace(0, 1, width), scale)[None].repeat(_BAR, axis=0)
    canvas.paste(Image.fromarray(ramp.astype(np.uint8)), (x, y))
    ImageDraw.Draw(canvas).rectangle((x, y, x + width - 1, y + _BAR - 1), outline=(160, 164, 172))
    small = font(13)
    for number, label in enumerate(labels):
        line = drawable(label, small)
        write(canvas, (x + (width - width_of(line, small)) * number // 2, y + _BAR + 6), [line], small, INK)

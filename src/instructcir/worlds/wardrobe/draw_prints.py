"""The large prints on a chest."""

from __future__ import annotations

import math

from instructcir.worlds.shapes import data, disc, fill, line, polygon, star
from instructcir.worlds.wardrobe.draw_palette import Colour, css


def printed(name: str, x: float, y: float, size: float, ink: Colour, ground: Colour) -> str:
    """A print.

    Args:
        name: "star", "heart", "flower", "moon" or "cat".
        x: of its centre.
        y: of its centre.
        size: half its height.
        ink: its colour.
        ground: the garment's colour, for what is left out.
    """
    if name == "star":
        return fill(star(x, y, size * 1.12), css(ink))
    if name == "heart":
        return fill(_heart(x, y, size), css(ink))
    if name == "flower":
        return fill(_petals(x, y, size), css(ink)) + fill(disc(x, y, size * 0.28), css(ground))
    if name == "moon":
        return fill(_moon(x, y, size), css(ink))
    return _cat(x, y, size, ink, ground)


def _heart(x: float, y: float, r: float) -> str:
    return data(
        "M", x, y + r, "C", x - r * 0.5, y + r * 0.5, x - r * 1.1, y + r * 0.1, x - r * 1.1, y - r * 0.4,
        "C", x - r * 1.1, y - r * 1.1, x - r * 0.2, y - r * 1.1, x, y - r * 0.4,
        "C", x + r * 0.2, y - r * 1.1, x + r * 1.1, y - r * 1.1, x + r * 1.1, y - r * 0.4,
        "C", x + r * 1.1, y + r * 0.1, x + r * 0.5, y + r * 0.5, x, y + r, "Z",
    )  # fmt: skip


def _petals(x: float, y: float, r: float) -> str:
    turns = [math.tau * petal / 6 for petal in range(6)]
    return "".join(disc(x + r * 0.64 * math.sin(turn), y - r * 0.64 * math.cos(turn), r * 0.36) for turn in turns)


def _moon(x: float, y: float, r: float) -> str:
    return data(
        "M", x + r * 0.35, y - r, "C", x - r * 1.3, y - r, x - r * 1.3, y + r, x + r * 0.35, y + r,
        "C", x + r * 0.6, y + r, x + r * 0.8, y + r * 0.8, x + r * 0.85, y + r * 0.6,
        "C", x - r * 0.45, y + r * 0.8, x - r * 0.45, y - r * 0.8, x + r * 0.85, y - r * 0.6,
        "C", x + r * 0.8, y - r * 0.8, x + r * 0.6, y - r, x + r * 0.35, y - r, "Z",
    )  # fmt: skip


def _cat(x: float, y: float, r: float, ink: Colour, ground: Colour) -> str:
    ears = [
        polygon([(x + side * r * 0.98, y - r), (x + side * r * 0.15, y - r * 0.45), (x + side * r * 0.95, y + r * 0.1)])
        for side in (-1, 1)
    ]
    # one path each: where shapes of opposite turn overlap in one path, they leave a hole
    head = "".join(fill(shape, css(ink)) for shape in (disc(x, y + r * 0.15, r, r * 0.82), *ears))
    eyes = "".join(disc(x + side * r * 0.42, y + r * 0.02, r * 0.15, r * 0.22) for side in (-1, 1))
    nose = polygon([(x - r * 0.14, y + r * 0.36), (x + r * 0.14, y + r * 0.36), (x, y + r * 0.54)])
    hairs = "".join(
        data("M", x + side * r * 0.35, y + r * 0.45, "L", x + side * r * 0.95, y + r * tilt)
        for side in (-1, 1)
        for tilt in (0.38, 0.62)
    )
    return head + fill(eyes + nose, css(ground)) + line(hairs, css(ground), 0.7)

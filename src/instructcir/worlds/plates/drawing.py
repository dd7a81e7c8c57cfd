"""A fashion plate as SVG: a slender garment in natural dyes, outlined and hatched in ink, before a scene in sepia."""

from __future__ import annotations

import random
from collections.abc import Mapping

from instructcir.worlds.shapes import Point, data, number
from instructcir.worlds.wardrobe.draw_cut import Cut, cut_of
from instructcir.worlds.wardrobe.draw_palette import WHITE, Colour, darker, mix
from instructcir.worlds.wardrobe.draw_settings import backdrop
from instructcir.worlds.wardrobe.drawing import garment_on, ground_shadow, top_of
from instructcir.worlds.world import Box, Drawing

DYES: Mapping[str, Colour] = {
    "black": (62, 54, 48),
    "white": (236, 228, 206),
    "grey": (116, 126, 132),
    "red": (152, 48, 40),
    "orange": (190, 98, 44),
    "yellow": (222, 172, 52),
    "green": (98, 116, 54),
    "teal": (92, 156, 134),
    "blue": (70, 104, 150),
    "navy": (44, 48, 84),
    "purple": (98, 46, 88),
    "pink": (208, 142, 144),
    "brown": (92, 66, 44),
    "beige": (198, 176, 134),
}
"""One natural dye for each colour word; none is in the wardrobe's palette."""
_INK = "#2b211a"
_PAPER = "#efe3c6"
_SLENDER = 0.8
"""Widths beside the wardrobe's."""
_TILT = 1.2
_FADED = (
    '<filter id="faded" x="0" y="0" width="1" height="1"><feColorMatrix type="matrix" values="'
    '0.26 0.50 0.10 0 0.10 0.23 0.45 0.09 0 0.09 0.17 0.34 0.07 0 0.07 0 0 0 1 0"/></filter>'
)
"""Brightness alone, in shades of brown."""


def svg(drawing: Drawing) -> str:
    """The picture as SVG with viewBox 0 0 128 128; the same drawing gives the same bytes everywhere."""
    facts, rng = drawing.facts, random.Random(drawing.look)
    cut = cut_of(facts)
    size = min(rng.uniform(0.84, 0.96), 61 / (cut.reach * cut.scale))
    scale = cut.scale * size
    top = top_of(facts, cut, size) + rng.uniform(-1.5, 1.5)
    sway = max(0.5, min(7.0, 62 - cut.reach * scale * _SLENDER))
    x, tilt = 64 + rng.uniform(-sway, sway), rng.uniform(-_TILT, _TILT)
    place = (
        f'<g transform="translate({number(x)} {number(top)}) rotate({tilt:.1f}) '
        f'scale({scale * _SLENDER:.2f} {scale:.2f})">'
    )
    garment = garment_on(facts, cut, -top / scale, rng, inked)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 128 128">{_FADED}'
        f'<rect width="128" height="128" fill="{_PAPER}"/>'
        f'<g filter="url(#faded)" opacity="0.6">{backdrop(facts["setting"], rng)}</g>'
        f"{ground_shadow(facts['setting'], x)}{place}{garment}{_cut_in_wood(cut, rng)}</g>{_frame()}</svg>"
    )


def boxes(drawing: Drawing) -> list[tuple[str, Box]]:
    """No boxes: the garment is the picture's one thing, and no attribute is named after it."""
    return []


def inked(name: str, rng: random.Random) -> Colour:
    """The dye of that name, a little off: hand colouring is uneven."""
    shift = rng.uniform(-0.07, 0.07)
    return mix(DYES[name], WHITE, shift) if shift > 0 else darker(DYES[name], -shift)


def _cut_in_wood(cut: Cut, rng: random.Random) -> str:
    """Thick outlines, and slanting lines all over what they enclose."""
    shapes = (cut.body, *(sleeve.shape for sleeve in cut.sleeves))
    clip = "".join(f'<path d="{shape}"/>' for shape in shapes)
    edges = "".join(f'<path d="{shape}"/>' for shape in shapes)
    lines = "".join(data("M", *start, "L", *end) for start, end in _hatching(cut, rng))
    return (
        f'<clipPath id="cloth">{clip}</clipPath><g clip-path="url(#cloth)">'
        f'<path d="{lines}" stroke="{_INK}" stroke-width="0.5" stroke-opacity="0.4" fill="none"/></g>'
        f'<g fill="none" stroke="{_INK}" stroke-width="1.8" stroke-linejoin="round">{edges}</g>'
    )


def _hatching(cut: Cut, rng: random.Random) -> list[tuple[Point, Point]]:
    step, slant = rng.uniform(2.4, 3.4), rng.choice((-1.0, 1.0)) * rng.uniform(0.7, 1.1)
    reach, tall = cut.reach + 4, cut.hem + 8
    count = int((tall + 2 * reach * abs(slant)) / step)
    first = -reach * abs(slant) - 2
    return [
        ((-reach, first + line * step - slant * reach), (reach, first + line * step + slant * reach))
        for line in range(count)
    ]


def _frame() -> str:
    """The plate's edge: two lines around the picture."""
    return (
        f'<g fill="none" stroke="{_INK}"><rect x="1.2" y="1.2" width="125.6" height="125.6" stroke-width="1.4"/>'
        '<rect x="3.6" y="3.6" width="120.8" height="120.8" stroke-width="0.5"/></g>'
    )

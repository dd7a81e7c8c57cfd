"""Colours of garments, and what is made of them: shades, contrasts."""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import lru_cache

Colour = tuple[int, int, int]

PALETTE: Mapping[str, Colour] = {
    "black": (34, 33, 38),
    "white": (248, 246, 241),
    "grey": (142, 146, 152),
    "red": (206, 30, 46),
    "orange": (243, 126, 24),
    "yellow": (248, 210, 48),
    "green": (44, 140, 58),
    "teal": (18, 166, 164),
    "blue": (46, 110, 226),
    "navy": (27, 40, 104),
    "purple": (126, 58, 176),
    "pink": (246, 146, 188),
    "brown": (117, 69, 40),
    "beige": (222, 198, 158),
}
"""One colour for each colour word, far enough apart to be told from each other in any light of the drawings."""

WHITE: Colour = (255, 255, 255)
INK: Colour = (36, 32, 44)
CREAM: Colour = (253, 243, 220)
GOLD = "#e8b83a"


@lru_cache(maxsize=4096)
def css(colour: Colour) -> str:
    """A colour as SVG writes it."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


@lru_cache(maxsize=4096)
def mix(one: Colour, other: Colour, share: float) -> Colour:
    """`share` of the other colour in the one."""
    (r, g, b), (red, green, blue) = one, other
    return round(r + (red - r) * share), round(g + (green - g) * share), round(b + (blue - b) * share)


def darker(colour: Colour, share: float) -> Colour:
    """A colour with `share` of its light taken away."""
    return mix(colour, (0, 0, 0), share)


def brightness(colour: Colour) -> float:
    """How bright a colour looks, 0 to 1 (weights of ITU-R BT.601)."""
    return (0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]) / 255


def dyed(name: str, rng: random.Random) -> Colour:
    """The colour of that name, a little off: too little to be taken for another."""
    shift = rng.uniform(-0.05, 0.05)
    colour = PALETTE[name]
    return mix(colour, WHITE, shift) if shift > 0 else darker(colour, -shift)


def outline(colour: Colour) -> Colour:
    """A shade for seams and edges: darker, or lighter where darker could not be seen."""
    return mix(colour, WHITE, 0.3) if brightness(colour) < 0.2 else darker(colour, 0.4)


def contrast(colour: Colour) -> Colour:
    """Ink or cream, whichever stands out."""
    return INK if brightness(colour) > 0.52 else CREAM


def leather(colour: Colour) -> Colour:
    """A belt that stands out: dark brown or tan."""
    return (78, 44, 26) if brightness(colour) > 0.52 else (226, 178, 108)

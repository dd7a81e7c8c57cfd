"""Colours of things, written as SVG writes them, and what is made of them: shades, mixtures."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

THINGS: Mapping[str, str] = {
    "black": "#2e2d33",
    "white": "#f9f6ee",
    "grey": "#8f949c",
    "red": "#d62f36",
    "orange": "#f28422",
    "yellow": "#f8cf32",
    "green": "#35993f",
    "blue": "#2f72dd",
    "purple": "#8441b6",
    "pink": "#f389b9",
    "brown": "#85522f",
}
"""One colour for each colour word, far enough apart to be told from each other at any time of day."""

LIT = "rgb(255,216,120)"
"""A lit window. Not in hexadecimal digits, so that `Light.on` leaves it bright at night."""
INK = "#2b2830"
SKINS = ("#f2c7a4", "#e0a67c", "#b97a52", "#8a5636")
HAIRS = ("#2f2521", "#5d3a22", "#8d5a2b", "#c8953f", "#8c8780")


@dataclass(frozen=True, slots=True)
class Paint:
    """What a thing is painted with.

    Attributes:
        name: the colour's word.
        base: the colour.
        shade: the same away from the light.
        light: the same towards the light.
        dark: for lines on it that must be seen.
        window: colour of a window pane, lit at night.
        indoors: whether it stands in a room.
        lit: whether it is night, when lamps and windows shine.
    """

    name: str
    base: str
    shade: str
    light: str
    dark: str
    window: str
    indoors: bool
    lit: bool


@lru_cache(maxsize=8192)
def mix(one: str, other: str, share: float) -> str:
    """`share` of the other colour in the one; both "#rrggbb"."""
    pairs = zip(channels(one), channels(other), strict=True)
    return "#{:02x}{:02x}{:02x}".format(*(round(a + (b - a) * share) for a, b in pairs))


def channels(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of "#rrggbb", 0 to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def wavering(colour: str, rng: random.Random, most: float = 0.05) -> str:
    """The colour a little lighter or darker: too little to be taken for another."""
    shift = round(rng.uniform(-most, most), 2)
    return mix(colour, "#ffffff" if shift > 0 else "#000000", abs(shift))


def paint(name: str, rng: random.Random, *, night: bool, indoors: bool) -> Paint:
    """Everything that a thing of this colour is painted with."""
    base = wavering(THINGS[name], rng, 0.04)
    black = name == "black"
    return Paint(
        name=name,
        base=base,
        shade=mix(base, "#1c1a3a", 0.3 if black else 0.16 if name == "white" else 0.22),
        light=mix(base, "#ffffff", 0.16 if black else 0.28),
        dark=mix(base, "#ffffff", 0.3) if black else mix(base, "#201a30", 0.45),
        window=LIT if night else "#bfe0f0",
        indoors=indoors,
        lit=night,
    )

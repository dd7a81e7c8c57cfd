"""Plants in the frame that `draw_solids` describes; a plant's own colour does not follow the season."""

from __future__ import annotations

import random

from instructcir.worlds.landscapes.draw_palette import Paint
from instructcir.worlds.landscapes.draw_solids import WOOD, body, slab, solid
from instructcir.worlds.shapes import disc, fill, line

_BARK = "#5a3c26"
_STEM = "#3f8a3c"


def tree(paint: Paint, rng: random.Random) -> str:
    """A broad-leaved tree with a round crown; about 80 wide, 100 tall."""
    trunk = solid("M-8 0Q-4 -20 -6 -44H6Q4 -20 9 0Z", WOOD, _BARK, 2)
    crown = disc(0, -76, 26, 25) + disc(-22, -58, 20) + disc(22, -58, 20) + disc(0, -50, 24, 17)
    shade = fill("M-40 -52Q-10 -36 40 -62Q42 -44 22 -39Q0 -28 -22 -39Q-38 -42 -40 -52Z", paint.shade)
    shine = fill(disc(-10, -82, 11, 9) + disc(-25, -63, 8, 7) + disc(13, -70, 8, 6), paint.light)
    return trunk + body(crown, paint) + shade + shine


def pine(paint: Paint, rng: random.Random) -> str:
    """A fir of three tiers; about 66 wide, 104 tall."""
    trunk = solid("M-6 0V-18H6V0Z", WOOD, _BARK, 2)
    tiers = "M-33 -14L0 -58L33 -14ZM-27 -40L0 -82L27 -40ZM-20 -66L0 -104L20 -66Z"
    shade = fill("M33 -14H-4L8 -36L18 -34ZM27 -40H2L10 -60L15 -59ZM20 -66H3L0 -104Z", paint.shade)
    shine = fill("M-24 -18L-6 -42L-12 -18ZM-19 -44L-5 -66L-9 -44ZM-13 -70L-2 -90L-5 -70Z", paint.light)
    return trunk + body(tiers, paint) + shade + shine


def palm(paint: Paint, rng: random.Random) -> str:
    """A palm with a bent trunk; about 86 wide, 104 tall."""
    trunk = solid("M-8 0Q-2 -40 4 -76H13Q8 -36 7 0Z", "#a8794a", "#65452a", 2)
    rings = line("M-5 -14H7M-3 -28H8M-1 -42H9M2 -56H10", "#7d5734", 2.5)
    left = (
        "M8 -76Q-8 -104 -40 -92Q-16 -92 8 -76ZM8 -76Q-26 -90 -44 -56Q-20 -78 8 -76ZM8 -76Q-16 -72 -20 -40Q-4 -66 8 -76Z"
    )
    right = "M8 -76Q20 -106 50 -94Q28 -92 8 -76ZM8 -76Q40 -92 56 -58Q34 -78 8 -76ZM8 -76Q34 -70 36 -40Q20 -62 8 -76Z"
    top = "M8 -76Q-6 -100 6 -112Q20 -100 8 -76Z"
    fronds = solid(top + right, paint.shade, paint.dark, 3) + solid(left, paint.base, paint.dark, 3)
    veins = fill("M8 -76Q30 -92 48 -93Q28 -88 8 -76ZM8 -76Q36 -86 54 -60Q34 -76 8 -76Z", paint.base)
    nuts = fill(disc(3, -73, 5) + disc(13, -72, 5), "#6a4426")
    return trunk + rings + fronds + veins + nuts


def cactus(paint: Paint, rng: random.Random) -> str:
    """A cactus with two arms, potted in a room; about 66 wide, 100 tall."""
    rise = 0 if not paint.indoors else -22
    trunk = slab(-13, -100, 26, 100 + rise, 12)
    arms = (
        "M-13 -50V-38Q-34 -36 -34 -54V-72Q-28 -80 -22 -72V-56Q-22 -50 -13 -50Z"
        "M13 -62Q22 -62 22 -68V-82Q28 -90 34 -82V-66Q34 -48 13 -50Z"
    )
    ribs = line(f"M-4 -94V{rise - 4}M5 -94V{rise - 4}M-28 -70V-52M28 -80V-66", paint.shade, 2.5)
    shade = fill(f"M7 -99Q13 -96 13 -88V{rise}H7Z", paint.shade)
    bloom = fill(disc(-5, -101, 6) + disc(5, -101, 6) + disc(0, -106, 6), "#f06a9a") + fill(disc(0, -101, 3), "#fbe05a")
    pot = solid("M-20 -26H20L15 0H-15Z", "#c8693c", "#7a3c20", 2) if paint.indoors else ""
    return body(trunk + arms, paint) + shade + ribs + bloom + pot


def flower(paint: Paint, rng: random.Random) -> str:
    """A single large flower with two leaves, potted in a room; about 62 wide, 100 tall."""
    stem = line("M0 -2Q4 -30 0 -60", _STEM, 7)
    leaves = solid("M2 -14Q12 -36 36 -36Q28 -14 2 -14ZM0 -20Q-8 -40 -32 -42Q-26 -20 0 -20Z", "#56a84a", "#2f6a30", 1.5)
    petals = "".join(disc(x, y, 15.5) for x, y in ((0, -92), (19, -79), (12, -57), (-12, -57), (-19, -79)))
    veins = line("M0 -80V-98M7 -75L22 -80M4 -66L12 -54M-4 -66L-12 -54M-7 -75L-22 -80", paint.shade, 3)
    heart = solid(disc(0, -72, 9.5), "#8a5a2c" if paint.name == "yellow" else "#ffd23c", "#a87a1c", 1.5)
    pot = solid("M-17 -22H17L13 0H-13Z", "#c8693c", "#7a3c20", 2) if paint.indoors else ""
    return stem + leaves + body(petals + disc(0, -72, 16), paint) + veins + heart + pot

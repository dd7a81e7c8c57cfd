"""Furniture, toys and what else people use in the frame that `draw_solids` describes."""

from __future__ import annotations

import random

from instructcir.worlds.landscapes.draw_palette import LIT, Paint
from instructcir.worlds.landscapes.draw_solids import WOOD, accent, body, slab, solid
from instructcir.worlds.shapes import box, disc, fill, line


def umbrella(paint: Paint, rng: random.Random) -> str:
    """A large open sunshade on a pole; about 104 wide, 100 tall."""
    pole = line("M0 0V-94", "#5c4030", 8) + line("M0 -2V-94", "#b08a5c", 4)
    cover = (
        "M-52 -54Q-46 -96 0 -98Q46 -96 52 -54Q43 -61 35 -54Q26 -61 17 -54"
        "Q9 -61 0 -54Q-9 -61 -17 -54Q-26 -61 -35 -54Q-43 -61 -52 -54Z"
    )
    gores = fill(
        "M-35 -54Q-28 -86 0 -98Q-12 -84 -17 -54Q-26 -61 -35 -54ZM17 -54Q12 -84 0 -98Q28 -86 35 -54Q26 -61 17 -54Z",
        paint.light,
    )
    shade = fill("M35 -54Q28 -86 0 -98Q44 -96 52 -54Q43 -61 35 -54Z", paint.shade)
    return pole + body(cover, paint) + gores + shade + fill(disc(0, -99, 4), "#b08a5c")


def bench(paint: Paint, rng: random.Random) -> str:
    """A park bench seen from the front; about 104 wide, 54 tall."""
    legs = line("M-40 -4V-50M40 -4V-50M-46 -2H-34M34 -2H46", "#34363e", 6)
    slats = slab(-50, -56, 100, 11, 3) + slab(-50, -41, 100, 11, 3) + slab(-54, -24, 108, 11, 3)
    shade = fill(box(-50, -48, 100, 3) + box(-50, -33, 100, 3) + box(-54, -16, 108, 3), paint.shade)
    arms = line("M-50 -13V-30H-44M50 -13V-30H44", "#34363e", 4)
    return legs + body(slats, paint) + shade + arms


def ball(paint: Paint, rng: random.Random) -> str:
    """A ball with pale stripes; 84 wide and tall."""
    stripe = fill("M-30 -71Q-4 -44 -12 -2Q-30 -6 -38 -24Q-36 -52 -30 -71Z", accent(paint))
    curve = line("M0 -84Q26 -48 14 -3", accent(paint), 5)
    shade = fill("M41 -52Q44 -6 0 0Q-24 0 -36 -20Q-4 -6 20 -24Q36 -38 41 -52Z", paint.shade, 0.6)
    return body(disc(0, -42, 42), paint) + stripe + curve + shade + fill(disc(-14, -64, 9, 7), "#ffffff", 0.75)


def kite(paint: Paint, rng: random.Random) -> str:
    """A diamond kite with a tail of bows; about 64 wide, 112 tall."""
    tail = line("M0 -46Q-18 -34 -4 -22Q10 -12 -4 0", "#6a5a50", 2.5)
    bows = fill("M-18 -38L-8 -32L-6 -40ZM2 -30L-8 -32L0 -24ZM-4 -14L6 -12L2 -22ZM14 -6L6 -12L14 -16Z", paint.base)
    sail = "M0 -112L32 -84L0 -42L-32 -84Z"
    panes = fill("M0 -112L32 -84H0Z", paint.light) + fill("M0 -84H32L0 -42Z", paint.shade)
    return tail + bows + body(sail, paint) + panes + line("M0 -112V-42M-32 -84H32", accent(paint), 2.5)


def lamp(paint: Paint, rng: random.Random) -> str:
    """A street lamp, or in a room a floor lamp with a shade of the colour; about 46 wide, 106 tall."""
    glow = fill(disc(0, -80, 34), LIT, 0.35) if paint.lit else ""
    if paint.indoors:
        stand = line("M0 -4V-66", "#4c4650", 5) + fill(slab(-17, -6, 34, 6, 3), "#4c4650")
        shade = "M-15 -104H15L26 -64H-26Z"
        return (
            glow
            + stand
            + body(shade, paint)
            + fill("M5 -104H15L26 -64H9Z", paint.shade)
            + fill(disc(0, -64, 10, 3), LIT)
        )
    pole = solid(slab(-4, -72, 8, 72, 1) + "M-12 0L-6 -16H6L12 0Z", paint.shade, paint.dark, 2)
    lantern = "M-13 -72L-20 -96H20L13 -72Z"
    bulb = fill("M-8 -74L-13 -92H13L8 -74Z", "#fff0b0" if paint.lit else "#fffbe8")
    cap = "M-24 -94Q0 -118 24 -94Z"
    return glow + pole + body(lantern + cap, paint) + bulb + line("M0 -92V-74", paint.dark, 2)


def chair(paint: Paint, rng: random.Random) -> str:
    """A chair with a tall back, seen from the side; about 58 wide, 100 tall."""
    back = slab(-26, -100, 11, 100, 4) + slab(18, -46, 10, 46, 4) + slab(-26, -50, 56, 13, 5)
    slats = slab(-19, -96, 34, 11, 4) + slab(-19, -78, 34, 9, 4) + slab(7, -98, 9, 54, 4)
    far = solid(slats, paint.shade, paint.dark, 2.5)
    return far + body(back, paint) + fill(slab(-24, -48, 52, 4, 2), paint.light)


def table(paint: Paint, rng: random.Random) -> str:
    """A table with a vase on it; about 108 wide, 84 tall."""
    far = solid(box(-34, -50, 8, 44) + box(26, -50, 8, 44), paint.shade, paint.dark, 2)
    near = slab(-48, -54, 11, 54, 2) + slab(37, -54, 11, 54, 2) + slab(-54, -62, 108, 13, 4)
    shine = fill(box(-50, -60, 100, 3), paint.light) + fill(box(-37, -49, 74, 6), paint.shade)
    vase = solid("M-7 -62Q-10 -74 -3 -78H5Q12 -74 9 -62Z", "#5aa0b8", "#34687a", 1.5)
    sprig = line("M1 -78V-88M1 -82L-6 -88M1 -82L8 -88", "#4a9a48", 2.5) + fill(
        disc(-6, -89, 4) + disc(8, -89, 4) + disc(1, -93, 4), "#f0d860"
    )
    return far + vase + sprig + body(near, paint) + shine + fill(box(-48, -4, 11, 4) + box(37, -4, 11, 4), WOOD)

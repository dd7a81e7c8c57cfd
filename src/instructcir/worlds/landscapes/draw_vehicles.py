"""Vehicles on land, on water and in the air, each heading right, in the frame that `draw_solids` describes."""

from __future__ import annotations

import random

from instructcir.worlds.landscapes.draw_palette import Paint
from instructcir.worlds.landscapes.draw_solids import TYRE, WOOD, accent, body, slab, solid
from instructcir.worlds.shapes import box, disc, fill, line


def _wheels(places: tuple[float, ...], radius: float) -> str:
    return (
        fill("".join(disc(x, -radius, radius) for x in places), TYRE)
        + fill("".join(disc(x, -radius, radius * 0.5) for x in places), "#c9ced6")
        + fill("".join(disc(x, -radius, radius * 0.2) for x in places), "#6b707c")
    )


def car(paint: Paint, rng: random.Random) -> str:
    """A small family car; about 104 wide, 48 tall."""
    shell = (
        "M-52 -12V-26Q-50 -32 -38 -33L-24 -49Q-22 -52 -17 -52"
        "H12Q17 -52 20 -49L34 -33L48 -29Q53 -27 53 -20V-12Q53 -9 50 -9H-49Q-52 -9 -52 -12Z"
    )
    panes = fill("M-29 -33L-18 -46H-3V-33ZM2 -33V-46H12L24 -33Z", paint.window)
    sill = fill("M-52 -18H53V-12Q53 -9 50 -9H-49Q-52 -9 -52 -12Z", paint.shade)
    lights = fill(slab(46, -26, 7, 6, 2), "#fff2b8") + fill(slab(-52, -26, 5, 7, 2), "#e23b3b")
    trim = line("M0 -33V-14M6 -27h7", paint.dark, 2)
    return body(shell, paint) + panes + sill + trim + lights + _wheels((-29, 31), 11)


def bus(paint: Paint, rng: random.Random) -> str:
    """A long bus with a row of windows; about 116 wide, 62 tall."""
    shell = slab(-58, -62, 116, 54, 8)
    panes = fill("".join(slab(x, -54, 16, 18, 3) for x in (-52, -33, -14, 5)) + slab(43, -54, 15, 22, 3), paint.window)
    door = fill(slab(25, -54, 14, 44, 2), "#e8edf2") + line("M32 -53V-11", "#7c8490", 2)
    sill = fill(box(-58, -18, 116, 8), paint.shade) + fill(box(-58, -31, 82, 4), accent(paint))
    lamp = fill(slab(51, -25, 7, 6, 2), "#fff2b8")
    return body(shell, paint) + panes + sill + door + lamp + _wheels((-34, 42), 11)


def truck(paint: Paint, rng: random.Random) -> str:
    """A lorry with a box body; cab and box in its colour; about 114 wide, 66 tall."""
    frame = fill(box(-56, -14, 110, 6), "#4a4e58")
    load = slab(-56, -66, 72, 52, 4)
    cab = "M20 -14V-50Q20 -54 24 -54H40Q43 -54 45 -51L55 -34Q57 -31 57 -28V-14Z"
    pane = fill("M28 -47H39L47 -33H28Z", paint.window)
    ribs = line("M-42 -62V-18M-28 -62V-18M-14 -62V-18M0 -62V-18", paint.shade, 3)
    stripe = fill(box(-56, -26, 72, 7), paint.shade) + fill(box(20, -21, 37, 7), paint.shade)
    lamp = fill(slab(50, -27, 7, 6, 2), "#fff2b8")
    return frame + body(load + cab, paint) + ribs + stripe + pane + lamp + _wheels((-38, -14, 38), 11)


def bicycle(paint: Paint, rng: random.Random) -> str:
    """A bicycle with a sturdy frame; about 104 wide, 64 tall."""
    rims = line(disc(-30, -21, 19) + disc(30, -21, 19), TYRE, 5)
    spokes = line(
        "M-30 -40V-2M-49 -21H-11M30 -40V-2M11 -21H49M-43 -34L-17 -8M-43 -8L-17 -34M17 -34L43 -8M17 -8L43 -34",
        "#9aa0aa",
        1.2,
    )
    tubes = "M-30 -21L-14 -50H18L-4 -21ZM-30 -21H-4M-4 -21L-16 -58M30 -21L16 -62"
    frame = line(tubes, paint.dark, 10.5) + line(tubes, paint.base, 7)
    saddle = line("M-26 -60H-8", TYRE, 6) + line("M16 -63H28Q33 -62 30 -56", "#555b66", 4.5)
    pedal = fill(disc(-4, -21, 6), "#555b66") + line("M-4 -21L2 -10M-3 -10H7", "#555b66", 3)
    return spokes + rims + frame + saddle + pedal


def boat(paint: Paint, rng: random.Random) -> str:
    """A sailing boat, hull and the smaller sail in its colour; about 84 wide, 100 tall."""
    mast = line("M0 -20V-100", WOOD, 4)
    large = solid("M4 -98Q34 -64 36 -30H4Z", "#fbf7ec", "#98907e", 1.5)
    small = solid("M-5 -88V-30H-34Q-26 -62 -5 -88Z", paint.base, paint.dark, 1.5)
    hull = "M-46 -24H46Q40 0 24 2H-26Q-42 0 -46 -24Z"
    stripe = fill("M-46 -24H46L44 -17H-44Z", accent(paint)) + fill("M-40 -8Q-34 2 -26 2H24Q32 2 38 -8Z", paint.shade)
    pennant = fill("M0 -101L18 -96L0 -91Z", paint.base)
    return mast + large + small + body(hull, paint) + stripe + pennant


def balloon(paint: Paint, rng: random.Random) -> str:
    """A hot-air balloon with gores and a basket; about 72 wide, 100 tall."""
    ropes = line("M-16 -36L-9 -16M16 -36L9 -16M0 -34V-16", "#6a5844", 2)
    bag = "M-17 -32Q-37 -52 -37 -70Q-36 -104 0 -104Q36 -104 37 -70Q37 -52 17 -32Z"
    gores = fill(
        "M-6 -32Q-17 -60 -15 -80Q-10 -100 0 -104Q-30 -102 -29 -70Q-27 -50 -12 -32Z"
        "M6 -32Q17 -60 15 -80Q10 -100 0 -104Q30 -102 29 -70Q27 -50 12 -32Z",
        paint.light,
    )
    shade = fill("M17 -32Q37 -52 37 -70Q36 -92 18 -101Q28 -84 25 -66Q22 -46 9 -32Z", paint.shade, 0.7)
    flame = fill(disc(0, -27, 4, 6), "#ffb22e") if paint.lit else ""
    basket = solid(slab(-10, -17, 20, 17, 4), "#9c6a3c", "#5c3c20", 2) + line("M-10 -11H10", "#6f4826", 2)
    return ropes + flame + body(bag, paint) + gores + shade + basket


def plane(paint: Paint, rng: random.Random) -> str:
    """An airliner in level flight; about 112 wide, 58 tall."""
    far = solid("M4 -36L-6 -58H4L24 -36Z", paint.shade, paint.dark, 2)
    hull = "M-50 -30L-56 -58H-44L-32 -38H36Q56 -36 57 -26Q54 -17 36 -16H-34Q-46 -18 -50 -30Z"
    stripe = fill("M-48 -25H57Q54 -17 36 -16H-34Q-44 -17 -48 -25Z", paint.shade)
    panes = fill("".join(disc(x, -31, 3) for x in range(-28, 34, 9)) + "M42 -34L50 -31V-28H42Z", paint.window)
    wing = solid("M10 -26L-16 0H-28L-14 -26Z", paint.light, paint.dark, 2)
    tail = solid("M-42 -34L-58 -24H-48L-34 -32Z", paint.light, paint.dark, 1.5)
    engine = solid(slab(-2, -20, 18, 9, 4), "#d5dae2", "#6c7280", 1.5)
    return far + body(hull, paint) + stripe + panes + engine + wing + tail

"""Animals, each looking right, in the frame that `draw_solids` describes."""

from __future__ import annotations

import random

from instructcir.worlds.landscapes.draw_palette import Paint
from instructcir.worlds.landscapes.draw_solids import accent, body, slab, solid
from instructcir.worlds.shapes import box, disc, fill, line

_EYE = "#17151c"


def _legs(places: tuple[float, ...], top: float, width: float) -> str:
    return "".join(slab(x, top, width, -top, width / 3) for x in places)


def _eye(x: float, y: float, radius: float = 3.2) -> str:
    return fill(disc(x, y, radius * 1.5), "#ffffff") + fill(disc(x, y, radius), _EYE)


def dog(paint: Paint, rng: random.Random) -> str:
    """A dog with a hanging ear, a raised tail and a collar; about 100 wide, 84 tall."""
    far = solid(_legs((-26, 10), -34, 10), paint.shade, paint.dark, 2)
    tail = line("M-40 -52Q-56 -58 -52 -78", paint.dark, 15) + line("M-40 -52Q-56 -58 -52 -78", paint.base, 9)
    whole = slab(-44, -60, 72, 32, 14) + _legs((-40, 18), -42, 12) + slab(12, -74, 24, 42, 10)
    head = slab(10, -86, 36, 32, 13) + slab(30, -74, 30, 19, 8)
    belly = fill("M-36 -30Q-6 -22 18 -30Q-6 -38 -36 -30Z", paint.shade)
    ear = fill("M14 -86Q2 -82 4 -60Q12 -52 20 -60L24 -84Z", paint.shade)
    collar = fill(slab(10, -58, 26, 6, 2), "#d8453e")
    return far + tail + body(whole + head, paint) + belly + collar + ear + _eye(34, -74) + fill(disc(58, -69, 5), _EYE)


def cat(paint: Paint, rng: random.Random) -> str:
    """A sitting cat, its tail beside it; about 66 wide, 100 tall."""
    tail = line("M-20 -8Q-46 -6 -42 -30Q-40 -42 -30 -44", paint.dark, 16)
    tail += line("M-20 -8Q-46 -6 -42 -30Q-40 -42 -30 -44", paint.base, 10)
    trunk = "M-26 0Q-34 -40 -12 -62L18 -62Q32 -36 26 0Z"
    head = disc(4, -72, 25, 21) + "M-20 -76L-20 -104L-2 -90Z" + "M10 -90L28 -104L28 -76Z"
    ears = fill("M-16 -84L-16 -97L-7 -89ZM15 -89L24 -97L24 -84Z", "#f0a0a4")
    eyes = fill(disc(-5, -74, 5, 6) + disc(13, -74, 5, 6), "#c8e060") + fill(
        disc(-5, -74, 2, 5) + disc(13, -74, 2, 5), _EYE
    )
    chest = fill(disc(4, -34, 11, 18), paint.light)
    paws = line("M4 -26V-3M-12 -3h10M10 -3h10", paint.dark, 2.5)
    whiskers = line("M-10 -64L-30 -66M-10 -61L-28 -58M18 -64L38 -66M18 -61L36 -58", paint.dark, 1.8)
    nose = fill("M0 -67h8l-4 5Z", "#e8808a")
    return tail + body(trunk + head, paint) + chest + ears + eyes + paws + whiskers + nose


def horse(paint: Paint, rng: random.Random) -> str:
    """A horse with mane and long legs; about 100 wide, 100 tall."""
    far = solid(_legs((-24, 16), -44, 9), paint.shade, paint.dark, 2)
    tail = line("M-40 -58Q-54 -50 -50 -22", paint.dark, 13) + line("M-40 -58Q-54 -50 -50 -22", paint.shade, 8)
    trunk = slab(-44, -68, 72, 32, 15) + _legs((-42, 16), -46, 11)
    neck = "M2 -58L24 -98L42 -94L30 -44Z" + "M22 -92L28 -106L36 -98L60 -80Q62 -70 52 -70L34 -76Z"
    mane = fill("M0 -62Q6 -92 26 -104L30 -96Q18 -84 16 -60Z", paint.dark)
    hooves = fill(box(-42, -6, 11, 6) + box(16, -6, 11, 6), "#3a3030")
    belly = fill("M-36 -38Q-6 -30 20 -38Q-6 -46 -36 -38Z", paint.shade)
    return (
        far
        + tail
        + body(trunk + neck, paint)
        + belly
        + mane
        + hooves
        + fill(disc(36, -88, 3.4), _EYE)
        + fill(disc(56, -76, 2), _EYE)
    )


def cow(paint: Paint, rng: random.Random) -> str:
    """A cow with patches, horns and an udder; about 104 wide, 80 tall."""
    patch = "#4a4448" if paint.name == "white" else "#f6efe4"
    far = solid(_legs((-28, 14), -28, 10), paint.shade, paint.dark, 2)
    tail = line("M-48 -58Q-58 -50 -54 -26", paint.dark, 5) + fill(disc(-54, -24, 5, 7), paint.dark)
    trunk = slab(-50, -66, 82, 42, 12) + _legs((-48, 20), -32, 12)
    head = slab(24, -82, 30, 36, 11)
    udder = fill(disc(-22, -23, 11, 7), "#f2a0a8")
    spots = fill(
        "M-50 -54Q-34 -48 -30 -66L-42 -66Q-50 -64 -50 -54Z" + disc(-12, -48, 12, 10) + disc(14, -60, 8, 6), patch
    )
    ears = solid("M24 -78L12 -74L24 -68ZM54 -78L66 -74L54 -68Z", paint.shade, paint.dark, 1.5)
    horns = line("M28 -82Q24 -90 28 -94M50 -82Q54 -90 50 -94", "#e6dcc0", 5)
    muzzle = fill(slab(26, -58, 28, 14, 6), "#f2b6b0") + fill(disc(34, -51, 2) + disc(46, -51, 2), "#7a4a4a")
    eyes = fill(disc(33, -70, 5) + disc(46, -70, 5), "#ffffff") + fill(disc(33, -70, 3) + disc(46, -70, 3), _EYE)
    return far + tail + udder + horns + ears + body(trunk + head, paint) + spots + muzzle + eyes


def sheep(paint: Paint, rng: random.Random) -> str:
    """A woolly sheep with a bare face; about 96 wide, 80 tall."""
    face = "#3c3438" if paint.name == "white" else "#4a4044"
    if paint.name == "black":
        face = "#d8c4b0"
    legs = solid(_legs((-30, -14, 10, 24), -26, 8), face, paint.dark, 1.5)
    wool = "".join(
        disc(x, y, 17)
        for x, y in ((-34, -44), (-22, -60), (0, -64), (20, -58), (30, -42), (14, -30), (-10, -28), (-28, -32))
    )
    curls = line("M-34 -48q7 -9 13 0M-12 -54q7 -9 13 0M-22 -34q7 -9 13 0M2 -38q7 -9 13 0", paint.shade, 3.5)
    head = solid(slab(28, -74, 24, 34, 11), face, paint.dark, 2)
    ear = solid("M30 -68L16 -64L30 -58Z", face, paint.dark, 1.5)
    tuft = fill(disc(36, -76, 10, 7) + disc(46, -74, 7, 6), paint.base)
    eye = fill(disc(44, -60, 4.6), "#ffffff") + fill(disc(44.5, -60, 2.8), _EYE)
    return legs + body(wool + box(-30, -58, 56, 28), paint) + curls + ear + head + tuft + eye


def bird(paint: Paint, rng: random.Random) -> str:
    """A flying bird with raised wings; about 100 wide, 76 tall."""
    back = solid("M-2 -36Q2 -70 34 -76Q30 -46 14 -30Z", paint.shade, paint.dark)
    trunk = "M-50 -30L-46 -18L-20 -22Q4 2 30 -18Q44 -24 40 -36Q34 -48 20 -42Q-2 -44 -22 -30Z"
    wing = solid("M8 -34Q-6 -64 -44 -76Q-38 -42 -10 -26Q4 -22 8 -34Z", paint.light, paint.dark)
    feathers = line("M-34 -66Q-22 -48 -4 -38M-26 -54Q-16 -42 -4 -34", paint.shade, 3)
    beak = fill("M40 -36L54 -28L38 -26Z", "#f2a42c")
    return back + beak + body(trunk, paint) + wing + feathers + _eye(31, -34, 2.8)


def duck(paint: Paint, rng: random.Random) -> str:
    """A duck afloat; about 92 wide, 70 tall."""
    trunk = "M-50 -36Q-44 0 -8 0H16Q42 -2 38 -30Q20 -34 6 -30Q-20 -34 -50 -36Z" + disc(24, -50, 20)
    wing = solid("M-34 -28Q-20 -34 6 -26Q4 -8 -14 -9Q-28 -12 -34 -28Z", paint.shade, paint.dark, 1.5)
    bill = solid("M40 -54Q56 -54 58 -46Q50 -40 40 -43Z", "#f29a24", "#a8601a", 1.5)
    ring = fill(slab(8, -36, 30, 5, 2), accent(paint))
    return bill + body(trunk, paint) + wing + ring + _eye(30, -54)

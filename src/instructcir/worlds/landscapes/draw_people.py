"""People, standing at (0, 0); the colour is that of their clothes."""

from __future__ import annotations

import random

from instructcir.worlds.landscapes.draw_palette import HAIRS, INK, SKINS, Paint
from instructcir.worlds.shapes import disc, fill, line


def person(paint: Paint, rng: random.Random) -> str:
    """A grown-up, 18 wide and 48 tall."""
    skin, hair = rng.choice(SKINS), rng.choice(HAIRS)
    arms = rng.choice(("M-6.4 -34L-8.6 -21M6.4 -34L8.6 -21", "M-6.4 -34L-9 -22M6.4 -34L10 -29L7.4 -24"))
    hands = disc(-8.8, -19.8, 1.7) + (disc(8.8, -19.8, 1.7) if "8.6 -21M" in arms else disc(6.6, -23.6, 1.7))
    long_hair = rng.random() < 0.5
    behind = fill("M-5 -43C-5.6 -37 -5.4 -34 -4.4 -33.6L4.4 -33.6C5.4 -34 5.6 -37 5 -43Z", hair) if long_hair else ""
    skirt = long_hair and rng.random() < 0.6
    legs = (
        line("M-2.8 -14L-3 -3M2.8 -14L3 -3", skin, 3.2)
        if skirt
        else line("M-3 -22L-3.4 -3M3 -22L3.4 -3", paint.dark, 5)
    )
    body = (
        "M-6 -36C-4 -37.4 4 -37.4 6 -36L4.6 -26L9 -12L-9 -12L-4.6 -26Z"
        if skirt
        else "M-6.4 -36C-4 -37.4 4 -37.4 6.4 -36L5.8 -19.6L-5.8 -19.6Z"
    )
    shaded = "M2 -37C4 -37 5 -36.6 6 -36L4.6 -26L9 -12L3 -12Z" if skirt else "M2 -37L6.4 -36L5.8 -19.6L2 -19.6Z"
    return (
        behind
        + line("M-4 -1.4L-2.4 -1.4M2.4 -1.4L4.4 -1.4", INK, 2.8)
        + legs
        + line(arms, paint.shade, 3.8)
        + fill(hands, skin)
        + fill(body, paint.base)
        + fill(shaded, paint.shade)
        + line("M0 -38L0 -36.6", skin, 3.2)
        + fill(disc(0, -42.6, 4.6, 5.2), skin)
        + fill("M-5 -42C-5.6 -50 5.6 -50 5 -42C4 -45 1 -45.6 -1 -45.4C-3 -45.4 -4.4 -44 -5 -42Z", hair)
    )


def child(paint: Paint, rng: random.Random) -> str:
    """A child with a large head and one arm in the air, 22 wide and 34 tall."""
    skin, hair = rng.choice(SKINS), rng.choice(HAIRS)
    plaits = rng.random() < 0.5
    locks = fill(disc(-8.2, -25.6, 2.5, 3.4) + disc(8.2, -25.6, 2.5, 3.4), hair) if plaits else ""
    body = (
        "M-4.8 -18.6C-3 -19.6 3 -19.6 4.8 -18.6L8 -6.6L-8 -6.6Z"
        if plaits
        else "M-5 -18.6C-3 -19.6 3 -19.6 5 -18.6L5.6 -6L0.6 -6L0 -7.4L-0.6 -6L-5.6 -6Z"
    )
    return (
        locks
        + line("M-2.8 -7L-3 -2.4M2.8 -7L3 -2.4", skin, 3)
        + line("M-3.6 -1.3L-2.6 -1.3M2.6 -1.3L3.8 -1.3", INK, 2.6)
        + line("M-4.6 -17L-9 -11.6M4.6 -17L10 -22.4", skin, 2.8)
        + line("M-4.6 -17L-6.6 -14.6M4.6 -17L7.2 -19.6", paint.shade, 3.6)
        + fill(body, paint.base)
        + fill("M1.6 -19.4C3 -19.4 4 -19 4.8 -18.6L6 -11L6 -6.6L2.6 -6.6Z", paint.shade)
        + fill(disc(0, -26, 6.8, 6.8), skin)
        + fill(
            "M-7.2 -25.4C-8.4 -36 8.4 -36 7.2 -25.4C5.6 -29.4 2 -30 -1.4 -29.8C-4.4 -29.6 -6.4 -28 -7.2 -25.4Z", hair
        )
        + fill(disc(-2.4, -24.8, 0.8) + disc(2.4, -24.8, 0.8), INK)
        + line("M-1.8 -21.8C-0.6 -20.8 0.6 -20.8 1.8 -21.8", "#a4493f", 0.8)
    )

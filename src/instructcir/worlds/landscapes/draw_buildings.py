"""Buildings in the frame that `draw_solids` describes; their windows are lit at night."""

from __future__ import annotations

import random

from instructcir.worlds.landscapes.draw_palette import LIT, Paint
from instructcir.worlds.landscapes.draw_solids import WOOD, body, solid
from instructcir.worlds.shapes import box, disc, fill, line

_SLATE, _SLATE_DARK = "#59616f", "#363c48"


def house(paint: Paint, rng: random.Random) -> str:
    """A cottage with a slate roof; its walls have the colour; about 92 wide, 92 tall."""
    chimney = solid(box(18, -94, 13, 24), "#a2564a", "#603028", 2)
    walls = box(-38, -56, 76, 56)
    side = fill(box(18, -56, 20, 56), paint.shade)
    roof = solid("M-48 -50L-22 -88H22L48 -50Z", _SLATE, _SLATE_DARK, 2) + line("M-36 -62H36M-29 -75H29", _SLATE_DARK, 2)
    door = solid("M-8 0V-27Q0 -36 8 -27V0Z", WOOD, "#4a3220", 2) + fill(disc(4, -13, 2), "#f2d070")
    frames = fill(box(-32, -41, 19, 21) + box(13, -41, 19, 21), "#fbf8f0") + fill(
        box(-30, -39, 15, 17) + box(15, -39, 15, 17), paint.window
    )
    bars = line("M-22.5 -39V-22M-30 -30.5H-15M22.5 -39V-22M15 -30.5H30", "#fbf8f0", 2)
    return chimney + body(walls, paint) + side + roof + door + frames + bars


def tower(paint: Paint, rng: random.Random) -> str:
    """A stone tower with battlements and a flag; about 52 wide, 108 tall."""
    flag = line("M0 -94V-114", WOOD, 3) + fill("M0 -114L20 -108L0 -102Z", "#e0653a")
    shaft = "M-19 0L-17 -78H17L19 0Z"
    crown = "M-25 -76V-98H-15V-90H-5V-98H5V-90H15V-98H25V-76Z"
    shade = fill("M6 -76H17L19 0H8Z", paint.shade) + fill(box(-25, -80, 50, 4), paint.shade)
    stones = line("M-14 -64H-6M-10 -52H0M-15 -40H-7M-8 -12H-16M-2 -70H5", paint.shade, 3)
    slits = fill("M-4 -56Q0 -66 4 -56V-44H-4ZM-4 -86H4V-79H-4Z", paint.window)
    gate = solid("M-7 0V-18Q0 -28 7 -18V0Z", "#5c4030", "#382618", 1.5)
    return flag + body(shaft + crown, paint) + shade + stones + slits + gate


def lighthouse(paint: Paint, rng: random.Random) -> str:
    """A lighthouse in bands of its colour and of white or grey, on a rock; about 60 wide, 112 tall."""
    rock = solid("M-36 4L-28 -12L-12 -18L14 -17L30 -10L38 4Z", "#8a8580", "#56524e", 2)
    rock += fill("M10 -17L30 -10L38 4H16Z", "#6c6763")
    shaft = "M-17 -14L-11 -80H11L17 -14Z"
    other = "#f6f2ea" if paint.name != "white" else "#a3a9b4"
    bands = fill("M-15.4 -32L-14.2 -45H14.2L15.4 -32ZM-12.9 -59L-11.9 -70H11.9L12.9 -59Z", other)
    shade = fill("M4 -80H11L17 -14H7Z", "#202840", 0.16)
    rail = solid(box(-16, -84, 32, 5), "#3e424c", "#2a2d36", 1)
    room = fill(box(-8, -99, 16, 15), "#fff3a8" if paint.lit else "#d8eef8") + line(
        "M-8 -99V-84M8 -99V-84M0 -99V-84", "#3e424c", 2
    )
    cap = solid("M-12 -99Q0 -118 12 -99Z", paint.base, paint.dark, 2)
    window = fill(box(-3, -56, 6, 9) + box(-3, -29, 6, 9), paint.window)
    return rock + body(shaft, paint) + bands + shade + window + room + rail + cap


def tent(paint: Paint, rng: random.Random) -> str:
    """A ridge tent, its door open; about 104 wide, 66 tall."""
    poles = line("M-12 -62L-16 -70M34 -62L37 -68", WOOD, 4)
    ropes = line("M-42 -20L-56 0M50 -20L60 0", "#7a6a58", 1.8)
    side = solid("M-13 -64H34L54 0H18Z", paint.shade, paint.dark, 3)
    front = solid("M-48 0L-13 -64L18 0Z", paint.base, paint.dark, 3)
    inside = fill("M-28 0L-13 -42L4 0Z", LIT if paint.lit else "#3b3142")
    flap = fill("M-13 -42L4 0H14L-13 -58Z", paint.light)
    return poles + ropes + side + front + inside + flap


def windmill(paint: Paint, rng: random.Random) -> str:
    """A windmill with four latticed sails; its tower has the colour; about 80 wide, 108 tall."""
    shaft = "M-21 0L-13 -66H13L21 0Z"
    shade = fill("M4 -66H13L21 0H8Z", paint.shade)
    cap = solid("M-16 -64Q-14 -82 0 -82Q14 -82 16 -64Z", "#6a4630", "#432a1a", 2)
    door = solid("M-6 0V-16Q0 -23 6 -16V0Z", "#4c3424", "#301f14", 1.5)
    windows = fill(box(-4, -34, 8, 9) + box(-4, -52, 8, 8), paint.window)
    arms = line("M-34 -102L34 -38M34 -104L-34 -36", "#5a4030", 4)
    cloth = (
        "M-36 -100L-28 -108L-4 -78L-8 -72ZM38 -102L30 -110L6 -80L9 -72Z"
        "M32 -36L40 -44L9 -68L4 -64ZM-38 -40L-30 -32L-4 -64L-9 -68Z"
    )
    sails = solid(cloth, "#f7f0de", "#6a5a48", 1.2)
    hub = fill(disc(0, -70, 5), "#3a281c")
    return body(shaft, paint) + shade + cap + door + windows + arms + sails + hub

"""Where a garment is shown: backdrops of 128 by 128 units."""

from __future__ import annotations

import random

from instructcir.worlds.shapes import box, crisp, data, disc, fill, line, polygon, star
from instructcir.worlds.wardrobe.draw_palette import WHITE, Colour, css, darker, mix

_TINTS: tuple[Colour, ...] = ((206, 214, 222), (222, 212, 214), (208, 218, 208), (216, 210, 200), (202, 206, 226))
_WOODS: tuple[Colour, ...] = ((186, 134, 86), (170, 122, 80), (196, 150, 104), (158, 112, 76))
_BRICKS: tuple[Colour, ...] = ((166, 112, 94), (154, 106, 92), (172, 120, 98))


def backdrop(setting: str, rng: random.Random) -> str:
    """The picture without a garment."""
    scene = _BACKDROPS[setting](rng)
    return crisp(scene) if setting in _UPRIGHT else scene


def in_front(setting: str, rng: random.Random) -> str:
    """What lies over the garment: the reflections of a shop window, nothing elsewhere."""
    if setting != "shop window":
        return ""
    x = rng.uniform(4, 40)
    panes = polygon([(x, 23), (x + 14, 23), (x - 20, 113), (x - 34, 113)])
    panes += polygon([(x + 20, 23), (x + 25, 23), (x - 9, 113), (x - 14, 113)])
    return f'<path d="{panes}" fill="#fff" fill-opacity="0.13"/>'


def _down(top: Colour, bottom: Colour, start: int, end: int) -> str:
    """A band across the whole picture that shades from one colour to another.

    It is laid in steps too small to be seen, which are drawn faster than a gradient.
    """
    steps = min(26, max(1, max(abs(a - b) for a, b in zip(top, bottom, strict=True)) // 3))
    edges = [start + (end - start) * step // steps for step in range(steps)]
    laid = (
        f'<path d="M0 {edge}h128V{end}H0z" fill="{css(mix(top, bottom, (step + 0.5) / steps))}"/>'
        for step, edge in enumerate(edges)
    )
    return crisp("".join(laid))


def _studio(rng: random.Random) -> str:
    """A paper sweep: the wall runs into the floor without an edge."""
    tint = mix(rng.choice(_TINTS), WHITE, rng.uniform(0, 0.2))
    bend = rng.randrange(92, 108)
    deep = darker(tint, 0.1)
    return _down(mix(tint, WHITE, 0.4), deep, 0, bend) + _down(deep, mix(tint, WHITE, 0.25), bend, 128)


def _hanger(rng: random.Random) -> str:
    tint = mix(rng.choice(((232, 222, 208), (214, 222, 226), (226, 214, 210))), WHITE, rng.uniform(0, 0.3))
    wall = _down(mix(tint, WHITE, 0.3), darker(tint, 0.06), 0, 128)
    grooves = "".join(data("M", x, 0, "V", 128) for x in range(rng.randrange(4, 14), 128, 20))
    rail = fill(box(0, 8.5, 128, 4.2), "#565b66") + fill(box(0, 9.1, 128, 1.2), "#aeb4c0")
    return wall + line(grooves, css(darker(tint, 0.13)), 0.8) + fill(box(0, 13, 128, 2.5), "#000", 0.08) + rail


def _mannequin(rng: random.Random) -> str:
    tint = rng.choice(((188, 200, 206), (200, 190, 202), (194, 204, 190), (206, 196, 184)))
    wall = _down(mix(tint, WHITE, 0.2), darker(tint, 0.08), 0, 106)
    panels = "".join(box(x, 8, 34, 84) for x in (5, 47, 89))
    floor = _down((170, 146, 124), (204, 182, 158), 106, 128)
    skirting = fill(box(0, 103, 128, 3.5), css(mix(tint, WHITE, 0.6)))
    return wall + line(panels, css(mix(tint, WHITE, 0.45)), 1.1) + floor + skirting


def _wooden_floor(rng: random.Random) -> str:
    wood = rng.choice(_WOODS)
    plain: list[str] = []
    pale: list[str] = []
    deep: list[str] = []
    seams, grain = [], []
    x = -rng.uniform(0, 18)
    while x < 128:
        joint = rng.uniform(20, 108)
        rng.choice((plain, pale, deep)).append(box(x, 0, 17.2, joint - 0.8))
        rng.choice((plain, pale, deep)).append(box(x, joint, 17.2, 128 - joint))
        start = rng.uniform(2, 70)
        grain.append(data("M", x + 6, start, "q", rng.uniform(-3, 3), 20, 1, 45))
        seams.append(data("M", x + 12, 128 - start, "v", -30))
        x += 18
    ground = fill(box(0, 0, 128, 128), css(darker(wood, 0.45)))
    planks = zip((plain, pale, deep), (wood, mix(wood, WHITE, 0.12), darker(wood, 0.1)), strict=True)
    laid = "".join(fill("".join(shapes), css(shade)) for shapes, shade in planks)
    return ground + laid + line("".join(grain + seams), css(darker(wood, 0.25)), 0.7, 0.7)


def _shop_window(rng: random.Random) -> str:
    inks = rng.choice((("#b5322f", "#f5ead6"), ("#1f6b52", "#f4ecd8"), ("#2a4a86", "#f4efe2"), ("#6d3f78", "#f4ead8")))
    glow = mix((250, 226, 178), WHITE, rng.uniform(0, 0.3))
    room = _down(mix(glow, (168, 132, 92), 0.35), glow, 8, 106)
    lamps = "".join(fill(disc(x, 22, 7.5), "#fff6d8", 0.55) + fill(disc(x, 22, 3.5), "#fffbe9") for x in (28, 100))
    shelf = _down((146, 104, 70), (110, 76, 52), 106, 116)
    frame = fill(box(0, 8, 7, 120) + box(121, 8, 7, 120) + box(0, 115, 128, 13), "#3a302c")
    awning, teeth = [fill(box(0, 0, 128, 10), inks[1])], []
    for k in range(8):
        x = 16 * k
        teeth.append(data("M", x, 0, "h", 8, "v", 10, "q", -4, 7, -8, 0, "Z"))
        awning.append(data("M", x + 8, 9.5, "h", 8, "q", -4, 8, -8, 0, "Z"))
    awning[1:] = [fill("".join(awning[1:]), inks[1])]
    return room + lamps + shelf + frame + "".join(awning) + fill("".join(teeth), inks[0])


def _brick_wall(rng: random.Random) -> str:
    brick = rng.choice(_BRICKS)
    mortar = mix((206, 192, 180), brick, rng.uniform(0, 0.25))
    plain: list[str] = []
    pale: list[str] = []
    deep: list[str] = []
    tall, wide, y, row = 9.2, 21.3, -rng.uniform(0, 9), 0
    while y < 128:
        x = -rng.uniform(0.2, 1.2) - (wide / 2 if row % 2 else 0)
        while x < 128:
            rng.choice((plain, plain, pale, deep)).append(box(x, y, wide - 1.8, tall - 1.8))
            x += wide
        y, row = y + tall, row + 1
    return (
        fill(box(0, 0, 128, 128), css(mortar))
        + fill("".join(plain), css(brick))
        + fill("".join(pale), css(mix(brick, WHITE, 0.14)))
        + fill("".join(deep), css(darker(brick, 0.14)))
    )


def _garden(rng: random.Random) -> str:
    sky = _down((150, 204, 244), (216, 238, 250), 0, 66)
    lawn = _down((132, 190, 92), (92, 156, 66), 64, 128)
    hedge = "".join(
        disc(x + rng.uniform(-3, 3), 60 + rng.uniform(-4, 4), rng.uniform(11, 15)) for x in range(0, 140, 16)
    )
    clouds = "".join(disc(rng.uniform(0, 128), rng.uniform(10, 26), rng.uniform(8, 13), 4) for _ in range(3))
    blooms: list[list[str]] = [[], [], []]
    for k in range(16):
        blooms[k % 3].append(disc(rng.uniform(2, 126), 76 + rng.uniform(0, 50), 2.2))
    inks = ("#f06a8a", "#fbe05a", "#ffffff")
    flowers = "".join(fill("".join(places), ink) for places, ink in zip(blooms, inks, strict=True))
    return sky + fill(clouds, "#fff", 0.8) + fill(hedge + box(0, 60, 128, 12), "#4f8f4a") + lawn + flowers


def _beach(rng: random.Random) -> str:
    horizon = rng.randrange(46, 55)
    shore = horizon + rng.randrange(20, 27)
    sky = _down((122, 196, 246), (226, 242, 248), 0, horizon + 1)
    sea = _down((30, 128, 184), (96, 204, 214), horizon, shore + 6)
    wave = data("M", 0, shore, "C", 30, shore - 5, 50, shore + 7, 78, shore + 1, "S", 118, shore - 3, 128, shore + 2)
    sand = fill(wave + data("V", 128, "H", 0, "Z"), "#f0d9a2") + line(wave, "#ffffff", 2.4, 0.9)
    side = rng.choice((18.0, 110.0))
    sun = fill(disc(128 - side, 18, 9), "#fff2b0")
    starfish = fill(star(128 - side, 116, 6, inner=0.4, turn=rng.uniform(0, 1)), "#e8845c")
    return sky + sun + sea + sand + starfish + _umbrella(side, shore - 24, rng)


def _umbrella(x: float, y: float, rng: random.Random) -> str:
    ink = rng.choice(("#e8504a", "#2f86c8", "#f2a12e"))
    pole = line(data("M", x, y, "V", y + 44), "#8a6a4a", 1.6)
    cover = fill(data("M", x - 19, y + 8, "Q", x, y - 22, x + 19, y + 8, "Z"), "#ffffff")
    gores = data("M", x - 19, y + 8, "Q", x - 15, y - 6, x, y - 7, "Q", x - 7, y - 2, x - 8, y + 8, "Z")
    gores += data("M", x + 19, y + 8, "Q", x + 15, y - 6, x, y - 7, "Q", x + 7, y - 2, x + 8, y + 8, "Z")
    return pole + cover + fill(gores, ink)


_BACKDROPS = {
    "studio": _studio,
    "hanger": _hanger,
    "mannequin": _mannequin,
    "wooden floor": _wooden_floor,
    "shop window": _shop_window,
    "brick wall": _brick_wall,
    "garden": _garden,
    "beach": _beach,
}
_UPRIGHT = ("studio", "hanger", "mannequin", "wooden floor", "brick wall")
"""Backdrops of upright boxes and lines, which need no smooth edges."""

"""What makes a city: its skyline and its street, its blocks from above."""

from __future__ import annotations

import random

from instructcir.worlds.landscapes.draw_light import fixed
from instructcir.worlds.landscapes.draw_palette import LIT, mix
from instructcir.worlds.landscapes.draw_scene import Scene
from instructcir.worlds.landscapes.draw_specks import speck
from instructcir.worlds.shapes import box, crisp, data, fill


def skyline(scene: Scene) -> str:
    """Two rows of high buildings behind the street, with windows that shine at night."""
    rng, light, y = scene.chance("skyline"), scene.light, scene.horizon + 2
    tall = 1.0 if scene.viewpoint == "near" else 0.66
    pieces, panes = [], []
    for mist, low, high in ((0.6, 30, 58), (0.34, 14, 40)):
        x = -rng.uniform(0, 8)
        while x < 128:
            width, height = rng.uniform(10, 17), tall * rng.uniform(low, high)
            colour = rng.choice(("#7f8ca6", "#8d8496", "#9aa0ac", "#a08f86", "#76869a"))
            pieces.append(fill(box(x, y - height, width, height + 2), light.far(colour, mist)))
            pieces.append(
                fill(box(x + width * 0.68, y - height, width * 0.32, height + 2), light.far("#4b5470", mist), 0.4)
            )
            if mist < 0.5:
                rows, across = int((height - 3) / 4.6), int((width - 1.6) / 3)
                shape = "".join(
                    box(x + 1.5 + 3 * i, y - height + 2 + 4.6 * j, 1.7, 2.5)
                    for j in range(rows)
                    for i in range(across)
                    if rng.random() < (0.5 if light.night else 0.8)
                )
                panes.append(shape)
            x += width + rng.choice((0, 0, 1.4))
    seen = 0.9 if light.night else 0.5
    glass = fill("".join(panes), LIT if light.night else light.far("#e6f1f7", 0.1), seen)
    return crisp(fixed("".join(pieces) + glass))


def street(scene: Scene) -> str:
    """A pavement and a road with a dashed line, along the lower edge."""
    top = scene.ground[0] - (1 if scene.viewpoint == "near" else -4)
    tall = 128 - top
    road = top + tall * 0.26
    dashes = "".join(box(-6 + 18 * i, road + tall * 0.36, 10, 1.5) for i in range(8))
    slabs = "".join(box(9 * i, top + 1, 0.5, tall * 0.2) for i in range(15))
    return crisp(
        fill(box(-2, top, 132, 130 - top), scene.snowy("#c3bfb8"))
        + fill(slabs, "#8f8b86", 0.7)
        + fill(box(-2, road - 1.6, 132, 1.8), "#918e8c")
        + fill(box(-2, road, 132, 130 - road), scene.snowy("#6f717b", 0.45))
        + fill(dashes, "#f3efe0")
    )


def blocks(scene: Scene) -> str:
    """Streets, roofs and parks as a bird sees them."""
    rng, green = scene.chance("blocks"), scene.greenery
    pieces = [fill(box(-2, -2, 132, 132), scene.snowy("#797b85", 0.4))]
    lanes = "".join(data("M", -2, y, "L", 130, y) for y in (31, 72, 115)) + "".join(
        data("M", x, -2, "L", x, 130) for x in (43, 86)
    )
    marks = f'<path d="{lanes}" fill="none" stroke="#f3efe0" stroke-width=".9" stroke-dasharray="4 4"/>'
    for top, tall in ((-4, 30), (37, 30), (78, 32), (121, 12)):
        for x in (-6, 48, 91):
            wide = 44.0 if x < 0 else 33.0
            pieces.append(fill(box(x, top, wide, tall), scene.snowy("#c3bfb8")))
            park = top > 40 and tall >= 30
            pieces.append(
                fill(box(x + 2, top + 2, wide - 4, tall - 4), green.grass)
                if park
                else _roofs(scene, rng, x + 2, top + 2, wide - 4, tall - 4)
            )
    return crisp("".join(pieces)) + marks + _park_dots(scene, rng)


def _park_dots(scene: Scene, rng: random.Random) -> str:
    shapes = "".join(
        speck(rng.choice((2, 35, 51, 78, 94, 124)) + rng.uniform(-1, 1), y, 2.2, 1.9) for y in (82, 92, 104)
    )
    return fill(shapes, scene.greenery.leaves) + fill(
        "".join(
            speck(rng.choice((8, 30, 56, 70, 100, 118)) + rng.uniform(-4, 4), rng.uniform(81, 107), 0.7)
            for _ in range(14)
        ),
        scene.greenery.specks[0],
    )


def _roofs(scene: Scene, rng: random.Random, x: float, y: float, wide: float, tall: float) -> str:
    """Flat roofs with a wall towards us and windows in it."""
    pieces, left, end = [], x, x + wide
    while left < end - 5:
        width = min(rng.uniform(10, 17), end - left)
        rise = tall * rng.uniform(0.55, 0.72)
        roof = scene.snowy(rng.choice(("#a7a2a6", "#b39a8c", "#8f98a8", "#b8b0a0")), 0.7)
        pieces.append(fill(box(left, y, width - 1, rise), roof))
        pieces.append(fill(box(left + 2, y + 2, width * 0.3, rise * 0.3), mix(roof, "#30343f", 0.25)))
        pieces.append(fill(box(left, y + rise, width - 1, tall - rise), mix(roof, "#3b3f55", 0.5)))
        panes = "".join(box(left + 1 + 3 * i, y + rise + 2.2, 1.6, 2.4) for i in range(int((width - 2) / 3)))
        pieces.append(fill(panes, LIT if scene.light.night else "#dfeaf0", 0.9))
        left += width
    return "".join(pieces)

"""The land as a bird sees it: no sky, a map of the place that fills the picture."""

from __future__ import annotations

import itertools
import math
import random

from instructcir.worlds.landscapes.draw_city import blocks
from instructcir.worlds.landscapes.draw_palette import mix
from instructcir.worlds.landscapes.draw_scene import Scene
from instructcir.worlds.landscapes.draw_specks import ripple, speck
from instructcir.worlds.shapes import Point, box, crisp, data, disc, fill, line, polygon, smooth


def from_above(scene: Scene) -> str:
    """The ground below, without things."""
    return _PLACES[scene.setting](scene)


def plain(colour: str) -> str:
    """A ground of one colour all over."""
    return crisp(fill(box(0, 0, 128, 128), colour))


def low_sun(scene: Scene) -> str:
    """Slanting light at dawn and sunset: from above no sky tells the time."""
    time = scene.light.time
    if time in ("day", "night"):
        return ""
    colour, x = ("#ffc6d8", 0.0) if time == "dawn" else ("#ff9a3d", 128.0)
    return crisp("".join(fill(disc(x, 4, r), colour, 0.17) for r in (50, 80, 112)))


def _blob(x: float, y: float, across: float, down: float, rng: random.Random, corners: int = 9) -> list[Point]:
    points = []
    for corner in range(corners):
        angle, reach = math.tau * corner / corners, rng.uniform(0.86, 1.12)
        points.append((x + across * reach * math.cos(angle), y + down * reach * math.sin(angle)))
    return [*points, points[0]]


def _closed(points: list[Point]) -> str:
    return data("M", *points[0]) + smooth(points) + "Z"


def _fields(scene: Scene, rng: random.Random) -> str:
    """Patchwork of fields, tilted away from us, with hedges between."""
    green = scene.greenery
    tones = [
        mix(green.grass, other, share)
        for other, share in (("#ffffff", 0.12), ("#1f3a2a", 0.12), ("#d9c268", 0.22), (green.leaves, 0.25))
    ]
    pieces = [plain(green.grass)]
    lean = rng.uniform(-14, 14)
    rows = (-4, 20, 48, 82, 132)
    for number, (top, bottom) in enumerate(itertools.pairwise(rows)):
        x, step = -30.0 + rng.uniform(0, 14), 24 + 7 * number
        while x < 150:
            corners = [(x, top), (x + step, top), (x + step + lean, bottom), (x + lean, bottom)]
            tone = rng.choice(tones)
            pieces.append(fill(polygon(corners), tone))
            if rng.random() < 0.45:
                furrows = "".join(
                    data("M", x + step * k / 5, top + 1, "L", x + step * k / 5 + lean, bottom - 1) for k in range(1, 5)
                )
                pieces.append(line(furrows, mix(tone, "#2c3a24", 0.22), 0.6))
            x += step
    hedges = "".join(data("M", -2, y, "L", 130, y) for y in rows[1:-1])
    return crisp("".join(pieces)) + line(hedges, mix(green.leaves, "#22382a", 0.2), 1.8)


def _clumps(scene: Scene, rng: random.Random, number: int, top: float = 0.0) -> str:
    """Woods as a bird sees them: round crowns with shadows."""
    green, dark, crowns, tips = scene.greenery, [], [], []
    for _ in range(number):
        x, y = rng.choice((rng.uniform(0, 14), rng.uniform(114, 128), rng.uniform(0, 128))), rng.uniform(top, top + 26)
        for _ in range(4):
            a, b, r = x + rng.uniform(-6, 6), y + rng.uniform(-4, 4), rng.uniform(1.8, 3)
            dark.append(speck(a + 1.2, b + 1.4, r, r * 0.8))
            crowns.append(speck(a, b, r, r * 0.85))
            tips.append(speck(a - 0.6, b - 0.7, r * 0.45))
    return (
        fill("".join(dark), "#1c2a30", 0.28)
        + fill("".join(crowns), green.leaves)
        + fill("".join(tips), mix(green.leaves, "#ffffff", 0.22))
    )  # fmt: skip


def _spots(scene: Scene, rng: random.Random) -> str:
    """The season's specks, scattered."""
    colours = scene.greenery.specks
    reach = (2.2, 1.2) if scene.season == "winter" else (0.7, 0.6)
    return "".join(
        fill(
            "".join(speck(rng.uniform(0, 128), rng.uniform(0, 128), *reach) for _ in range(36 // len(colours))),
            colour,
            0.85,
        )
        for colour in colours
    )


def _ripples(rng: random.Random, number: int, bottom: float) -> str:
    return "".join(ripple(rng.uniform(-4, 122), (y := rng.uniform(3, bottom)), 6 + y / 12, 0.2) for _ in range(number))


def _sea(scene: Scene) -> str:
    rng, sand = scene.chance("beach"), scene.snowy("#ecd39c", 0.55)
    y, tilt = scene.shore + 2, rng.uniform(-5, 5)
    edge = [(-4.0, y + tilt), (30.0, y - 4), (64.0, y + 2), (98.0, y - 2), (132.0, y - tilt)]

    def beach(lift: float) -> str:
        points = [(x, b - lift) for x, b in edge]
        return data("M", -4, 132, "L", *points[0]) + smooth(points) + data("L", 132, 132, "Z")

    return (
        plain("#1d6aa8")
        + fill(_closed(_blob(rng.uniform(20, 108), 26, 44, 14, rng)), "#185c98", 0.7)
        + fill(_ripples(rng, 34, y - 22), "#bfe3f2", 0.65)
        + fill(beach(24), "#2c86bd")
        + fill(beach(14), "#45a9cc")
        + fill(beach(7), "#83d3d6")
        + fill(beach(2), "#f8fbfa")
        + fill(beach(0), mix(sand, "#8a6a3c", 0.22))
        + fill(beach(-3), sand)
    )


def _lake(scene: Scene) -> str:
    rng, green = scene.chance("lake"), scene.greenery
    middle = (scene.shore + 10) / 2
    shape = _blob(64, middle - 3, 68, 38, rng, 11)
    grown = [(64 + (x - 64) * 1.05, middle + (y - middle) * 1.07) for x, y in shape]
    return (
        plain(green.grass)
        + _spots(scene, rng)
        + fill(_closed(grown), scene.snowy("#d8c48e", 0.4))
        + fill(_closed(shape), "#4fa3c4")
        + fill(_closed([(64 + (x - 64) * 0.78, middle + (y - middle) * 0.72) for x, y in shape]), "#3a8cb4")
        + fill(_ripples(rng, 16, scene.shore - 10), "#c9e8f2", 0.6)
        + _clumps(scene, rng, 7, -4)
    )


def _hills(scene: Scene) -> str:
    rng, green = scene.chance("hills"), scene.greenery
    pieces = [plain(green.grass)]
    tones = [mix(mix(green.grass, green.leaves, 0.14), "#ffffff", share) for share in (0.0, 0.12)]
    for x, y in ((26.0, 14.0), (98, 20), (56, 44), (6, 60), (116, 68), (66, 90), (20, 112), (112, 116)):
        across = rng.uniform(21, 28)
        middle, down = (x + rng.uniform(-6, 6), y + rng.uniform(-4, 4)), across * 0.56
        pieces.append(fill(disc(middle[0] + 4, middle[1] + 4, across, down), mix(green.grass, "#14301f", 0.34), 0.7))
        for level, tone in enumerate(tones):
            share = 1 - 0.42 * level
            shape = _blob(middle[0] - 2.4 * level, middle[1] - 3.2 * level, across * share, down * share, rng, 7)
            pieces.append(fill(_closed(shape), tone))
    x = rng.uniform(40, 80)
    path = data("M", x, 130, "C", x + 26, 92, x - 40, 70, x, 50, "S", x + 24, 14, x + 8, -2)
    return "".join(pieces) + line(path, scene.snowy("#dcc394"), 3.4) + _spots(scene, rng) + _clumps(scene, rng, 4)


def _mountains(scene: Scene) -> str:
    rng, green = scene.chance("mountains"), scene.greenery
    river = data("M", x := rng.uniform(30, 98), 132, "C", x + 20, 112, x - 30, 100, 64, 84, "S", 90, 66, 70, 40)
    cap = 0.56 if scene.season == "winter" or scene.light.weather == "snow" else 0.36
    pieces = [plain(green.grass), _spots(scene, rng), line(river, "#5aa9cf", 4)]
    places = ((14, 16), (46, 14), (82, 16), (114, 20), (28, 38), (98, 42), (60, 46), (4, 62), (122, 66), (14, 98))
    for x, y in places:
        pieces.append(_summit(x + rng.uniform(-6, 6), y + rng.uniform(-3, 5), rng.uniform(15, 23), cap, rng))
    return "".join(pieces) + _clumps(scene, rng, 5, 96)


def _summit(x: float, y: float, r: float, cap: float, rng: random.Random) -> str:
    """A peak seen from high above, its foot at y: a lit and a dark flank, snow, its shadow beside it."""
    top, left, right = (x + rng.uniform(-2, 2), y - r * 0.95), (x - r * 1.05, y), (x + r * 1.05, y - 1)
    toe = (x + rng.uniform(-0.1, 0.3) * r, y + r * 0.46)
    knee = ((top[0] + toe[0]) / 2 + rng.uniform(-0.16, 0.1) * r, (top[1] + toe[1]) / 2)

    def down(point: Point, share: float) -> Point:
        return top[0] + (point[0] - top[0]) * share, top[1] + (point[1] - top[1]) * share

    return (
        fill(polygon([top, (x + r * 1.7, y + r * 0.1), toe]), "#1c2a30", 0.24)
        + fill(polygon([top, left, (x - r * 0.5, y + r * 0.3), toe, knee]), "#a3a9b5")
        + fill(polygon([top, knee, toe, (x + r * 0.72, y + r * 0.22), right]), "#69738a")
        + fill(
            polygon([top, down(left, cap), down(left, cap * 0.7), down(toe, cap * 1.15), down(knee, cap)]), "#ffffff"
        )
        + fill(
            polygon([top, down(knee, cap), down(toe, cap * 1.05), down(right, cap * 0.72), down(right, cap)]), "#cbd8ea"
        )
    )


def _desert(scene: Scene) -> str:
    rng, sand = scene.chance("dunes"), scene.snowy("#eabb6c", 0.5)
    dark, bright = mix(sand, "#9a5626", 0.36), mix(sand, "#ffffff", 0.22)
    pieces = [plain(sand)]
    for row, y in enumerate((10, 32, 58, 88, 120)):
        x = rng.uniform(-24, 0)
        while x < 130:
            w = rng.uniform(30, 42) + 3 * row
            h = w * 0.34
            pieces.append(
                fill(
                    data("M", x, y, "Q", x + w * 0.5, y - h, x + w, y, "Q", x + w * 0.55, y - h * 0.3, x, y, "Z"),
                    dark,
                    0.75,
                )
            )
            pieces.append(
                fill(
                    data("M", x, y, "Q", x + w * 0.5, y - h, x + w, y, "Q", x + w * 0.5, y - h * 1.35, x, y, "Z"),
                    bright,
                    0.9,
                )
            )
            x += w * rng.uniform(1.0, 1.3)
    return "".join(pieces)


def _meadow(scene: Scene) -> str:
    rng = scene.chance("fields")
    return _fields(scene, rng) + _spots(scene, rng) + _clumps(scene, rng, 4)


_PLACES = {
    "sea": _sea, "lake": _lake, "hills": _hills, "mountains": _mountains, "city": blocks, "desert": _desert,
    "meadow": _meadow,
}  # fmt: skip

"""What land is made of: soft edges, far trees, grass with the specks of its season."""

from __future__ import annotations

import math
import random

from instructcir.worlds.landscapes.draw_palette import mix
from instructcir.worlds.landscapes.draw_scene import Scene
from instructcir.worlds.landscapes.draw_specks import speck
from instructcir.worlds.shapes import Point, box, crisp, data, fill, line, smooth


def ridge(points: list[Point], bottom: float) -> str:
    """Path data of land below a soft line from the left edge to the right."""
    return data("M", -2, bottom, "L", *points[0]) + smooth(points) + data("L", 130, bottom, "Z")


def below(points: list[Point], colour: str) -> str:
    """All land below a soft line; only the strip with the line needs the costly smooth edges."""
    low = math.ceil(max(y for _, y in points)) + 3
    return fill(ridge(points, low + 1), colour) + crisp(fill(box(-2, low, 132, 130 - low), colour))


def rolling(rng: random.Random, y: float, swing: float, pieces: int) -> list[Point]:
    """A line of soft hills at about `y`."""
    width = 132 / pieces
    up = rng.choice((-1, 1))
    return [(-2 + i * width, y + up * (-1) ** i * swing * rng.uniform(0.3, 1)) for i in range(pieces + 1)]


def treeline(scene: Scene, y: float, colour: str, size: float) -> str:
    """A hedge of far trees along a line; bare twigs in winter."""
    rng = scene.chance(f"treeline {y:.0f}")
    number = int(150 / size)
    if scene.season == "winter":
        twigs = "".join(
            data(
                "M",
                x := rng.uniform(0, 128),
                y,
                "l",
                0,
                -size * rng.uniform(0.8, 1.3),
                "M",
                x,
                y - size * 0.5,
                "l",
                size * 0.3,
                -size * 0.4,
            )
            for _ in range(number)
        )
        return line(twigs, colour, 0.8) + fill(box(-2, y - size * 0.3, 132, size * 0.5), colour, 0.6)
    bumps = "".join(
        speck(x * 128 / number, y - size * 0.3 + rng.uniform(-1, 1), size * rng.uniform(0.5, 0.8))
        for x in range(number + 1)
    )
    return fill(bumps + box(-2, y - size * 0.3, 132, size * 0.6), colour)


def grass(scene: Scene, top: float, edge: list[Point] | None = None) -> str:
    """A meadow from `top`, or from an edge about there, to the lower edge: soft bands, and the season's specks."""
    rng, green = scene.chance("grass"), scene.greenery
    bands = below(edge or [(-2, top), (64, top), (130, top)], green.grass)
    deeper = mix(green.grass, "#1f3a2a", 0.13)
    for share, depth in ((0.3, 0.5), (0.62, 0.9)):
        line_of = rolling(rng, top + (128 - top) * share, 3.5, 3)
        bands += below(line_of, mix(green.grass, deeper, depth))
    return bands + _specks(scene, rng, top)


def _specks(scene: Scene, rng: random.Random, top: float) -> str:
    pieces, number = [], {"spring": 34, "summer": 18, "autumn": 40, "winter": 18}[scene.season]
    for colour in scene.greenery.specks:
        shapes = []
        for _ in range(number // len(scene.greenery.specks)):
            depth = rng.random()
            x, y, r = rng.uniform(0, 128), top + 4 + (122 - top) * depth, 0.45 + 0.5 * depth
            if scene.season == "summer":
                shapes.append(
                    f"M{x:.1f} {y:.1f}l-1.2 -{2 + 2 * r:.1f}l1.4 {1 + r:.1f}l.8 -{2 + 2 * r:.1f}l.8 {3 + 3 * r:.1f}Z"
                )
            elif scene.season == "winter":
                shapes.append(speck(x, y, 5 + 5 * r, 0.9 + 0.6 * r))
            else:
                shapes.append(speck(x, y, r * 1.15, r * 0.85))
        pieces.append(fill("".join(shapes), colour, 0.9))
    return "".join(pieces)

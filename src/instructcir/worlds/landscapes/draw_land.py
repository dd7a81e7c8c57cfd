"""The land as someone standing on it sees it, from near or from far, below the sky."""

from __future__ import annotations

import random

from instructcir.worlds.landscapes.draw_city import skyline, street
from instructcir.worlds.landscapes.draw_grass import below, grass, ridge, rolling, treeline
from instructcir.worlds.landscapes.draw_light import fixed
from instructcir.worlds.landscapes.draw_palette import mix
from instructcir.worlds.landscapes.draw_relief import desert, hills, mountains
from instructcir.worlds.landscapes.draw_scene import Scene
from instructcir.worlds.landscapes.draw_specks import ripple, speck, tuft
from instructcir.worlds.shapes import box, crisp, data, fill, line, smooth


def land(scene: Scene) -> str:
    """Everything between the sky and the things."""
    return _LANDS[scene.setting](scene)


def water(scene: Scene, top: float, bottom: float) -> str:
    """Water between two lines: pale far away, deep near by, with ripples that widen towards us."""
    rng, light = scene.chance("water"), scene.light
    deep = "#2a7fb8" if scene.setting == "sea" else "#4a93b4"
    near, far = mix(light.far(deep, 0.12), "#0f3a63", 0.1), light.far(deep, 0.62)
    pieces, steps = [], 5
    for step in range(steps):
        y = top + (bottom - top) * (step / steps) ** 1.3
        pieces.append(fill(box(-2, y, 132, bottom - y + 2), mix(far, near, (step + 0.5) / steps)))
    shapes = []
    for _ in range(26):
        depth = rng.random()
        x, y, reach = rng.uniform(-4, 124), top + 2 + (bottom - top - 3) * depth, 2 + 6 * depth
        shapes.append(ripple(x, y, 1.8 * reach, 0.3 * depth))
    return crisp(fixed("".join(pieces))) + fill("".join(shapes), light.far("#ffffff", 0.3), 0.55)


def _sea(scene: Scene) -> str:
    rng, sand = scene.chance("beach"), scene.snowy("#ecd39c", 0.55)
    edge = rolling(rng, scene.shore, 3, 2)
    foam = [(x, y - 1.2) for x, y in edge]
    shells = "".join(
        speck(rng.uniform(0, 128), rng.uniform(scene.shore + 5, 126), rng.uniform(0.4, 0.8)) for _ in range(22)
    )
    return (
        water(scene, scene.horizon, scene.shore + 4)
        + fill(ridge([(x, y - 3.4) for x, y in edge], scene.shore + 8), "#7fd0d2", 0.5)
        + fill(ridge(foam, scene.shore + 9), "#f7fbfb")
        + fill(ridge([(x, y + 1.4) for x, y in edge], scene.shore + 12), mix(sand, "#8a6a3c", 0.25))
        + below([(x, y + 4) for x, y in edge], sand)
        + fill(shells, "#c7a368")
    )


def _lake(scene: Scene) -> str:
    rng, green, light, y = scene.chance("lake"), scene.greenery, scene.light, scene.horizon
    tall = 16 if scene.viewpoint == "near" else 10
    hills = rolling(rng, y - tall * 0.7, tall * 0.45, 3)
    bank = rolling(rng, scene.shore, 3.4, 2)
    reeds = "".join(
        data(
            "M",
            rng.choice((rng.uniform(2, 16), rng.uniform(112, 126))),
            scene.shore + 4,
            "l",
            rng.uniform(-1, 1),
            -rng.uniform(6, 11),
        )
        for _ in range(9)
    )
    mirror = [(x, 2 * y - hy * 0.99) for x, hy in hills]
    return (
        fixed(fill(ridge(hills, y + 3), light.far(green.leaves, 0.5)))
        + treeline(scene, y, mix(green.leaves, "#22384a", 0.18), 7 if tall > 10 else 4.6)
        + water(scene, y, scene.shore + 4)
        + fixed(
            fill(
                data("M", -2, y, "L", *mirror[0]) + smooth(mirror) + data("L", 130, y, "Z"),
                light.far(green.leaves, 0.35),
                0.35,
            )
        )
        + fill(box(-2, y - 0.6, 132, 1.4), mix(green.grass, "#6b5a3c", 0.35))
        + fill(ridge([(x, by - 1.6) for x, by in bank], scene.shore + 8), mix(green.grass, "#5b4630", 0.5))
        + grass(scene, scene.shore + 2, bank)
        + line(reeds, mix(green.leaves, "#6b6a30", 0.4), 1)
    )


def _meadow(scene: Scene) -> str:
    green, light, y, rng = scene.greenery, scene.light, scene.horizon, scene.chance("meadow")
    near = scene.viewpoint == "near"
    posts = "".join(box(-2 + 11 * i, y + 1, 1.3 if near else 1, 7 if near else 4.4) for i in range(13))
    rails = box(-2, y + 2.6, 132, 1) + box(-2, y + (5 if near else 4), 132, 0.9)
    return (
        fixed(fill(ridge(rolling(rng, y - 4, 2, 2), y + 4), light.far(green.leaves, 0.6)))
        + treeline(scene, y + 0.6, mix(green.leaves, "#23402e", 0.12), 7 if near else 4)
        + grass(scene, y)
        + fill(posts + rails, scene.snowy("#f1e7d3", 0.3))
        + _tufts(scene, rng, y)
    )


def _tufts(scene: Scene, rng: random.Random, y: float) -> str:
    blades = "".join(tuft(rng.uniform(1, 127), rng.uniform(y + 14, 127), rng.uniform(3.6, 4.8)) for _ in range(24))
    return fill(blades, mix(scene.greenery.grass, "#254a2a", 0.34))


def _city(scene: Scene) -> str:
    return (
        skyline(scene)
        + treeline(scene, scene.horizon + 1, mix(scene.greenery.leaves, "#28403a", 0.12), 4.6)
        + grass(scene, scene.horizon + 1)
        + street(scene)
    )


_LANDS = {
    "sea": _sea, "lake": _lake, "hills": hills, "mountains": mountains, "city": _city, "desert": desert,
    "meadow": _meadow,
}  # fmt: skip

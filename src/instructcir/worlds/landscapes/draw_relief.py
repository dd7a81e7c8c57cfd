"""Land that rises: hills, mountains, dunes, seen by someone who stands on it."""

from __future__ import annotations

import random

from instructcir.worlds.landscapes.draw_grass import grass, ridge, rolling, treeline
from instructcir.worlds.landscapes.draw_light import fixed
from instructcir.worlds.landscapes.draw_palette import mix
from instructcir.worlds.landscapes.draw_scene import Scene
from instructcir.worlds.landscapes.draw_specks import ripple, speck
from instructcir.worlds.shapes import data, fill, polygon


def hills(scene: Scene) -> str:
    """Rolling hills in three rows, the furthest in the haze, and a path."""
    rng, green, light, y = scene.chance("hills"), scene.greenery, scene.light, scene.horizon
    tall = 26 if scene.viewpoint == "near" else 17
    pieces = []
    for share, mist, swing in ((1.0, 0.62, 0.42), (0.62, 0.4, 0.34), (0.26, 0.18, 0.24)):
        line_of = rolling(rng, y - tall * share + tall * 0.2, tall * swing, rng.choice((2, 3)))
        pieces.append(fixed(fill(ridge(line_of, y + 16), light.far(mix(green.grass, green.leaves, 0.4), mist))))
        if share < 1:
            (x1, y1), (x2, y2) = line_of[1], line_of[0]
            spots = "".join(
                speck(x1 + (x2 - x1) * t, y1 + (y2 - y1) * t + 2.6, 1.8, 1.5) for t in (0.18, 0.26, 0.32, 0.5)
            )
            pieces.append(fixed(fill(spots, light.far(green.leaves, mist * 0.6))))
    top = y + 2
    x = rng.uniform(40, 88)
    path = data(
        "M", x, top + 1, "C", x + 14, top + 12, x - 24, top + 20, x - 12, 130, "L", x + 8, 130,
        "C", x - 8, top + 22, x + 22, top + 12, x + 1.4, top + 1, "Z",
    )  # fmt: skip
    return "".join(pieces) + grass(scene, top, rolling(rng, top, 2.2, 2)) + fill(path, scene.snowy("#dcc394"), 0.85)


def mountains(scene: Scene) -> str:
    """Two rows of peaks with snow, woods at their foot, a meadow with stones."""
    rng, green, light, y = scene.chance("mountains"), scene.greenery, scene.light, scene.horizon
    tall = 50.0 if scene.viewpoint == "near" else 33.0
    pieces = []
    for mist, high, places in ((0.55, 0.8, (2, 42, 84, 122)), (0.25, 1.0, (22, 66, 108))):
        for place in places:
            pieces.append(_peak(scene, rng, place + rng.uniform(-7, 7), tall * high * rng.uniform(0.75, 1.02), mist))
    foot = rolling(rng, y - 3, 2.5, 3)
    return (
        "".join(pieces)
        + fixed(fill(ridge(foot, y + 8), light.far(mix(green.leaves, "#2c4a44", 0.35), 0.22)))
        + treeline(scene, y + 2, mix(green.leaves, "#22403c", 0.3), 4.4)
        + grass(scene, y + 2)
        + fill(
            "".join(speck(rng.uniform(2, 126), rng.uniform(y + 8, 124), rng.uniform(1.2, 2.2), 1) for _ in range(9)),
            scene.snowy("#8b8f98"),
        )
    )


def _peak(scene: Scene, rng: random.Random, x: float, tall: float, mist: float) -> str:
    y, light = scene.horizon + 2, scene.light
    half, top = tall * rng.uniform(0.72, 0.9), scene.horizon - tall
    bend = x + rng.uniform(-0.06, 0.1) * tall
    rock, dark = light.far("#7e8798", mist), light.far("#5a6479", mist)
    cap = 0.34 + (0.26 if scene.season == "winter" else 0) + (0.14 if scene.light.weather == "snow" else 0)
    a, low = half * cap, top + tall * cap
    snow = [
        (x, top),
        (x - a, low),
        (x - a * 0.55, low - tall * 0.06),
        (x - a * 0.25, low + tall * 0.05),
        (bend, low - tall * 0.04),
    ]
    shaded = [
        (x, top),
        (bend, low - tall * 0.04),
        (x + a * 0.4, low + tall * 0.05),
        (x + a * 0.62, low - tall * 0.03),
        (x + a, low),
    ]
    return fixed(
        fill(polygon([(x, top), (x - half, y), (x + half, y)]), rock)
        + fill(polygon([(x, top), (bend, top + tall * 0.5), (x - half * 0.12, y), (x + half, y)]), dark)
        + fill(polygon(snow), light.far("#ffffff", mist * 0.7))
        + fill(polygon(shaded), light.far("#cdd9ea", mist * 0.7))
    )


def desert(scene: Scene) -> str:
    """A table mountain and dunes."""
    rng, light, y = scene.chance("desert"), scene.light, scene.horizon
    sand = scene.snowy("#eabb6c", 0.5)
    tall = 20.0 if scene.viewpoint == "near" else 13.0
    x, half = rng.choice((rng.uniform(14, 40), rng.uniform(86, 112))), tall * rng.uniform(0.8, 1.2)
    mesa = [
        (x - half - 5, y + 2),
        (x - half, y - tall),
        (x + half * 0.5, y - tall),
        (x + half * 0.6, y - tall * 0.72),
        (x + half, y - tall * 0.7),
        (x + half + 6, y + 2),
    ]
    pieces = [fixed(fill(polygon(mesa), light.far("#c0663f", 0.42)))]
    for share, mist in ((0.0, 0.3), (0.16, 0.12), (0.45, 0.0)):
        base = y + (128 - y) * share
        pieces.append(
            _dune(rng, base, light.far(sand, mist), light.far(mix(sand, "#a5602c", 0.42), mist), tall * (0.4 + share))
        )
    ripples = "".join(
        ripple(rng.uniform(-4, 110), rng.uniform(y + 16, 124), rng.uniform(10, 18), 0.5) for _ in range(12)
    )
    return "".join(pieces) + fill(ripples, mix(sand, "#8d5a2c", 0.35), 0.6)


def _dune(rng: random.Random, y: float, sand: str, shade: str, swing: float) -> str:
    crest = rng.uniform(30, 98)
    top = y - swing * 0.5
    slope = data("M", -2, 130, "L", -2, y + 2, "C", crest * 0.5, y + 1, crest * 0.8, top + 1, crest, top)
    body = slope + data("C", crest + 16, y - 1, crest + 36, y + 2, 130, y, "L", 130, 130, "Z")
    lee = data(
        "M",
        crest,
        top,
        "C",
        crest + 16,
        y - 1,
        crest + 36,
        y + 2,
        130,
        y,
        "L",
        130,
        y + swing,
        "C",
        crest + 40,
        y + swing * 1.3,
        crest + 4,
        y + swing * 0.7,
        crest,
        top,
        "Z",
    )
    return fixed(fill(body, sand) + fill(lee, shade, 0.6))

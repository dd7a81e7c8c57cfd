"""The sky: its colours, sun, moon, stars and clouds."""

from __future__ import annotations

import random

from instructcir.worlds.landscapes.draw_palette import mix
from instructcir.worlds.landscapes.draw_scene import Scene
from instructcir.worlds.landscapes.draw_specks import speck
from instructcir.worlds.shapes import box, crisp, disc, fill, gradient

_VEILED = {"clear": 1.0, "cloudy": 0.85, "rain": 0.35, "snow": 0.45, "fog": 0.45}


def sky(scene: Scene) -> str:
    """The sky down to the horizon, with sun or moon, and clouds as the weather has them."""
    top, middle, bottom = scene.light.sky()
    stops = ((0, top, 1.0), (0.58, middle, 1.0), (1, bottom, 1.0))
    return (
        f"<defs>{gradient('sky', (0, 0), (0, scene.horizon + 2), stops)}</defs>"
        + crisp(fill(box(0, 0, 128, scene.horizon + 4), "url(#sky)"))
        + heavens(scene)
        + clouds(scene)
    )


def heavens(scene: Scene) -> str:
    """Sun, or moon and stars."""
    rng = scene.chance("heavens")
    seen = _VEILED[scene.light.weather]
    x, far = rng.choice((rng.uniform(12, 44), rng.uniform(84, 116))), scene.viewpoint == "far"
    time = scene.light.time
    if time == "night":
        return _stars(scene, rng, seen) + _moon(x, rng.uniform(13, 20), 6.5 if far else 8, scene, seen)
    if time == "day":
        return _sun(x, rng.uniform(12, 18), 6 if far else 7.5, "#fff3b0", "#ffffff", seen)
    low = scene.horizon - rng.uniform(3, 8)
    if time == "dawn":
        return _sun(x, low, 7 if far else 8.5, "#fff2c9", "#ffd9cf", seen)
    return _sun(x, low, 9.5 if far else 12.5, "#ffdf7c", "#ff9a4a", seen)


def _sun(x: float, y: float, radius: float, colour: str, halo: str, seen: float) -> str:
    return (
        crisp(fill(disc(x, y, radius * 2.5), halo, 0.2 * seen) + fill(disc(x, y, radius * 1.6), halo, 0.3 * seen))
        + fill(disc(x, y, radius), colour, seen)
    )  # fmt: skip


def _stars(scene: Scene, rng: random.Random, seen: float) -> str:
    number = {"clear": 42, "cloudy": 26}.get(scene.light.weather, 8)
    spots = "".join(
        speck(rng.uniform(1, 127), 1 + rng.random() ** 1.3 * (scene.horizon - 4), rng.choice((0.4, 0.5, 0.5, 0.8)))
        for _ in range(number)
    )
    return fill(spots, "#f4f3e4", 0.4 + 0.5 * seen)


def _moon(x: float, y: float, radius: float, scene: Scene, seen: float) -> str:
    r, bite = radius, radius * 0.8
    crescent = (
        f"M{x:.1f} {y - r:.1f}A{r:.1f} {r:.1f} 0 1 1 {x - r:.1f} {y:.1f}"
        f"A{bite:.1f} {bite:.1f} 0 0 0 {x:.1f} {y - r:.1f}Z"
    )
    return fill(disc(x, y, r * 1.9), "#c8d2ff", 0.1 * seen) + fill(crescent, "#f8f2d2", max(seen, 0.6))


def clouds(scene: Scene) -> str:
    """Single clouds in cloudy weather, a grey deck above rain and snow, none else."""
    weather, glow, rng = scene.light.weather, scene.light.glow, scene.chance("clouds")
    if weather == "cloudy":
        shade = mix(glow.cloud, glow.grey, 0.55)
        room = scene.horizon * 0.72
        places = [
            (18 + 31 * i + rng.uniform(-9, 9), room * (0.22 + 0.78 * share))
            for i, share in enumerate((0.1, 0.75, 0.3, 0.9))
        ]
        rng.shuffle(places)
        return "".join(cloud(x, y, rng.uniform(0.8, 1.2), glow.cloud, shade) for x, y in places)
    if weather in ("rain", "snow"):
        dark = mix(scene.light.haze, "#3a4254" if weather == "rain" else "#9aa6b8", 0.3)
        back, deck = _deck(rng, 6, 15, 26), _deck(rng, 8, 9, 17)
        return crisp(fill(back, dark, 0.45)) + fill(deck, dark, 0.8)
    return ""


def _deck(rng: random.Random, puffs: int, edge: float, low: float) -> str:
    """A closed cover of cloud along the upper edge, its puffs hanging down to `low`."""
    wide, path = 128 / puffs, f"M0 0H128V{edge:.1f}"
    for end in range(puffs - 1, -1, -1):
        dip, rise = low + rng.uniform(-4, 5), edge + rng.uniform(-3, 3)
        path += f"Q{wide * (end + 0.5):.1f} {dip:.1f} {wide * end:.1f} {rise:.1f}"
    return path + "Z"


def cloud(x: float, y: float, scale: float, colour: str, shade: str) -> str:
    """A fair-weather cloud, 40 wide and 16 tall, its flat base's middle at (x, y)."""
    parts = disc(-10, -4.6, 5.4) + disc(-3, -8.6, 7) + disc(6, -7, 6) + disc(12, -4, 4.4)
    base = "M-17 0C-18 -6 -12 -7 -8 -5L10 -5C16 -7 19 -2 17 0Z"
    below = "M-17 0C-17.4 -3 -15 -4 -12 -3.4C-4 -1 6 -3.4 12 -3C15 -3.4 18 -2 17 0Z"
    return (
        f'<g transform="translate({x:.1f} {y:.1f}) scale({scale:.2f})">'
        f"{fill(parts + base, colour, 0.96)}{fill(below, shade)}</g>"
    )

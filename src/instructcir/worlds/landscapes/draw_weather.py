"""What falls and drifts before the things: rain, snow, fog."""

from __future__ import annotations

from instructcir.worlds.landscapes.draw_palette import mix
from instructcir.worlds.landscapes.draw_scene import Scene
from instructcir.worlds.landscapes.draw_sky import cloud
from instructcir.worlds.landscapes.draw_specks import speck, streak
from instructcir.worlds.shapes import box, crisp, disc, fill


def behind_things(scene: Scene) -> str:
    """Fog over the land, thickest far away."""
    if scene.light.weather != "fog":
        return ""
    pale, y, rng = mix(scene.light.haze, "#ffffff", 0.12), scene.horizon, scene.chance("mist")
    far = crisp(fill(box(0, max(y - 30, 0), 128, 158 - y), pale, 0.3))
    return far + fill(
        "".join(_bank(rng.uniform(20, 108), y + dy, rng.uniform(60, 90)) for dy in (-14, 4, 22)), pale, 0.45
    )


def _bank(x: float, y: float, half: float) -> str:
    return disc(x, y, half, 7.5)


def before_things(scene: Scene) -> str:
    """Streaks, flakes or thin veils over all."""
    weather, rng = scene.light.weather, scene.chance("weather")
    if weather == "rain":
        drops = "".join(
            streak(rng.uniform(-2, 130), rng.uniform(-6, 124), -2.6, rng.uniform(7, 10), 0.9) for _ in range(38)
        )
        return fill(drops, "#c4d6ee" if scene.light.night else "#eef5fc", 0.62)
    if weather == "snow":
        flakes = "".join(
            speck(rng.uniform(0, 128), rng.uniform(0, 128), rng.choice((0.8, 1, 1.3, 1.7))) for _ in range(64)
        )
        return fill(flakes, "#dfe6f8" if scene.light.night else "#ffffff", 0.92)
    if weather == "fog":
        pale = mix(scene.light.haze, "#ffffff", 0.12)
        veils = "".join(_bank(rng.uniform(10, 118), y + rng.uniform(-5, 5), rng.uniform(45, 75)) for y in (34, 72, 108))
        return crisp(fill(box(0, 0, 128, 128), pale, 0.14)) + fill(veils, pale, 0.26)
    return ""


def seen_from_above(scene: Scene) -> str:
    """Clouds between us and the ground, at the edges, with their shadows."""
    if scene.light.weather != "cloudy" or scene.viewpoint != "above":
        return ""
    glow, rng = scene.light.glow, scene.chance("clouds")
    shade = mix(glow.cloud, glow.grey, 0.5)
    places = [(rng.uniform(4, 34), 12.0), (rng.uniform(84, 124), 16.0), (rng.choice((2.0, 126.0)), rng.uniform(52, 74))]
    shadows = "".join(fill(disc(x + 9, y + 13, 19, 5), "#141a38", 0.16) for x, y in places)
    return shadows + "".join(cloud(x, y, rng.uniform(0.95, 1.25), glow.cloud, shade) for x, y in places)

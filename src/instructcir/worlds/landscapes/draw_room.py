"""A room: a wall with a window through which the time of day is seen, a floor, a rug."""

from __future__ import annotations

from instructcir.worlds.landscapes.draw_light import fixed
from instructcir.worlds.landscapes.draw_palette import mix
from instructcir.worlds.landscapes.draw_scene import Scene
from instructcir.worlds.landscapes.draw_specks import speck
from instructcir.worlds.shapes import box, crisp, data, disc, fill, gradient, line

_WALLS = ("#ead9c4", "#cfdcd8", "#e6d3cf", "#d5d8e6", "#e9e2c8", "#d3dfc9")
_FLOORS = ("#b98a5e", "#a97b55", "#c79d70", "#96704f")
_RUGS = (("#a9b7c9", "#e9edf2"), ("#c9a9a0", "#f3e6df"), ("#a8bda6", "#e9f0e4"), ("#b8aac4", "#efe9f3"))


def room(scene: Scene) -> str:
    """The room without things, seen from near, from far or from above."""
    rng, y = scene.chance("room"), scene.horizon
    wall, floor = rng.choice(_WALLS), rng.choice(_FLOORS)
    walls = fill(box(-2, -2, 132, y + 2), wall) + crisp(
        fill(box(-2, y - 4, 132, 4), mix(wall, "#ffffff", 0.5))
        + fill(box(-2, y - 4.4, 132, 0.8), mix(wall, "#4a3a34", 0.3))
    )
    above = scene.viewpoint == "above"
    return scene.light.on(walls + _boards(scene, floor) + _rug(scene)) + window(scene) + _light_on_floor(scene, above)


def _boards(scene: Scene, floor: str) -> str:
    y, rng = scene.horizon, scene.chance("boards")
    vanish = {"near": 34.0, "far": 8.0, "above": -120.0}[scene.viewpoint]
    seams = ""
    for i in range(-14, 15):
        foot = 64 + i * 13
        top = 64 + (foot - 64) * (y - vanish) / (128 - vanish)
        seams += data("M", top, y, "L", foot, 128)
    depths = {"near": (0.28, 0.62), "far": (0.2, 0.46, 0.75), "above": (0.18, 0.4, 0.62, 0.84)}[scene.viewpoint]
    planks = "".join(box(-2 + rng.uniform(0, 40), y + (128 - y) * depth, 60, (128 - y) * 0.07) for depth in depths)
    return (
        fill(box(-2, y, 132, 130 - y), floor)
        + fill(planks, mix(floor, "#ffffff", 0.14), 0.5)
        + line(seams, mix(floor, "#3a2416", 0.32), 0.6)
    )


def _rug(scene: Scene) -> str:
    rng, y = scene.chance("rug"), scene.horizon
    outer, inner = rng.choice(_RUGS)
    middle, tall = (y + 128) / 2 + 4, (128 - y) * 0.36
    if scene.viewpoint == "above":
        shape, small = box(14, 44, 100, 70), box(19, 49, 90, 60)
        return fill(shape, outer) + fill(small, inner) + fill(box(23, 53, 82, 52), mix(outer, inner, 0.45))
    return (
        fill(disc(64, middle, 52, tall), outer)
        + fill(disc(64, middle, 46, tall * 0.86), inner)
        + fill(disc(64, middle, 40, tall * 0.72), mix(outer, inner, 0.45))
    )


def window(scene: Scene) -> str:
    """The window with sky, sun or moon, and hills behind it."""
    rng, near = scene.chance("window"), scene.viewpoint == "near"
    if scene.viewpoint == "above":
        x, y, wide, tall = rng.uniform(26, 54), -3.0, 48.0, 17.0
    else:
        wide, tall = (52.0, 42.0) if near else (36.0, 28.0)
        x, y = rng.uniform(12, 116 - wide), 9.0 if near else 12.0
    top, middle, bottom = scene.light.sky()
    sky = gradient("pane", (0, y), (0, y + tall), ((0, top, 1), (0.55, middle, 1), (1, bottom, 1)))
    frame, dark = "#f6f1e6", "#b9a88f"
    view = fill(box(x, y, wide, tall), "url(#pane)") + _heavens(scene, x, y, wide, tall)
    return f"<defs>{sky}</defs>{view}" + scene.light.on(
        line(box(x, y, wide, tall), frame, 3)
        + line(data("M", x + wide / 2, y, "V", y + tall, "M", x, y + tall * 0.5, "H", x + wide), frame, 1.6)
        + fill(box(x - 4, y + tall + 1, wide + 8, 2.6), frame)
        + fill(box(x - 4, y + tall + 3.6, wide + 8, 0.9), dark)
        + _curtains(scene, x, y, wide, tall)
    )


def _heavens(scene: Scene, x: float, y: float, wide: float, tall: float) -> str:
    rng, time, light = scene.chance("pane"), scene.light.time, scene.light
    land = data(
        "M",
        x,
        y + tall,
        "V",
        y + tall * 0.82,
        "Q",
        x + wide * 0.3,
        y + tall * 0.66,
        x + wide * 0.62,
        y + tall * 0.82,
        "T",
        x + wide,
        y + tall * 0.78,
        "V",
        y + tall,
        "Z",
    )
    hills = fixed(fill(land, light.far("#5c9a54", 0.25)))
    side = x + wide * rng.choice((0.26, 0.74))
    r = min(wide, tall) * 0.13
    if time == "night":
        stars = "".join(speck(x + wide * rng.random(), y + tall * 0.75 * rng.random(), 0.5) for _ in range(16))
        crescent = disc(side, y + tall * 0.26, r * 1.1)
        return (
            fill(stars, "#f4f3e4", 0.9)
            + fill(crescent, "#f8f2d2")
            + fill(disc(side + r * 0.5, y + tall * 0.23, r * 0.9), light.sky()[0])
            + hills
        )
    if time == "day":
        spot = (side, y + tall * 0.25)
        return fill(disc(*spot, r * 1.7), "#ffffff", 0.35) + fill(disc(*spot, r), "#fff3b0") + hills
    spot = (side, y + tall * 0.7)
    disc_colour, halo = ("#fff2c9", "#ffd9cf") if time == "dawn" else ("#ffdf7c", "#ff9a4a")
    return fill(disc(*spot, r * 2.4), halo, 0.45) + fill(disc(*spot, r * 1.35), disc_colour) + hills


def _curtains(scene: Scene, x: float, y: float, wide: float, tall: float) -> str:
    cloth = scene.chance("curtains").choice(("#c98d80", "#8fa6b8", "#a9b58d", "#c7aa7a", "#a693b5"))
    drop, w = y + tall + 8, wide * 0.16
    left = data(
        "M", x - 5, y - 3, "H", x + w, "C", x + w, y + tall * 0.5, x, y + tall * 0.7, x - 1, drop, "H", x - 6, "Z"
    )
    end = x + wide
    right = data(
        "M",
        end + 5,
        y - 3,
        "H",
        end - w,
        "C",
        end - w,
        y + tall * 0.5,
        end,
        y + tall * 0.7,
        end + 1,
        drop,
        "H",
        end + 6,
        "Z",
    )
    folds = data("M", x - 2, y, "L", x - 3.4, drop, "M", end + 2, y, "L", end + 3.4, drop)
    return (
        fill(left + right, cloth)
        + line(folds, mix(cloth, "#2c2030", 0.25), 0.8)
        + line(data("M", x - 8, y - 3, "H", end + 8), "#6d4f38", 1.4)
    )


def _light_on_floor(scene: Scene, above: bool) -> str:
    colour = {"dawn": "#ffc3cf", "day": "#fff6d6", "sunset": "#ff9b4d", "night": "#8fa2e6"}[scene.light.time]
    y, x = scene.horizon, scene.chance("window").uniform(12, 60)
    drop = 62 if above else (128 - y) * 0.8
    lean = {"dawn": 26, "day": 8, "sunset": -26, "night": 10}[scene.light.time]
    shape = data("M", x + 14, y + 2, "h", 40, "l", lean + 10, drop, "h", -60, "Z")
    return fill(shape, colour, 0.16 if scene.light.night else 0.3)

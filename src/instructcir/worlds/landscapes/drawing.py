"""A scene as SVG."""

from __future__ import annotations

from instructcir.worlds.landscapes.draw_above import from_above, low_sun
from instructcir.worlds.landscapes.draw_figures import FIGURES
from instructcir.worlds.landscapes.draw_land import land
from instructcir.worlds.landscapes.draw_layout import Placed, placed, rng_of
from instructcir.worlds.landscapes.draw_palette import paint
from instructcir.worlds.landscapes.draw_room import room
from instructcir.worlds.landscapes.draw_scene import Scene, scene_of
from instructcir.worlds.landscapes.draw_sky import sky
from instructcir.worlds.landscapes.draw_weather import before_things, behind_things, seen_from_above
from instructcir.worlds.shapes import disc, fill, line
from instructcir.worlds.world import Box, Drawing

_THINGS_LIGHT = 0.42  # how much of the land's light the things get: their colours must stay easy to name
_SLANT = {"dawn": 0.55, "day": 0.12, "sunset": -0.55, "night": 0.1}  # how far a shadow falls aside, in widths


def svg(drawing: Drawing) -> str:
    """The picture as SVG with viewBox 0 0 128 128; the same drawing gives the same bytes everywhere."""
    scene = scene_of(drawing.facts, drawing.look)
    things = placed(drawing.facts, scene)
    shadows = "".join(_shadow(thing, scene) for thing in things)
    figures = "".join(_figure(thing, scene) for thing in things)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 128 128">'
        f"{_place(scene)}{behind_things(scene)}{shadows}{figures}"
        f"{seen_from_above(scene)}{before_things(scene)}</svg>"
    )


def boxes(drawing: Drawing) -> list[tuple[str, Box]]:
    """Where each thing is, from far to near: its kind, and left, top, right, bottom from 0 to 1, within the picture."""
    found: list[tuple[str, Box]] = []
    for thing in placed(drawing.facts, scene_of(drawing.facts, drawing.look)):
        figure = FIGURES[thing.kind]
        half, height = figure.width * thing.scale / 2, figure.height * thing.scale
        edges = thing.x - half, thing.y - height, thing.x + half, thing.y
        left, top, right, bottom = (min(max(edge / 128, 0.0), 1.0) for edge in edges)
        found.append((thing.kind, (left, top, right, bottom)))
    return found


def _place(scene: Scene) -> str:
    if scene.setting == "room":
        return room(scene)
    if scene.viewpoint == "above":
        return scene.light.on(from_above(scene)) + low_sun(scene)
    return sky(scene) + scene.light.on(land(scene))


def _figure(thing: Placed, scene: Scene) -> str:
    """One thing where it stands."""
    rng = rng_of(thing)
    colours = paint(thing.colour, rng, night=scene.light.night, indoors=scene.setting == "room")
    markup = FIGURES[thing.kind].draw(colours, rng)
    if thing.zone == "water":
        markup = _in_water(thing, markup)
    elif thing.kind == "duck":
        legs = line("M-8 -14L-8 -3L0 -2M10 -14L10 -3L18 -2", "#e8871e", 5)
        markup = f'{legs}<g transform="translate(0 -10)">{markup}</g>'
    across = -thing.scale if thing.mirrored else thing.scale
    return (
        f'<g transform="translate({thing.x:.1f} {thing.y:.1f}) scale({across:.3f} {thing.scale:.3f})">'
        f"{scene.light.on(markup, _THINGS_LIGHT)}</g>"
    )


def _in_water(thing: Placed, markup: str) -> str:
    """A thing in the water: a windmill on a rock, as a lighthouse has one of its own; foam or a wake at its foot."""
    half = FIGURES[thing.kind].width / 2
    if thing.kind == "windmill":
        rock = fill(f"M{-half - 6:.1f} 8C-34 -10 -20 -12 -10 -10L14 -12C30 -10 38 -4 {half + 8:.1f} 8Z", "#7c746f")
        markup = f'{rock}<g transform="translate(0 -8)">{markup}</g>'
    wake = f"M{-half:.1f} 2L{half:.1f} 2M{-half * 0.7:.1f} 9L{half * 0.9:.1f} 9"
    return markup + line(wake, "#eef7f9", 3.4, 0.85)


def _shadow(thing: Placed, scene: Scene) -> str:
    """The shadow at a thing's foot; from above it falls aside, and what flies has its shadow on the ground below."""
    figure = FIGURES[thing.kind]
    half, time = figure.width * thing.scale / 2, scene.light.time
    aside, above = half * _SLANT[time], scene.viewpoint == "above"
    if thing.zone == "sky":
        return fill(disc(thing.x + 10 + aside, thing.y + 15, half * 0.8, half * 0.28), "#10142c", 0.26) if above else ""
    if thing.zone == "water":
        return fill(disc(thing.x, thing.y + 1, half * 0.95, 1.2 + half * 0.06), "#0c2440", 0.25)
    if above:
        return fill(disc(thing.x + half * 0.35 + aside, thing.y - 0.4, half * 1.15, 1.4 + half * 0.2), "#10142c", 0.32)
    return fill(disc(thing.x + aside * 0.5, thing.y - 0.2, half * 0.92, 0.9 + half * 0.1), "#10142c", 0.26)

"""Every kind of thing: how it is drawn, how large, and where it can be."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from instructcir.worlds.landscapes import draw_animals as animals
from instructcir.worlds.landscapes import draw_buildings as buildings
from instructcir.worlds.landscapes import draw_objects as objects
from instructcir.worlds.landscapes import draw_people as people
from instructcir.worlds.landscapes import draw_plants as plants
from instructcir.worlds.landscapes import draw_vehicles as vehicles
from instructcir.worlds.landscapes.draw_palette import Paint

Zone = Literal["sky", "water", "ground"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A kind of thing as it is drawn.

    Attributes:
        draw: its SVG, standing at (0, 0).
        width: in the units that `draw` uses.
        height: in the same units.
        factor: how large it is beside other things of its size word.
    """

    draw: Callable[[Paint, random.Random], str]
    width: float
    height: float
    factor: float = 1.0

    @property
    def extent(self) -> float:
        """What is made as long as the size word asks: the height, or nearly the width of what is wide."""
        return max(self.height, 0.85 * self.width)


FIGURES: Mapping[str, Figure] = {
    "dog": Figure(animals.dog, 116, 88, 0.95),
    "cat": Figure(animals.cat, 76, 104, 0.9),
    "horse": Figure(animals.horse, 112, 106, 1.1),
    "cow": Figure(animals.cow, 118, 92, 1.1),
    "sheep": Figure(animals.sheep, 104, 82, 0.95),
    "bird": Figure(animals.bird, 106, 78, 0.9),
    "duck": Figure(animals.duck, 108, 70, 0.9),
    "car": Figure(vehicles.car, 108, 54),
    "bus": Figure(vehicles.bus, 118, 64, 1.12),
    "truck": Figure(vehicles.truck, 116, 68, 1.1),
    "bicycle": Figure(vehicles.bicycle, 104, 66),
    "boat": Figure(vehicles.boat, 94, 102, 1.1),
    "balloon": Figure(vehicles.balloon, 78, 106, 1.1),
    "plane": Figure(vehicles.plane, 116, 60),
    "tree": Figure(plants.tree, 84, 102, 1.18),
    "pine": Figure(plants.pine, 70, 106, 1.18),
    "palm": Figure(plants.palm, 102, 112, 1.18),
    "cactus": Figure(plants.cactus, 72, 108),
    "flower": Figure(plants.flower, 70, 108, 0.95),
    "house": Figure(buildings.house, 98, 94, 1.15),
    "tower": Figure(buildings.tower, 54, 114, 1.25),
    "lighthouse": Figure(buildings.lighthouse, 74, 114, 1.25),
    "tent": Figure(buildings.tent, 116, 70),
    "windmill": Figure(buildings.windmill, 80, 110, 1.25),
    "person": Figure(people.person, 20, 48, 1.12),
    "child": Figure(people.child, 23, 34, 0.95),
    "umbrella": Figure(objects.umbrella, 108, 102, 1.05),
    "bench": Figure(objects.bench, 110, 58),
    "ball": Figure(objects.ball, 90, 86, 0.82),
    "kite": Figure(objects.kite, 68, 114),
    "lamp": Figure(objects.lamp, 54, 108, 1.15),
    "chair": Figure(objects.chair, 62, 102),
    "table": Figure(objects.table, 110, 96),
}

_FLYING = ("bird", "balloon", "plane", "kite")
_AFLOAT = ("boat", "duck", "lighthouse")


def zone_of(kind: str, setting: str) -> Zone:
    """Where a kind of thing is in a setting."""
    if kind in _FLYING:
        return "sky"
    if setting in ("sea", "lake") and (kind in _AFLOAT or (kind == "windmill" and setting == "sea")):
        return "water"
    return "ground"

"""Where the things of a scene are: in thirds from left to right, in rows from far to near, none hiding another."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from instructcir.worlds.landscapes.draw_figures import FIGURES, Zone, zone_of
from instructcir.worlds.landscapes.draw_scene import Scene
from instructcir.worlds.landscapes.facts import POSITIONS, things
from instructcir.worlds.world import Facts

_SIZES: Mapping[str, Mapping[str, float]] = {
    "near": {"small": 16.0, "big": 37.0},
    "far": {"small": 12.2, "big": 28.0},
    "above": {"small": 12.2, "big": 28.0},
}
_MIDDLES = {"left": 22.0, "centre": 64.0, "right": 106.0}
_REACH = 50.0  # of a group from left to right; a third is 43
_FEWER = {1: 1.05, 2: 0.96, 3: 0.83, 4: 0.77}  # big things are drawn a little smaller where there are many
_CROWDED = {1: 1.0, 2: 0.84, 3: 0.76}  # and where groups share a third
_LEAST = 0.7  # but never so small that big could be taken for small


@dataclass(frozen=True, slots=True)
class Placed:
    """One thing in the picture: its kind and colour, the middle of its foot, its scale, whether it faces left."""

    kind: str
    colour: str
    zone: Zone
    x: float
    y: float
    scale: float
    mirrored: bool
    seed: str


@dataclass(frozen=True, slots=True)
class _Group:
    """A group before it has a place: `rows` of things, `pitch` apart in a row and `step` from row to row."""

    kind: str
    colour: str
    zone: Zone
    count: int
    scale: float
    rows: int
    pitch: float
    step: float

    @property
    def height(self) -> float:
        return FIGURES[self.kind].height * self.scale

    @property
    def depth(self) -> float:
        return (self.rows - 1) * self.step


def placed(facts: Facts, scene: Scene) -> list[Placed]:
    """All things of a scene with their places, from far to near."""
    about = list(things(facts))
    result: list[Placed] = []
    for position in POSITIONS:
        here = [(kind, each) for kind, each in about if each["position"] == position]
        zones = [zone_of(kind, scene.setting) for kind, _ in here]
        groups = [_group(kind, each, scene, len(here)) for kind, each in here]
        for zone in ("sky", "water", "ground"):
            stack = [group for group in groups if group.zone == zone]
            result += _stacked(stack, _MIDDLES[position], scene, crowded=len(set(zones)) > 1)
    return sorted(
        result, key=lambda thing: thing.y + (-200 if thing.zone == "sky" and scene.viewpoint != "above" else 0)
    )


def _group(kind: str, about: Mapping[str, str], scene: Scene, neighbours: int) -> _Group:
    figure, count, rng = FIGURES[kind], int(about["count"]), scene.chance(f"{kind} size")
    size = _SIZES[scene.viewpoint][about["size"]]
    if about["size"] == "big":
        size *= max(_FEWER[count] * _CROWDED[neighbours], _LEAST)
    scale = size * figure.factor * rng.uniform(0.95, 1.06) / figure.extent
    width, height = figure.width * scale, figure.height * scale
    columns = _columns(count, width)
    rows = -(-count // columns)
    pitch = min(width * 1.12, (_REACH - width) / (columns - 1)) if columns > 1 else max(3.0, _REACH - width)
    step = height * (0.7 if columns == 1 else 0.6 if figure.width > figure.height else 0.5)
    return _Group(kind, about["colour"], zone_of(kind, scene.setting), count, scale, rows, pitch, max(step, 7.0))


def _columns(count: int, width: float) -> int:
    """Things in a row: all of them where there is room, else half of them, which may hide half of each other."""
    if count * width * 0.95 <= _REACH:
        return count
    half, apart = (-(-count // 2), 0.5) if count > 2 else (2, 0.66)
    return half if width * (1 + apart * (half - 1)) <= _REACH else 1


def _stacked(groups: Sequence[_Group], middle: float, scene: Scene, *, crowded: bool) -> list[Placed]:
    """The things of the groups that share a third and a zone: tall ones behind, each group clear of the next."""
    if not groups:
        return []
    zone = groups[0].zone
    groups = sorted(groups, key=lambda group: group.height)
    gaps = [0.86 * near.height if zone != "sky" else near.height + 2 for near in groups[:-1]]
    depth = sum(group.depth for group in groups) + sum(gaps)
    front = _front(groups, zone, depth, scene, crowded)
    back = {"sky": scene.sky[0] + groups[-1].height, "water": scene.water[0], "ground": scene.ground[0]}[zone]
    squeeze = min(1.0, max(front - back, 8.0) / depth) if depth else 1.0
    result: list[Placed] = []
    y = front
    sway = 5.0 * scene.chance("sway").choice((-1, 1)) if len(groups) > 1 else 0.0
    for number, group in enumerate(groups):
        result += _spread(group, middle + sway * (-1) ** number, y, squeeze, scene)
        y -= (group.depth + (gaps[number] if number < len(gaps) else 0)) * squeeze
    return result


def _front(groups: Sequence[_Group], zone: Zone, depth: float, scene: Scene, crowded: bool) -> float:
    """Y of the foremost things' feet."""
    rng = scene.chance(f"{groups[0].kind} depth")
    if zone == "sky":
        top, bottom = scene.sky
        least = top + groups[-1].height + depth
        return least + (0.0 if crowded else rng.random() * max(0.0, bottom - least))
    far, near = scene.water if zone == "water" else scene.ground
    if crowded and zone == "water":
        return min(near, far + depth + 1)
    # large things stand further away, so that they do not hide small ones beside them
    share = rng.uniform(0.6, 1) if groups[0].height < 0.62 * _SIZES[scene.viewpoint]["big"] else rng.uniform(0.15, 0.6)
    if crowded:
        share = max(share, 0.6)
    return min(near, max(far + depth, far + (near - far) * share))


def _spread(group: _Group, middle: float, y: float, squeeze: float, scene: Scene) -> list[Placed]:
    """The things of one group, the nearest row at `y`."""
    rng = scene.chance(f"{group.kind} spread")
    columns, left = -(-group.count // group.rows), group.count
    half = FIGURES[group.kind].width * group.scale / 2
    aside = (0.25 if columns > 1 else 0.5) * group.pitch if group.rows > 1 else 0.0
    span = half + aside + (columns - 1) / 2 * group.pitch + 1
    middle = min(max(middle, span), 128 - span)
    mirrored = rng.random() < 0.5
    result = []
    for row in range(group.rows):
        number = min(columns, left)
        left -= number
        shift = aside if row % 2 else -aside
        for column in range(number):
            x = middle + shift + (column - (number - 1) / 2) * group.pitch + rng.uniform(-0.6, 0.6)
            down = rng.uniform(-1.2, 1.2) + (column % 2) * min(3.0, 0.12 * group.height)
            x = min(max(x, half + 0.5), 127.5 - half)
            foot = min(y - row * group.step * squeeze + down, 125.0)
            seed = f"{scene.seed} {group.kind} {row} {column}"
            result.append(Placed(group.kind, group.colour, group.zone, x, foot, group.scale, mirrored, seed))
    return result


def rng_of(thing: Placed) -> random.Random:
    """Chance for one thing: its pose and shade."""
    return random.Random(thing.seed)

"""How garments are cut: silhouettes in units of the 128-unit canvas, the neck or waist at (0, 0), y downwards."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from instructcir.worlds.shapes import Point, data, polygon, smooth
from instructcir.worlds.world import Facts


@dataclass(frozen=True, slots=True)
class Sleeve:
    """One sleeve.

    Attributes:
        shape: path data.
        start: middle of the armhole.
        along: unit vector from the shoulder to the hand.
        cuff: the two corners of its end.
    """

    shape: str
    start: Point
    along: Point
    cuff: tuple[Point, Point]


@dataclass(frozen=True, slots=True)
class Cut:
    """A garment's geometry.

    Attributes:
        body: path data of everything but the sleeves.
        inside: path data of the lining seen in the neck opening, empty for none.
        sleeves: none or two.
        profile: (y, half the width) from top to bottom.
        neck: half the width of the neck opening, or of the waistband.
        depth: y of the lowest point of the neck opening.
        waist: y of a belt.
        fork: y where the legs part, or 0 for a garment without.
        hem: y of the lower end.
        ankle: x of a leg's inner edge at the hem, 0 for a garment without legs.
        shoulder: x of the shoulder point.
        scale: how large the garment is drawn.
    """

    body: str
    inside: str
    sleeves: tuple[Sleeve, ...]
    profile: tuple[Point, ...]
    neck: float
    depth: float
    waist: float
    fork: float
    hem: float
    ankle: float
    shoulder: float
    scale: float

    @property
    def reach(self) -> float:
        """Largest distance of any part from the middle."""
        corners = [abs(x) for sleeve in self.sleeves for x, _ in sleeve.cuff]
        return max([half for _, half in self.profile] + corners)

    def covers(self, x: float, y: float, margin: float) -> bool:
        """Whether a place is on the garment or at most about `margin` beside it."""
        if abs(x) < self.half(y) + margin:
            return True
        for sleeve in self.sleeves[: 1 if x > 0 else 0] + self.sleeves[1:]:
            right, down = x - sleeve.start[0], y - sleeve.start[1]
            if abs(right * sleeve.along[1] - down * sleeve.along[0]) < 11 + margin:
                return True
        return False

    def half(self, y: float) -> float:
        """Half the width of the body at a height."""
        for (top, wide), (bottom, wider) in itertools.pairwise(self.profile):
            if y <= bottom:
                return wide + (wider - wide) * max(0.0, y - top) / (bottom - top)
        return self.profile[-1][1]


_UPPER = ("dress", "t-shirt", "shirt", "blouse", "sweater", "hoodie", "jacket", "coat", "jumpsuit")
_LENGTHS = {
    "dress": (64, 84, 105),
    "skirt": (32, 52, 78),
    "t-shirt": (40, 55, 73),
    "shirt": (42, 58, 77),
    "blouse": (41, 55, 72),
    "sweater": (41, 55, 73),
    "hoodie": (41, 55, 73),
    "jacket": (40, 55, 73),
    "coat": (64, 82, 103),
    "trousers": (64, 83, 104),
    "shorts": (33, 44, 58),
    "jumpsuit": (70, 86, 105),
}
"""Hems for short, regular and long."""
_SCALES = {"dress": 1.04, "coat": 1.05, "jumpsuit": 1.04, "trousers": 1.04, "skirt": 1.25, "shorts": 1.45}
_SHOULDERS = {"fitted": 18.5, "regular": 21.0, "loose": 25.0}
_WIDTHS: dict[str, dict[str, tuple[float, float, float, float]]] = {
    "top": {"fitted": (18, 15, 18.5, 20), "regular": (22.5, 21.5, 23, 24), "loose": (29, 30.5, 32, 33)},
    "blouse": {"fitted": (17, 13.5, 20, 23), "regular": (22, 18, 27, 31), "loose": (27, 26, 34, 39)},
    "dress": {"fitted": (17, 12.5, 18, 19), "regular": (20, 16, 24, 40), "loose": (25, 24, 33, 52)},
    "coat": {"fitted": (19, 16, 20, 23), "regular": (23, 23, 27, 32), "loose": (29, 31, 35, 42)},
    "jumpsuit": {"fitted": (17, 12.5, 18, 15), "regular": (20, 17, 23, 23), "loose": (26, 25, 31, 35)},
}
"""Half widths at chest, waist, hip and hem (or far below the hip)."""
_NECKS = {"round": (9.5, 9.0), "v-neck": (9.5, 25.0), "square": (11.5, 14.5), "turtleneck": (8.0, 2.0)}
_COLLARS = {"none": (8.0, 12.0), "pointed": (8.0, 10.0), "stand-up": (8.0, 4.0)}
_SLEEVES = {"short": 17.0, "three-quarter": 34.0, "long": 51.0}
_CUFFS = {"fitted": 4.4, "regular": 6.0, "loose": 9.0}


def cut_of(facts: Facts) -> Cut:
    """The cut that these facts ask for."""
    return _upper(facts) if facts["garment"] in _UPPER else _lower(facts)


def _hem_of(facts: Facts) -> float:
    return _LENGTHS[facts["garment"]][("short", "regular", "long").index(facts["length"])]


def _neck_of(facts: Facts) -> tuple[str, float, float]:
    if "neckline" in facts:
        return facts["neckline"], *_NECKS[facts["neckline"]]
    if "collar" in facts:
        return "v-neck", *_COLLARS[facts["collar"]]
    return "round", 9.0, 9.0


def _upper(facts: Facts) -> Cut:
    kind, fit, hem = facts["garment"], facts["fit"], _hem_of(facts)
    chest, waist, hip, low = _WIDTHS[kind if kind in _WIDTHS else "top"][fit]
    shoulder = _SHOULDERS[fit] - (3.5 if facts["sleeve"] == "sleeveless" else 0.0)
    fork = 58.0 if kind == "jumpsuit" else 0.0
    far = 104.0 if kind in ("dress", "coat", "jumpsuit") else 76.0
    anchors = [(23.0, chest), (40.0, waist), (57.0, hip), (far, low)]
    profile = _until(anchors, hem)
    shape, neck, depth = _neck_of(facts)
    front = _front(shape, neck, depth)
    right = data("M", neck, 0, "L", shoulder, 5, "C", shoulder - 3, 12, chest - 4, 19, chest, 23)
    sides = smooth([(half, y) for y, half in profile])
    bottom = _legs(profile, fork, hem, fit) if fork else _bottom(kind, profile[-1][1], hem)
    other = smooth([(-half, y) for y, half in reversed(profile)])
    left = data("C", 4 - chest, 19, 3 - shoulder, 12, -shoulder, 5, "L", -neck, 0)
    body = f"{right}{sides}{bottom}{other}{left}{front}Z"
    inside = "" if shape == "turtleneck" else data("M", neck, 0, "Q", 0, 3, -neck, 0) + front + "Z"
    sleeves = () if facts["sleeve"] == "sleeveless" else _sleeves(facts, shoulder, chest)
    whole = ((0.0, shoulder - 2), *profile)
    return Cut(
        body,
        inside,
        sleeves,
        whole,
        neck,
        depth,
        40.0,
        fork,
        hem,
        _ankle(fork, hem, fit),
        shoulder,
        _SCALES.get(kind, 1.22),
    )


def _until(anchors: list[Point], hem: float) -> tuple[Point, ...]:
    kept = [anchor for anchor in anchors if anchor[0] < hem - 4]
    (top, wide), (bottom, wider) = next(
        (pair for pair in itertools.pairwise(anchors) if pair[1][0] >= hem - 4), (anchors[-2], anchors[-1])
    )
    return (*kept, (hem, wide + (wider - wide) * (hem - top) / (bottom - top)))


def _front(shape: str, neck: float, depth: float) -> str:
    """The neck opening's lower edge from left to right."""
    if shape == "v-neck":
        return data("Q", -neck * 0.75, depth * 0.45, 0, depth, "Q", neck * 0.75, depth * 0.45, neck, 0)
    if shape == "square":
        return data("L", 0.5 - neck, depth, "L", neck - 0.5, depth, "L", neck, 0)
    return data("C", -neck * 0.95, depth * 1.32, neck * 0.95, depth * 1.32, neck, 0)


def _bottom(kind: str, half: float, hem: float) -> str:
    """The hem from right to left."""
    if kind == "shirt":  # a shirt's tail hangs lower in the middle
        return data(
            "C", half - 4, hem + 1, half - 7, hem + 6, 0, hem + 6, "C", 7 - half, hem + 6, 4 - half, hem + 1, -half, hem
        )
    if kind == "blouse":  # ruffles
        steps = 6
        wave = [
            data("Q", half - (2 * k + 1) * half / steps, hem + 6, half - (2 * k + 2) * half / steps, hem)
            for k in range(steps)
        ]
        return "".join(wave)
    return data("Q", 0, hem + (5 if kind in ("dress", "skirt") else 2.5), -half, hem)


def _legs(profile: tuple[Point, ...], fork: float, hem: float, fit: str) -> str:
    """The lower edge of both legs from right to left."""
    outer = profile[-1][1]
    inner = _ankle(fork, hem, fit)
    return data(
        "L", inner, hem + 1, "Q", inner * 0.4 + 0.6, fork + 8, 0, fork,
        "Q", -inner * 0.4 - 0.6, fork + 8, -inner, hem + 1, "L", -outer, hem,
    )  # fmt: skip


def _ankle(fork: float, hem: float, fit: str) -> float:
    """How far a leg's inner edge is from the middle at the hem; legs part more the longer they are."""
    if not fork:
        return 0.0
    apart = {"fitted": 5.0, "regular": 7.5, "loose": 9.0}[fit]
    return 1.5 + (apart - 1.5) * (hem - fork) / (104.0 - fork)


def _sleeves(facts: Facts, shoulder: float, chest: float) -> tuple[Sleeve, ...]:
    length, width = _SLEEVES[facts["sleeve"]], _CUFFS[facts["fit"]]
    if facts["garment"] in ("coat", "jacket", "hoodie", "sweater"):
        width += 1.0
    angle = math.radians(32 if facts["sleeve"] == "short" else 23)
    along = (math.sin(angle), math.cos(angle))
    across = (along[1], -along[0])
    start = (shoulder - 1.0, 13.0)
    end = (start[0] + along[0] * length, start[1] + along[1] * length)
    outer = (end[0] + across[0] * width, end[1] + across[1] * width)
    inner = (end[0] - across[0] * width, end[1] - across[1] * width)
    puff = 5.0 if facts["garment"] == "blouse" else 1.5
    middle = ((shoulder + outer[0]) / 2 + puff, (5 + outer[1]) / 2 - puff * 0.4)
    shape = data("M", shoulder - 4, 3.6, "L", shoulder, 5) + smooth([(shoulder, 5), middle, outer])
    pit = (chest - 1.0, 25.0)
    below = ((pit[0] + inner[0]) / 2 + puff * 0.2, (pit[1] + inner[1]) / 2 + puff * 0.8)
    shape += data("L", *inner) + smooth([inner, below, pit]) + data("L", shoulder - 6, 14, "Z")
    right = Sleeve(shape, start, along, (outer, inner))
    return right, _mirrored(right)


def _mirrored(sleeve: Sleeve) -> Sleeve:
    """The left sleeve; every command of a sleeve's path takes x and y in turn."""
    tokens = sleeve.shape.replace("C", " C ").replace("L", " L ").replace("Z", " Z ").split()
    flipped, horizontal = [], True
    for token in tokens:
        if token.isalpha():
            flipped.append(token)
            continue
        flipped.append(data(-float(token)) if horizontal else token)
        horizontal = not horizontal
    (a, b), (c, d) = sleeve.cuff
    x, y = sleeve.start
    return Sleeve(" ".join(flipped), (-x, y), (-sleeve.along[0], sleeve.along[1]), ((-a, b), (-c, d)))


def _lower(facts: Facts) -> Cut:
    kind, fit, hem = facts["garment"], facts["fit"], _hem_of(facts)
    fork = 0.0 if kind == "skirt" else 28.0
    waist = {"fitted": 16.0, "regular": 17.5, "loose": 19.5}[fit]
    if kind == "skirt":
        anchors = [(0.0, waist), (16.0, _SKIRT_HIP[fit]), (78.0, _SKIRT_HEM[fit])]
    else:
        anchors = [(0.0, waist), (20.0, _TROUSER_HIP[fit]), (104.0, _TROUSER_HEM[fit])]
    profile = _until(anchors, hem)
    outer = profile[-1][1]
    sides = smooth([(half, y) for y, half in profile])
    bottom = _legs(profile, fork, hem, fit) if fork else _bottom(kind, outer, hem)
    other = smooth([(-half, y) for y, half in reversed(profile)])
    body = data("M", waist, 0) + sides + bottom + other + data("Q", 0, 2.5, waist, 0, "Z")
    inside = polygon([(waist, 0), (0, -2), (-waist, 0), (0, 1.5)])
    return Cut(body, inside, (), profile, waist, 1.0, 3.5, fork, hem, _ankle(fork, hem, fit), waist, _SCALES[kind])


_SKIRT_HIP = {"fitted": 21.0, "regular": 24.0, "loose": 30.0}
_SKIRT_HEM = {"fitted": 20.0, "regular": 34.0, "loose": 47.0}
_TROUSER_HIP = {"fitted": 20.0, "regular": 23.0, "loose": 27.0}
_TROUSER_HEM = {"fitted": 15.0, "regular": 24.0, "loose": 37.0}

"""What can be true of a scene, and random scenes.

A scene holds one to three groups of things, six things at most in all. A group is all things of one kind; they share
colour and size and stand together. Its facts are "dog.count", "dog.colour", "dog.size" and "dog.position".
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

from instructcir.worlds.world import Facts

SETTINGS = ("sea", "lake", "hills", "mountains", "city", "desert", "meadow", "room")
TIMES = ("dawn", "day", "sunset", "night")
WEATHERS = ("clear", "cloudy", "rain", "snow", "fog")
SEASONS = ("spring", "summer", "autumn", "winter")
VIEWPOINTS = ("near", "far", "above")
COUNTS = ("1", "2", "3", "4")
SIZES = ("small", "big")
POSITIONS = ("left", "centre", "right")
MOST_THINGS = 6

_OUTDOORS = ("sea", "lake", "hills", "mountains", "city", "desert", "meadow")
_GREEN = ("lake", "hills", "mountains", "city", "meadow")  # settings with plants, whose season shows
_LAND = ("lake", "hills", "mountains", "city", "desert", "meadow")
_BRIGHT = ("red", "blue", "green", "yellow", "white", "purple", "orange", "pink")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of thing: the colours it comes in, and where it can be."""

    colours: tuple[str, ...]
    settings: tuple[str, ...]


KINDS: dict[str, Kind] = {
    "dog": Kind(("brown", "black", "white", "orange"), (*_LAND, "room")),
    "cat": Kind(("black", "white", "grey", "orange"), ("city", "meadow", "hills", "room")),
    "horse": Kind(("brown", "black", "white", "grey"), ("hills", "mountains", "desert", "meadow", "lake")),
    "cow": Kind(("brown", "black", "white"), ("hills", "mountains", "meadow", "lake")),
    "sheep": Kind(("white", "black", "brown"), ("hills", "mountains", "meadow")),
    "bird": Kind(("black", "white", "red", "blue", "yellow"), _OUTDOORS),
    "duck": Kind(("white", "brown", "yellow", "green"), ("sea", "lake", "meadow")),
    "car": Kind(_BRIGHT, ("hills", "city", "desert", "mountains")),
    "bus": Kind(("red", "blue", "green", "yellow", "white", "orange"), ("hills", "city", "desert")),
    "truck": Kind(("red", "blue", "green", "yellow", "white", "orange"), ("hills", "city", "desert", "mountains")),
    "bicycle": Kind(("red", "blue", "green", "yellow", "black", "pink"), ("city", "meadow", "lake", "room")),
    "boat": Kind(("red", "blue", "green", "yellow", "white", "orange"), ("sea", "lake")),
    "balloon": Kind(_BRIGHT, _OUTDOORS),
    "plane": Kind(("red", "blue", "white", "yellow"), _OUTDOORS),
    "tree": Kind(("green", "pink", "yellow", "orange", "red"), ("lake", "hills", "city", "meadow")),
    "pine": Kind(("green", "blue", "white"), ("lake", "hills", "mountains", "meadow")),
    "palm": Kind(("green", "yellow"), ("sea", "desert", "city")),
    "cactus": Kind(("green", "blue"), ("desert", "room")),
    "flower": Kind(("red", "yellow", "white", "purple", "orange", "pink", "blue"), ("hills", "meadow", "lake", "room")),
    "house": Kind(("white", "red", "blue", "yellow", "brown", "pink"), _LAND),
    "tower": Kind(("grey", "white", "red", "brown"), ("hills", "mountains", "city", "desert")),
    "lighthouse": Kind(("red", "white", "blue", "black"), ("sea", "lake")),
    "tent": Kind(_BRIGHT, ("lake", "hills", "mountains", "desert", "meadow")),
    "windmill": Kind(("white", "red", "brown", "grey"), ("hills", "meadow", "sea", "lake")),
    "person": Kind(("red", "blue", "green", "yellow", "black", "purple"), (*_LAND, "room")),
    "child": Kind(("red", "blue", "green", "yellow", "pink", "orange"), (*_LAND, "room")),
    "umbrella": Kind(_BRIGHT, ("sea", "city", "lake", "meadow", "room")),
    "bench": Kind(("brown", "green", "white", "red", "grey"), ("city", "meadow", "lake", "hills")),
    "ball": Kind(_BRIGHT, ("sea", "meadow", "city", "desert", "room")),
    "kite": Kind(_BRIGHT, ("sea", "hills", "meadow", "desert", "lake")),
    "lamp": Kind(("yellow", "white", "red", "green", "blue"), ("city", "room")),
    "chair": Kind(("brown", "white", "red", "blue", "green", "black"), ("sea", "meadow", "room")),
    "table": Kind(("brown", "white", "black", "grey"), ("meadow", "room")),
}
"""Kinds of things. A person's or child's colour is that of the clothes; a lamp in the city is a street lamp."""

THING_FACTS = ("count", "colour", "size", "position")
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "setting": SETTINGS,
    "time": TIMES,
    "weather": WEATHERS,
    "season": SEASONS,
    "viewpoint": VIEWPOINTS,
    **{
        f"{kind}.{name}": {"count": COUNTS, "colour": about.colours, "size": SIZES, "position": POSITIONS}[name]
        for kind, about in KINDS.items()
        for name in THING_FACTS
    },
}
HELD_OUT_BETWEEN = (
    ("setting", "time"), ("setting", "weather"), ("setting", "viewpoint"),
    *((f"{kind}.colour", "setting") for kind in KINDS),
    *((f"{kind}.colour", f"{kind}.count") for kind in KINDS),
)  # fmt: skip


def place_attributes(setting: str) -> tuple[str, ...]:
    """Attributes of the place itself: a room has no weather and no season, and only what is green shows a season."""
    if setting == "room":
        return ("setting", "time", "viewpoint")
    return ("setting", "time", "weather", *(("season",) if setting in _GREEN else ()), "viewpoint")


def kinds_in(facts: Facts) -> list[str]:
    """Kinds of the things in a scene, in the order of `KINDS`."""
    return [kind for kind in KINDS if f"{kind}.count" in facts]


def kinds_for(setting: str) -> list[str]:
    """Kinds of things that can be in a setting."""
    return [kind for kind, about in KINDS.items() if setting in about.settings]


def number_of_things(facts: Facts) -> int:
    """How many things there are in all."""
    return sum(int(facts[f"{kind}.count"]) for kind in kinds_in(facts))


def is_possible(facts: Facts) -> bool:
    """Whether these facts can be drawn: values known, attributes that apply present, none that do not."""
    setting = facts.get("setting")
    if setting not in SETTINGS:
        return False
    kinds = kinds_in(facts)
    names = {*place_attributes(setting), *(f"{kind}.{name}" for kind in kinds for name in THING_FACTS)}
    if names != set(facts) or any(value not in ATTRIBUTES[name] for name, value in facts.items()):
        return False
    fits = all(setting in KINDS[kind].settings for kind in kinds)
    return fits and 1 <= len(kinds) <= 3 and number_of_things(facts) <= MOST_THINGS


def sample(rng: random.Random) -> dict[str, str]:
    """Facts of a random scene."""
    facts = complete_place({"setting": rng.choice(SETTINGS)}, rng)
    kinds = rng.sample(kinds_for(facts["setting"]), rng.choice((1, 2, 2, 3, 3)))
    left = MOST_THINGS - len(kinds)
    for kind in kinds:
        more = min(rng.choice((0, 0, 0, 1, 1, 2, 3)), left)
        left -= more
        facts |= group(kind, rng, count=str(1 + more))
    return ordered(facts)


def complete_place(facts: Facts, rng: random.Random) -> dict[str, str]:
    """The place's attributes, those missing chosen at random, those that do not apply to the setting left out."""
    names = place_attributes(facts["setting"])
    return {name: facts.get(name) or rng.choice(ATTRIBUTES[name]) for name in names}


def group(kind: str, rng: random.Random, **known: str) -> dict[str, str]:
    """Facts of one group of things, those not given chosen at random."""
    return {f"{kind}.{name}": known.get(name) or rng.choice(ATTRIBUTES[f"{kind}.{name}"]) for name in THING_FACTS}


def ordered(facts: Facts) -> dict[str, str]:
    """The same facts in the order of `ATTRIBUTES`."""
    return {name: facts[name] for name in ATTRIBUTES if name in facts}


def things(facts: Facts) -> Iterable[tuple[str, dict[str, str]]]:
    """Each kind in the scene with its own facts: ("dog", {"count": "2", "colour": "brown", ...})."""
    for kind in kinds_in(facts):
        yield kind, {name: facts[f"{kind}.{name}"] for name in THING_FACTS}

"""Random edits of the place: setting, time, weather, season and viewpoint.

Comparatives are orders that a fair reader would agree to:

- "later" and "earlier": dawn, day, sunset, night, within one day;
- "darker" and "lighter" (of the hour): night is darker than dawn and sunset, these are darker than day;
- "better" and "worse" (of the weather): clear is better than cloudy, cloudy is better than rain, snow and fog;
- "warmer" and "colder" (of the season): winter is colder than spring and autumn, these are colder than summer;
- "closer" and "further": between near and far; a view from above is neither.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from instructcir.worlds.landscapes.facts import ATTRIBUTES, KINDS, SETTINGS, kinds_in, place_attributes
from instructcir.worlds.landscapes.wish import Wish, others, wish
from instructcir.worlds.world import Facts

RANKS: dict[str, dict[tuple[str, str], dict[str, int]]] = {
    "time": {
        ("later", "earlier"): {"dawn": 0, "day": 1, "sunset": 2, "night": 3},
        ("lighter", "darker"): {"night": 0, "dawn": 1, "sunset": 1, "day": 2},
    },
    "weather": {("better", "worse"): {"clear": 2, "cloudy": 1, "rain": 0, "snow": 0, "fog": 0}},
    "season": {("warmer", "colder"): {"winter": 0, "spring": 1, "autumn": 1, "summer": 2}},
    "viewpoint": {("closer", "further"): {"near": 1, "far": 0}},
}
"""Attribute -> (upward, downward) comparative -> rank of each value; a value without a rank is not compared."""

_TO = 0.68  # share of edits that name the new value
_NOT = 0.25  # of the others, share that only say what it shall not be


def time(facts: Facts, rng: random.Random) -> Wish | None:
    """Another time of day: named, compared ("later"), or only not the present one."""
    return _plain("time", facts, rng)


def weather(facts: Facts, rng: random.Random) -> Wish | None:
    """Another weather; None indoors."""
    return _plain("weather", facts, rng)


def season(facts: Facts, rng: random.Random) -> Wish | None:
    """Another season; None where no season shows."""
    return _plain("season", facts, rng)


def viewpoint(facts: Facts, rng: random.Random) -> Wish | None:
    """Another viewpoint."""
    return _plain("viewpoint", facts, rng)


def _plain(name: str, facts: Facts, rng: random.Random) -> Wish | None:
    """An edit of one attribute of the place that has no knock-on effects."""
    if name not in facts:
        return None
    old = facts[name]
    if rng.random() < _TO:
        new = rng.choice(others(name, old))
        return wish(name, facts, rng, {name: (new,)}, form="to", **{"from": old, "to": new})
    if rng.random() < _NOT:
        return wish(name, facts, rng, {name: others(name, old)}, form="not", **{"from": old})
    (up, down), rank = rng.choice(list(RANKS[name].items()))
    if old not in rank:
        return None
    form = rng.choice((up, down))
    sign = 1 if form == up else -1
    values = tuple(value for value in ATTRIBUTES[name] if value in rank and sign * (rank[value] - rank[old]) > 0)
    return wish(name, facts, rng, {name: values}, form=form, **{"from": old}) if values else None


def setting(facts: Facts, rng: random.Random) -> Wish | None:
    """Another place that everything in the scene can be in, named ("to") or only not the present one ("other").

    What does not apply there becomes absent. What newly applies is free, unless a word about it is said along:
    "in wintry hills". None where the things can be nowhere else.
    """
    old = facts["setting"]
    kinds = kinds_in(facts)
    options = tuple(s for s in SETTINGS if s != old and all(s in KINDS[kind].settings for kind in kinds))
    if not options:
        return None
    if len(options) > 1 and rng.random() < 0.1:
        return _elsewhere(facts, rng, options)
    new = rng.choice(options)
    said = {"form": "to", "from": old, "to": new}
    allowed: dict[str, tuple[str | None, ...]] = {"setting": (new,)}
    for name in ("weather", "season"):
        if name in facts and name not in place_attributes(new):
            allowed[name] = (None,)
        elif name not in facts and name in place_attributes(new):
            allowed[name] = ATTRIBUTES[name]
            if rng.random() < 0.4:
                said[name] = rng.choice(ATTRIBUTES[name])
                allowed[name] = (said[name],)
    return wish("setting", facts, rng, allowed, **said)


def _elsewhere(facts: Facts, rng: random.Random, options: tuple[str, ...]) -> Wish:
    """Any other place. Weather and season stay where they apply both before and after."""
    allowed: dict[str, tuple[str | None, ...]] = {"setting": options}
    for name in ("weather", "season"):
        applies = [name in place_attributes(option) for option in options]
        values: tuple[str | None, ...] = (facts[name],) if name in facts else ATTRIBUTES[name]
        if any(applies) and not all(applies):
            allowed[name] = (*values, None)
        elif name in facts and not any(applies):
            allowed[name] = (None,)
        elif name not in facts and all(applies):
            allowed[name] = values
    found = wish("setting", facts, rng, allowed, form="other", **{"from": facts["setting"]})
    return Wish(found.edit, _applying(found.after, allowed, rng))


def _applying(after: Facts, allowed: Mapping[str, tuple[str | None, ...]], rng: random.Random) -> Facts:
    """The scene with weather and season present exactly where they apply to the chosen setting."""
    names = place_attributes(after["setting"])
    whole = {name: value for name, value in after.items() if name not in ("weather", "season") or name in names}
    for name in ("weather", "season"):
        if name in names and name not in whole:
            whole[name] = rng.choice([value for value in allowed[name] if value is not None])
    return whole

"""Edits of what a garment is made of: colour, pattern, the colour of the pattern."""

from __future__ import annotations

import random
from collections.abc import Mapping

from instructcir.worlds.wardrobe.facts import COLOURS, PATTERNS, values_of
from instructcir.worlds.world import Edit, Facts

BRIGHTNESS = {
    "black": 0, "navy": 1,
    "brown": 2, "purple": 2, "red": 2, "green": 2, "blue": 2, "teal": 2,
    "grey": 3, "orange": 3, "pink": 3,
    "beige": 4, "yellow": 4, "white": 5,
}  # fmt: skip
"""Steps of brightness. "Darker" and "lighter" mean any colour of another step; within one, people would not agree."""

_BRIGHTER, _DARKER = 1, -1


def colour(facts: Facts, rng: random.Random) -> Edit | None:
    """A wish for another main colour: a certain one, a darker or lighter one, or any other."""
    now = facts["colour"]
    form = rng.choices(("to", "darker", "lighter", "not"), (76, 8, 8, 8))[0]
    if form == "to":
        to = rng.choice([value for value in COLOURS if value not in (now, facts.get("second colour"))])
        return _edit("colour", {"colour": (to,)}, form=form, old=now, to=to)
    if form == "not":
        return _edit("colour", {"colour": _others(COLOURS, now)}, form=form, old=now)
    sign = _BRIGHTER if form == "lighter" else _DARKER
    values = tuple(value for value in COLOURS if (BRIGHTNESS[value] - BRIGHTNESS[now]) * sign > 0)
    return _edit("colour", {"colour": values}, form=form, old=now) if values else None


def second_colour(facts: Facts, rng: random.Random) -> Edit | None:
    """A wish for a pattern in another colour: a certain one, or any other."""
    now = facts.get("second colour")
    if now is None:
        return None
    said = {"pattern": facts["pattern"], "old": now}
    if rng.random() < 0.12:
        return _edit("second colour", {"second colour": _others(COLOURS, now)}, form="not", **said)
    to = rng.choice([value for value in COLOURS if value not in (now, facts["colour"])])
    return _edit("second colour", {"second colour": (to,)}, form="to", to=to, **said)


def pattern(facts: Facts, rng: random.Random) -> Edit:
    """A wish for a pattern, for another one, or for none.

    A new pattern is in any colour but the garment's if none is said, another pattern is in the colour that the old one
    was in. A print goes when a pattern comes, and does not come when the pattern goes.
    """
    if facts["pattern"] == "plain":
        return _added(facts, rng)
    form = rng.choices(("swap", "swap_in", "plain", "not"), (40, 20, 25, 15))[0]
    said = {"form": form, "old": facts["pattern"]}
    none: tuple[str | None, ...] = ("none",) if values_of(facts["garment"], "print") else (None,)
    values: dict[str, tuple[str | None, ...]]
    if form == "plain":
        return _edit("pattern", _real(facts, {"pattern": ("plain",), "second colour": (None,), "print": none}), **said)
    if form == "not":
        values = {
            "pattern": _others(PATTERNS, facts["pattern"]),
            "second colour": (*COLOURS, None),
            "print": (None, *none),
        }
        return _edit("pattern", _real(facts, values), **said)
    to = rng.choice([value for value in PATTERNS if value not in ("plain", facts["pattern"])])
    if form == "swap":
        return _edit("pattern", {"pattern": (to,)}, to=to, **said)
    second = rng.choice([value for value in COLOURS if value not in (facts["colour"], facts["second colour"])])
    return _edit("pattern", {"pattern": (to,), "second colour": (second,)}, to=to, second=second, **said)


def _added(facts: Facts, rng: random.Random) -> Edit:
    to = rng.choice(PATTERNS[1:])
    if rng.random() < 0.5:
        values = _real(facts, {"pattern": (to,), "second colour": COLOURS, "print": (None,)})
        return _edit("pattern", values, form="add", to=to)
    second = rng.choice([value for value in COLOURS if value != facts["colour"]])
    values = _real(facts, {"pattern": (to,), "second colour": (second,), "print": (None,)})
    return _edit("pattern", values, form="add_in", to=to, second=second)


def _real(facts: Facts, values: dict[str, tuple[str | None, ...]]) -> dict[str, tuple[str | None, ...]]:
    """The values without the print of a garment that has none, plain or not."""
    return values if values_of(facts["garment"], "print") else {n: v for n, v in values.items() if n != "print"}


def _others(values: tuple[str, ...], value: str) -> tuple[str | None, ...]:
    return tuple(other for other in values if other != value)


def _edit(kind: str, values: Mapping[str, tuple[str | None, ...]], **said: str) -> Edit:
    return Edit(kind, {name: frozenset(options) for name, options in values.items()}, said)

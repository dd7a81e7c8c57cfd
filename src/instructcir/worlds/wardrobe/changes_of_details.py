"""Edits of details: neckline, collar, closure, pocket, belt, print; and of where the garment is shown."""

from __future__ import annotations

import random

from instructcir.worlds.wardrobe.facts import values_of
from instructcir.worlds.world import Edit, Facts


def neckline(facts: Facts, rng: random.Random) -> Edit | None:
    """A wish for a certain neckline, or for any other."""
    return _replaced("neckline", facts, rng)


def setting(facts: Facts, rng: random.Random) -> Edit | None:
    """A wish to see the garment in a certain place, or in any other."""
    return _replaced("setting", facts, rng)


def collar(facts: Facts, rng: random.Random) -> Edit | None:
    """A wish for a certain collar, for any, or for none."""
    return _detail("collar", facts, rng)


def closure(facts: Facts, rng: random.Random) -> Edit | None:
    """A wish for buttons or a zip, or for anything but those that there are."""
    return _detail("closure", facts, rng)


def pocket(facts: Facts, rng: random.Random) -> Edit | None:
    """A wish for certain pockets, for any, or for none."""
    return _detail("pocket", facts, rng)


def belt(facts: Facts, rng: random.Random) -> Edit | None:
    """A wish for a belt, or for none."""
    return _detail("belt", facts, rng)


def print_(facts: Facts, rng: random.Random) -> Edit | None:
    """A wish for a certain print, for any, for any other, or for none."""
    if facts.get("print", "none") != "none" and rng.random() < 0.15:
        others = (value for value in values_of(facts["garment"], "print") if value not in ("none", facts["print"]))
        return _edit("print", tuple(others), form="not", old=facts["print"])
    return _detail("print", facts, rng)


def _replaced(name: str, facts: Facts, rng: random.Random) -> Edit | None:
    """One value in the place of another, or any in its place."""
    if name not in facts:
        return None
    others = tuple(value for value in values_of(facts["garment"], name) if value != facts[name])
    if rng.random() < 0.14:
        return _edit(name, others, form="not", old=facts[name])
    to = rng.choice(others)
    return _edit(name, (to,), form="swap", old=facts[name], to=to)


def _detail(name: str, facts: Facts, rng: random.Random) -> Edit | None:
    """Something that comes, goes or is replaced.

    Who wants no buttons does not mind a zip, so that closure is then any other; who wants no pocket wants none at all.
    """
    now = facts.get(name)
    if now is None:
        return None
    others = tuple(value for value in values_of(facts["garment"], name) if value != now)
    new = tuple(value for value in others if value != "none")
    if now == "none":
        if len(new) > 1 and name != "closure" and rng.random() < 0.2:
            return _edit(name, new, form="any")
        to = rng.choice(new)
        return _edit(name, (to,), form="add", to=to)
    if not new or rng.random() < 0.4:
        return _edit(name, others if name == "closure" else ("none",), form="without", old=now)
    to = rng.choice(new)
    return _edit(name, (to,), form="swap", old=now, to=to)


def _edit(name: str, values: tuple[str, ...], **said: str) -> Edit:
    return Edit(name, {name: frozenset(values)}, said)

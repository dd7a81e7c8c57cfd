"""Edits of how a garment is cut: which garment it is, its sleeves, its length, its fit."""

from __future__ import annotations

import random

from instructcir.worlds.wardrobe.facts import ATTRIBUTES, values_of
from instructcir.worlds.world import Edit, Facts

_KEPT = ("garment", "colour", "pattern", "second colour")  # whatever the garment, these can stay


def garment(facts: Facts, rng: random.Random) -> Edit:
    """A wish for another garment like this one.

    What it does not have becomes absent, what only it has is free, and so is what it cannot have as it was.
    """
    old = facts["garment"]
    new = rng.choice([value for value in ATTRIBUTES["garment"] if value != old])
    allowed: dict[str, frozenset[str | None]] = {"garment": frozenset((new,))}
    for name in ATTRIBUTES:
        values = values_of(new, name) if name != "print" or facts["pattern"] == "plain" else ()
        if name in _KEPT or facts.get(name) in values or not (values or name in facts):
            continue
        allowed[name] = frozenset(values or (None,))
    return Edit("garment", allowed, {"form": "to", "old": old, "to": new})


def sleeve(facts: Facts, rng: random.Random) -> Edit | None:
    """A wish for sleeves of a certain length, longer or shorter ones, some, or none.

    Shorter sleeves are still sleeves: a sleeveless garment does not fulfil that wish.
    """
    if "sleeve" not in facts:
        return None
    values = values_of(facts["garment"], "sleeve")
    sleeves = tuple(value for value in values if value != "sleeveless")
    if facts["sleeve"] == "sleeveless":
        form = rng.choices(("give", "some"), (75, 25))[0]
        to = rng.choice(sleeves)
        return _edit("sleeve", sleeves if form == "some" else (to,), form=form, to=to)
    if "sleeveless" in values and rng.random() < 0.2:
        return _edit("sleeve", ("sleeveless",), form="without", old=facts["sleeve"])
    return _ordered(facts, rng, "sleeve", sleeves, "longer", "shorter")


def length(facts: Facts, rng: random.Random) -> Edit | None:
    """A wish for a certain length, or for a longer or shorter garment."""
    return _ordered(facts, rng, "length", ATTRIBUTES["length"], "longer", "shorter")


def fit(facts: Facts, rng: random.Random) -> Edit | None:
    """A wish for a certain fit, or for a looser or tighter one."""
    return _ordered(facts, rng, "fit", ATTRIBUTES["fit"], "looser", "tighter")


def _ordered(facts: Facts, rng: random.Random, name: str, values: tuple[str, ...], more: str, less: str) -> Edit | None:
    """A wish for one of some ordered values, or for all that lie further in one direction."""
    at = values.index(facts[name])
    form = rng.choices(("to", more, less), (44, 28, 28))[0]
    if form == "to":
        to = rng.choice([value for value in values if value != facts[name]])
        return _edit(name, (to,), form=form, old=facts[name], to=to)
    further = values[at + 1 :] if form == more else values[:at]
    return _edit(name, further, form=form, old=facts[name]) if further else None


def _edit(name: str, values: tuple[str, ...], **said: str) -> Edit:
    return Edit(name, {name: frozenset(values)}, said)

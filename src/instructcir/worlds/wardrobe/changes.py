"""Random changes of garments: one to three wishes that can be fulfilled together, and a garment that fulfils them."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace

from instructcir.errors import InputError
from instructcir.worlds.wardrobe.changes_of_cloth import colour, pattern, second_colour
from instructcir.worlds.wardrobe.changes_of_cut import fit, garment, length, sleeve
from instructcir.worlds.wardrobe.changes_of_details import belt, closure, collar, neckline, pocket, print_, setting
from instructcir.worlds.wardrobe.facts import is_possible
from instructcir.worlds.world import Change, Edit, Facts

MOST_EDITS = 3
_TRIES = 500
_KINDS: Mapping[str, tuple[int, Callable[[Facts, random.Random], Edit | None]]] = {
    "garment": (6, garment),
    "colour": (15, colour),
    "pattern": (14, pattern),
    "second colour": (8, second_colour),
    "sleeve": (11, sleeve),
    "length": (8, length),
    "fit": (8, fit),
    "neckline": (8, neckline),
    "collar": (9, collar),
    "closure": (7, closure),
    "pocket": (7, pocket),
    "belt": (8, belt),
    "print": (24, print_),
    "setting": (8, setting),
}
"""Kind of edit -> how often it is tried, and what makes one; it makes none where the kind does not apply."""
KINDS = tuple(_KINDS)


def change(facts: Facts, rng: random.Random, edits: int = 1) -> Change:
    """A random change that is possible from these facts.

    A new garment comes first among the edits, since the others are then said of it.

    Args:
        facts: a possible garment.
        rng: source of all choices.
        edits: 1 to `MOST_EDITS`; they touch different attributes.

    Raises:
        InputError: another number of edits, or facts from which nothing was found (none such are known).
    """
    if not 1 <= edits <= MOST_EDITS:
        raise InputError(f"{edits} edits: a change has 1 to {MOST_EDITS}")
    for _ in range(_TRIES):
        found = _attempt(facts, rng, _kinds(rng, edits))
        if found is not None:
            return found
    raise InputError(f"no change of {edits} edits was found for {dict(facts)}; are these possible facts?")


def _kinds(rng: random.Random, number: int) -> list[str]:
    """Different kinds, those of more weight more often; a new garment first, the rest in random order."""
    chosen: list[str] = []
    weights = [weight for weight, _ in _KINDS.values()]
    while len(chosen) < number:
        [kind] = rng.choices(KINDS, weights)
        if kind not in chosen:
            chosen.append(kind)
    return sorted(chosen, key=lambda kind: kind != "garment")


def _attempt(facts: Facts, rng: random.Random, kinds: list[str]) -> Change | None:
    """A change with edits of these kinds, each made for what those before it have left; None where that fails."""
    if {"pattern", "second colour"} <= set(kinds):
        return None  # both would speak of the same marks
    edits: list[Edit] = []
    possible: tuple[Edit, ...] = ()
    after = dict(facts)
    for kind in kinds:
        edit = _KINDS[kind][1](after, rng)
        if edit is None or any(edit.allowed.keys() & other.allowed.keys() for other in edits):
            return None
        edits.append(edit)
        possible = _apart(facts, edits)
        fulfilled = _fulfilled(facts, possible, rng)
        if fulfilled is None:
            return None
        after = fulfilled
    return Change(possible, after)


def _apart(facts: Facts, edits: list[Edit]) -> tuple[Edit, ...]:
    """The edits without colours that no possible garment has: those that leave the other colour nothing but itself."""
    allowed = {name: values for edit in edits for name, values in edit.allowed.items()}
    if not allowed.keys() & _PAIR.keys():
        return tuple(edits)
    others = {name: allowed.get(other, frozenset((facts.get(other),))) for name, other in _PAIR.items()}
    taken = {name: values for name, values in others.items() if len(values) == 1 and None not in values}
    return tuple(
        replace(edit, allowed={name: values - taken.get(name, frozenset()) for name, values in edit.allowed.items()})
        for edit in edits
    )


_PAIR = {"colour": "second colour", "second colour": "colour"}


def _fulfilled(facts: Facts, edits: tuple[Edit, ...], rng: random.Random) -> dict[str, str] | None:
    """A possible garment that fulfils the edits and is else as these facts; None where there seems to be none."""
    options = {name: sorted(values, key=str) for edit in edits for name, values in edit.allowed.items()}
    if not all(options.values()):
        return None
    for _ in range(_TRIES):
        after = {**facts, **{name: rng.choice(values) for name, values in options.items()}}
        target = {name: value for name, value in after.items() if value is not None}
        if is_possible(target):
            return target
    return None

"""Random changes of a scene: edits that are drawn one after the other, each from the scene the last one left."""

from __future__ import annotations

import random
from collections.abc import Callable

from instructcir.errors import InputError
from instructcir.worlds.landscapes import changes_of_place as place
from instructcir.worlds.landscapes import changes_of_things as things
from instructcir.worlds.landscapes.facts import ATTRIBUTES, MOST_THINGS, is_possible, kinds_in, ordered
from instructcir.worlds.landscapes.wish import Wish
from instructcir.worlds.world import Change, Edit, Facts

MAKERS: dict[str, tuple[Callable[[Facts, random.Random], Wish | None], float]] = {
    "setting": (place.setting, 1.5),
    "time": (place.time, 1.0),
    "weather": (place.weather, 1.0),
    "season": (place.season, 1.0),
    "viewpoint": (place.viewpoint, 0.8),
    "add": (things.add, 1.4),
    "remove": (things.remove, 1.2),
    "replace": (things.replace, 1.3),
    "count": (things.count, 1.6),
    "colour": (things.colour, 1.3),
    "size": (things.size, 0.7),
    "position": (things.position, 1.2),
}
"""Every kind of edit: what makes a random one (None where the scene allows none), and how often it is chosen."""

_MOST_TRIES = 10_000  # a change of three edits is found within a few tries; more would be a defect


def change(facts: Facts, rng: random.Random, edits: int = 1) -> Change:
    """A random change of a scene.

    Args:
        facts: a possible scene.
        rng: source of all choices.
        edits: how many edits, 1 to 3.

    Returns:
        Edits that touch different attributes, do not contradict each other, and that the reference itself fulfils
        none of; and one possible scene that fulfils them all.

    Raises:
        InputError: `edits` is not 1 to 3, or `facts` is no possible scene.
    """
    if edits not in (1, 2, 3):
        raise InputError(f"a change has 1 to 3 edits, not {edits}")
    if not is_possible(facts):
        raise InputError(f"not a possible scene: {dict(facts)}")
    names = list(MAKERS)
    weights = [weight for _, weight in MAKERS.values()]
    for _ in range(_MOST_TRIES):
        found = _attempt(facts, rng, rng.choices(names, weights, k=edits))
        if found is not None:
            return found
    raise InputError(f"found no change of {edits} edits for {dict(facts)}")


def _attempt(facts: Facts, rng: random.Random, kinds: list[str]) -> Change | None:
    """Edits of these kinds one after the other, or None where one is not possible or clashes with those before."""
    current: Facts = facts
    edits: list[Edit] = []
    for kind in kinds:
        wish = MAKERS[kind][0](current, rng)
        if wish is None or any(_clash(wish.edit, other) for other in edits):
            return None
        edits.append(wish.edit)
        current = wish.after
    change = Change(tuple(_with_room(edit, edits, current) for edit in edits), ordered(current))
    fulfilled_before = any(Change((edit,), facts).accepts(facts, facts) for edit in edits)
    sound = is_possible(change.target) and change.accepts(facts, change.target) and not fulfilled_before
    return change if sound else None


def _clash(edit: Edit, other: Edit) -> bool:
    """Whether two edits cannot be said together: same attribute, a thing both moved and pointed at, a contradiction."""
    if edit.allowed.keys() & other.allowed.keys():
        return True
    of_one_thing = "thing" in edit.said and edit.said["thing"] == other.said.get("thing")
    if of_one_thing and "count" in (edit.kind, other.kind):
        return True  # "one more dog and the dog black": one cannot tell which dogs are meant
    for one, two in ((edit, other), (other, edit)):
        pointed_at = one.said.get("beside")
        if pointed_at and any(name.startswith(f"{pointed_at}.") for name in two.allowed):
            return True
        # Where "anywhere but the city" may be depends on all the things there will be.
        if one.said["form"] == "other" and two.kind in ("add", "remove", "replace"):
            return True
        # "nothing but the house" and "no animals" leave no room for "and a dog".
        if one.said["form"] in ("only", "category") and two.kind in ("add", "replace"):
            return True
        if one.said["form"] == "only" and two.kind == "remove":
            return True
    return False


def _with_room(edit: Edit, edits: list[Edit], target: Facts) -> Edit:
    """The edit with counts left open limited to what fits beside the other things at their fewest."""
    least = dict.fromkeys(kinds_in(target), 0)
    for kind in least:
        least[kind] = int(target[f"{kind}.count"])
        for other in edits:
            counts = [int(value) for value in other.allowed.get(f"{kind}.count", ()) if value is not None]
            least[kind] = min([least[kind], *counts])
    allowed = dict(edit.allowed)
    for kind in least:
        name = f"{kind}.count"
        if len(allowed.get(name, ())) > 1:
            most = MOST_THINGS - sum(least.values()) + least[kind]
            old = edit.said.get("from", "")
            wanted = ATTRIBUTES[name] if edit.said["form"] == "fewer" else ATTRIBUTES[name][int(old or 1) :]
            if edit.said["form"] == "fewer":
                wanted = wanted[: int(old) - 1]
            allowed[name] = frozenset(value for value in wanted if int(value) <= most)
    return Edit(edit.kind, allowed, edit.said)

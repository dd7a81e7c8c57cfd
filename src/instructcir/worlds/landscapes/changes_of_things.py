"""Random edits of the things in a scene: adding, removing and replacing them, their count, colour, size and position.

What a fair reader would accept:

- added things: one ("a dog"), the number said ("two dogs"), or any number from two ("some dogs"); colour, size and
  position are free unless said;
- replaced things: as many as before, in the same place (the words give the number where it is not one); colour and
  size are free unless said, since a big dog is no measure for a cat;
- "more" and "fewer": every larger count that fits into the scene, every smaller one from one;
- "left of the tree": every position left of the tree's.
"""

from __future__ import annotations

import random

from instructcir.worlds.landscapes.facts import (
    ATTRIBUTES,
    COUNTS,
    MOST_THINGS,
    POSITIONS,
    THING_FACTS,
    kinds_for,
    kinds_in,
    number_of_things,
)
from instructcir.worlds.landscapes.wish import Wish, others, wish
from instructcir.worlds.world import Facts

CATEGORIES: dict[str, tuple[str, ...]] = {
    "animals": ("dog", "cat", "horse", "cow", "sheep", "bird", "duck"),
    "people": ("person", "child"),
    "birds": ("bird", "duck"),
    "trees": ("tree", "pine", "palm"),
    "vehicles": ("car", "bus", "truck"),
}
"""Words for several kinds at once, used where nobody could argue about what they cover."""
_MAYBE_VEHICLES = ("bicycle", "boat", "plane", "balloon")


def add(facts: Facts, rng: random.Random) -> Wish | None:
    """A kind of thing that is not there yet; None where there is no room."""
    kinds = kinds_in(facts)
    room = MOST_THINGS - number_of_things(facts)
    options = [kind for kind in kinds_for(facts["setting"]) if kind not in kinds]
    if len(kinds) == 3 or not room or not options:
        return None
    kind = rng.choice(options)
    form = rng.choice(("thing", "thing", "thing", "thing", "number", "some")) if room > 1 else "thing"
    counts = {"thing": COUNTS[:1], "number": (rng.choice(COUNTS[1:room]),) if room > 1 else (), "some": COUNTS[1:room]}
    said = {"form": form, "thing": kind, "count": counts[form][0] if form != "some" else "some"}
    allowed = {f"{kind}.{name}": ATTRIBUTES[f"{kind}.{name}"] for name in THING_FACTS}
    allowed[f"{kind}.count"] = counts[form]
    for name, chance in (("colour", 0.35), ("size", 0.15)):
        if rng.random() < chance:
            said[name] = rng.choice(allowed[f"{kind}.{name}"])
            allowed[f"{kind}.{name}"] = (said[name],)
    chance = rng.random()
    if chance < 0.22:
        said["position"] = rng.choice(POSITIONS)
        allowed[f"{kind}.position"] = (said["position"],)
    elif chance < 0.38:
        side, beside, positions = rng.choice(_sides(facts, kind) or [("", "", ())])
        if positions:
            said |= {"side": side, "beside": beside}
            allowed[f"{kind}.position"] = positions
    return wish("add", facts, rng, allowed, **said)


def _sides(facts: Facts, moved: str) -> list[tuple[str, str, tuple[str, ...]]]:
    """Every ("left" or "right", other kind, positions on that side of it) with at least one position."""
    found = []
    for kind in kinds_in(facts):
        at = POSITIONS.index(facts[f"{kind}.position"])
        for side, positions in (("left", POSITIONS[:at]), ("right", POSITIONS[at + 1 :])):
            if positions and kind != moved:
                found.append((side, kind, positions))
    return found


def remove(facts: Facts, rng: random.Random) -> Wish | None:
    """All things of one kind or two, of a category ("no animals"), or all but one kind; None if nothing remained."""
    kinds = kinds_in(facts)
    if len(kinds) == 1:
        return None
    form = rng.choice(("thing", "thing", "thing", "things", "only", "category", "category"))
    said = {"form": form}
    if form == "category":
        category = rng.choice(list(CATEGORIES))
        gone = [kind for kind in kinds if kind in CATEGORIES[category]]
        if category == "vehicles" and any(kind in _MAYBE_VEHICLES for kind in kinds):
            return None
        said["category"] = category
    elif form == "only":
        said["thing"] = rng.choice(kinds)
        gone = [kind for kind in kinds if kind != said["thing"]]
    else:
        gone = rng.sample(kinds, 2 if form == "things" else 1)
        said |= {"thing": gone[0], "second": gone[-1]}
    if not gone or len(gone) == len(kinds):
        return None
    return wish("remove", facts, rng, {f"{kind}.{name}": (None,) for kind in gone for name in THING_FACTS}, **said)


def replace(facts: Facts, rng: random.Random) -> Wish | None:
    """As many things of another kind in the place of those there."""
    kinds = kinds_in(facts)
    old = rng.choice(kinds)
    options = [kind for kind in kinds_for(facts["setting"]) if kind not in kinds]
    new = rng.choice(options)
    said = {"form": "thing", "thing": new, "old": old, "count": facts[f"{old}.count"]}
    allowed: dict[str, tuple[str | None, ...]] = {f"{old}.{name}": (None,) for name in THING_FACTS}
    allowed |= {f"{new}.{name}": (facts[f"{old}.{name}"],) for name in ("count", "position")}
    for name, chance in (("colour", 0.3), ("size", 0.1)):
        allowed[f"{new}.{name}"] = ATTRIBUTES[f"{new}.{name}"]
        if rng.random() < chance:
            said[name] = rng.choice(ATTRIBUTES[f"{new}.{name}"])
            allowed[f"{new}.{name}"] = (said[name],)
    return wish("replace", facts, rng, allowed, **said)


def count(facts: Facts, rng: random.Random) -> Wish | None:
    """Another number of things of one kind, exact or compared; None where the form drawn does not fit."""
    kind = rng.choice(kinds_in(facts))
    old = int(facts[f"{kind}.count"])
    most = min(4, old + MOST_THINGS - number_of_things(facts))
    said = {"thing": kind, "from": str(old)}
    equal = [(other, int(facts[f"{other}.count"])) for other in kinds_in(facts) if other != kind]
    beside, as_many = rng.choice(equal) if equal else ("", 0)
    forms: dict[str, tuple[int, ...]] = {
        "exact": (rng.choice([n for n in range(1, 5) if n != old]),),
        "one_more": (old + 1,),
        "two_more": (old + 2,),
        "one_fewer": (old - 1,),
        "more": tuple(range(old + 1, most + 1)),
        "fewer": tuple(range(1, old)),
        "double": (2 * old,),
        "half": (old // 2,) if old % 2 == 0 else (),
        "only_one": (1,),
        "as_many": (as_many,),
    }
    form = rng.choice(("exact", "exact", "exact", "exact", *forms))
    counts = forms[form]
    if not counts or old in counts or counts[0] < 1 or counts[-1] > most:
        return None
    said |= {"form": form, "to": str(counts[0])} | ({"beside": beside} if form == "as_many" else {})
    return wish("count", facts, rng, {f"{kind}.count": tuple(map(str, counts))}, **said)


def colour(facts: Facts, rng: random.Random) -> Wish | None:
    """Another colour for one kind: named, the same as another thing's, or only not the present one."""
    kind = rng.choice(kinds_in(facts))
    name = f"{kind}.colour"
    said = {"thing": kind, "from": facts[name]}
    twins = [
        other
        for other in kinds_in(facts)
        if facts[f"{other}.colour"] in ATTRIBUTES[name] and facts[f"{other}.colour"] != facts[name]
    ]
    chance = rng.random()
    if chance < 0.08:
        return wish("colour", facts, rng, {name: others(name, facts[name])}, form="not", **said)
    if chance < 0.22 and twins:
        twin = rng.choice(twins)
        return wish("colour", facts, rng, {name: (facts[f"{twin}.colour"],)}, form="same", beside=twin, **said)
    new = rng.choice(others(name, facts[name]))
    return wish("colour", facts, rng, {name: (new,)}, form="to", to=new, **said)


def size(facts: Facts, rng: random.Random) -> Wish | None:
    """Bigger or smaller things of one kind."""
    kind = rng.choice(kinds_in(facts))
    new = "big" if facts[f"{kind}.size"] == "small" else "small"
    form = "bigger" if new == "big" else "smaller"
    return wish("size", facts, rng, {f"{kind}.size": (new,)}, form=form, thing=kind, to=new)


def position(facts: Facts, rng: random.Random) -> Wish | None:
    """Things of one kind elsewhere in the picture: at a side, beside others, across, further along, or swapped."""
    kind = rng.choice(kinds_in(facts))
    name = f"{kind}.position"
    old = facts[name]
    at = POSITIONS.index(old)
    said = {"thing": kind, "from": old}
    form = rng.choice(("to", "to", "to", "side_of", "side_of", "side_of", "across", "further", "swap", "not"))
    if form == "side_of":
        sides = [found for found in _sides(facts, kind) if old not in found[2]]
        if not sides:
            return None
        side, beside, positions = rng.choice(sides)
        return wish("position", facts, rng, {name: positions}, form=form, side=side, beside=beside, **said)
    if form == "swap":
        return _swap(facts, rng, kind)
    side = rng.choice(("left", "right"))
    new = {
        "to": (rng.choice(others(name, old)),),
        "across": () if old == "centre" else (POSITIONS[2 - at],),
        "further": POSITIONS[:at] if side == "left" else POSITIONS[at + 1 :],
        "not": others(name, old),
    }[form]
    if not new:
        return None
    return wish("position", facts, rng, {name: new}, form=form, to=new[0], side=side, **said)


def _swap(facts: Facts, rng: random.Random, kind: str) -> Wish | None:
    """This kind and another one in each other's place; None where all stand in the same place."""
    places = {other: facts[f"{other}.position"] for other in kinds_in(facts)}
    different = [other for other, place in places.items() if place != places[kind]]
    if not different:
        return None
    other = rng.choice(different)
    allowed = {f"{kind}.position": (places[other],), f"{other}.position": (places[kind],)}
    return wish("position", facts, rng, allowed, form="swap", thing=kind, second=other)

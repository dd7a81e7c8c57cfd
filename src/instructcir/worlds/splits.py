"""Numbered pictures of a world, in splits that share neither facts nor, by design, some combinations of values.

A picture's facts alone decide where it belongs: a hash sends 80 % of all facts to training, 10 % to dev, 10 % to test.
Beside that, 6 % of the value pairs between certain attributes (`World.held_out_between`) are held out: whatever shows
one ("purple" on a "coat", say) belongs to "test-combinations", and training, dev and test never see it.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Hashable, Mapping
from functools import lru_cache
from typing import Literal, TypeAlias, cast, get_args

from instructcir.errors import InputError
from instructcir.worlds.world import Change, Drawing, Facts, World

Split: TypeAlias = Literal["train", "dev", "test", "test-combinations"]
SPLITS: tuple[Split, ...] = get_args(Split)

HELD_OUT_PERCENT = 6
"""Of the value pairs between the attributes of `World.held_out_between`."""
_MOST_DRAWS = 10_000
_MOST_CHANGES = 400


def split_named(name: str) -> Split:
    """The split of a name.

    Raises:
        InputError: there is none.
    """
    for split in SPLITS:
        if split == name:
            return split
    raise InputError(f"{name!r} is no split; there are: {', '.join(SPLITS)}")


def facts_of(world: World, split: Split, number: int) -> dict[str, str]:
    """Facts of picture `number` of a split: always the same, and of that split only.

    Args:
        world: the world.
        split: where the facts belong.
        number: 0 or more; two numbers may have equal facts, but then they differ in look.

    Raises:
        InputError: the number is negative.
    """
    rng = random.Random(_seeds(world, split, number)[0])
    for _ in range(_MOST_DRAWS):
        facts = world.sample(rng)
        if belongs(world, facts) == split:
            return facts
    raise InputError(f"{world.name}: no facts of the split {split!r} in {_MOST_DRAWS:,} draws; hold out other values")


def drawing_of(world: World, split: Split, number: int) -> Drawing:
    """Picture `number` of a split: its facts, and its look, which depends on the number alike.

    Raises:
        InputError: as `facts_of`.
    """
    return Drawing(facts_of(world, split, number), _seeds(world, split, number)[1])


def belongs(world: World, facts: Facts) -> Split:
    """The one split that a picture with these facts can be in."""
    if has_held_out_pair(world, facts):
        return "test-combinations"
    said = ";".join(f"{name}={facts[name]}" for name in sorted(facts))
    percentile = _number(f"{world.name}:{said}") % 100
    return "train" if percentile < 80 else "dev" if percentile < 90 else "test"


def has_held_out_pair(world: World, facts: Facts) -> bool:
    """Whether a combination of two values occurs that training never sees."""
    return any(
        (facts[first], facts[second]) in pairs
        for (first, second), pairs in held_out_pairs(world).items()
        if first in facts and second in facts
    )


def held_out_pairs(world: World) -> Mapping[tuple[str, str], frozenset[tuple[str, str]]]:
    """Pair of attributes -> pairs of their values that are held out; attributes without one are left out."""
    return _held_out_pairs(cast(Hashable, world))


@lru_cache(maxsize=8)
def _held_out_pairs(hashable: Hashable) -> Mapping[tuple[str, str], frozenset[tuple[str, str]]]:
    world = cast(World, hashable)
    found = {}
    for first, second in world.held_out_between:
        pairs = frozenset(
            (one, other)
            for one in world.attributes[first]
            for other in world.attributes[second]
            if _number(f"{world.name}:{first}={one};{second}={other}") % 100 < HELD_OUT_PERCENT
        )
        if pairs:
            found[first, second] = pairs
    return found


def change_into(world: World, facts: Facts, rng: random.Random, edits: int, split: Split) -> Change:
    """A random change of `edits` edits whose target belongs to a split.

    Raises:
        InputError: none was found from these facts; take another reference.
    """
    for _ in range(_MOST_CHANGES):
        change = world.change(facts, rng, edits)
        if belongs(world, change.target) == split:
            return change
    raise InputError(f"{world.name}: no change of {edits} edits leads from {dict(facts)} into the split {split!r}")


def training_change(world: World, facts: Facts, rng: random.Random, edits: int = 1) -> Change:
    """A random change whose target may be trained on: facts of the training split, so without a held-out pair.

    Raises:
        InputError: none was found from these facts; take another reference.
    """
    return change_into(world, facts, rng, edits, "train")


def combination_change(world: World, facts: Facts, rng: random.Random, edits: int = 1) -> Change:
    """A random change that leads from a reference without held-out pairs to a target that has one.

    Raises:
        InputError: the reference has one already, or no such change was found; take another reference.
    """
    if has_held_out_pair(world, facts):
        raise InputError(f"{world.name}: the reference {dict(facts)} has a held-out pair already; take another")
    return change_into(world, facts, rng, edits, "test-combinations")


def _seeds(world: World, split: Split, number: int) -> tuple[int, int]:
    """Seeds of a picture's facts and of its look."""
    if number < 0:
        raise InputError(f"picture {number} of {split_named(split)}: numbers count from 0")
    digest = hashlib.sha256(f"{world.name}/{split}/{number}".encode()).digest()
    return int.from_bytes(digest[:8]), int.from_bytes(digest[8:12])


def _number(text: str) -> int:
    """A number that depends on a text alone, in every process and on every machine."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])

"""Pictures that a composed query must not find, though they are close to what it asks for."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from instructcir.worlds.world import Change, Facts, World

_TRIES = 40


def distractors(
    world: World, reference: Facts, change: Change, rng: random.Random, fits: Callable[[Facts], bool]
) -> Iterator[dict[str, str]]:
    """Facts of wrong answers, of three kinds in turn, until none is found any more.

    "Half" fulfils some of several edits, or a single edit with something else changed as well: who regards only part
    of the text, or the text alone, takes it. The others differ by one edit from the target or from the reference: who
    regards the picture alone takes them.

    Args:
        world: whose facts they are.
        reference: facts of the query's reference.
        change: what it asks for.
        rng: source of the choices.
        fits: whether a picture with these facts may be used at all.
    """
    found = True
    while found:
        found = False
        for kind in (_half, _near_target, _near_reference):
            for _ in range(_TRIES):
                facts = kind(world, reference, change, rng)
                wrong = world.is_possible(facts) and not change.accepts(reference, facts)
                if wrong and facts != reference and fits(facts):
                    found = True
                    yield facts
                    break


def _half(world: World, reference: Facts, change: Change, rng: random.Random) -> dict[str, str]:
    if len(change.edits) == 1:
        facts = world.change(change.target, rng, 1).target
        fulfilled = all(facts.get(name) in values for name, values in change.allowed.items())
        return dict(facts if fulfilled else reference)
    facts = dict(reference)
    for edit in rng.sample(change.edits, rng.randrange(1, len(change.edits))):
        for name in edit.allowed:
            facts.pop(name, None)
            if name in change.target:
                facts[name] = change.target[name]
    return facts


def _near_target(world: World, reference: Facts, change: Change, rng: random.Random) -> dict[str, str]:
    return dict(world.change(change.target, rng, 1).target)


def _near_reference(world: World, reference: Facts, change: Change, rng: random.Random) -> dict[str, str]:
    return dict(world.change(reference, rng, 1).target)

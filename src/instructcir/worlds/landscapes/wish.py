"""One edit of a scene together with a scene in which it is fulfilled."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from instructcir.worlds.landscapes.facts import ATTRIBUTES
from instructcir.worlds.world import Edit, Facts


@dataclass(frozen=True, slots=True)
class Wish:
    """An edit and the scene after it.

    Attributes:
        edit: what is wished for.
        after: the scene with the wish fulfilled, what it leaves open chosen at random.
    """

    edit: Edit
    after: Facts


def wish(kind: str, facts: Facts, rng: random.Random, values: Mapping[str, Iterable[str | None]], **said: str) -> Wish:
    """An edit that allows these values, fulfilled at random.

    Args:
        kind: kind of the edit.
        facts: the scene before.
        rng: chooses among the allowed values, independently for each attribute.
        values: attribute -> allowed values in a fixed order, None for "absent".
        **said: what the phrases need to know; always "form", the variety of the edit.
    """
    allowed = {name: tuple(options) for name, options in values.items()}
    after = {**facts, **{name: rng.choice(options) for name, options in allowed.items()}}
    kept = {name: value for name, value in after.items() if value is not None}
    return Wish(Edit(kind, {name: frozenset(options) for name, options in allowed.items()}, said), kept)


def others(name: str, value: str) -> tuple[str, ...]:
    """All values of an attribute but one."""
    return tuple(other for other in ATTRIBUTES[name] if other != value)

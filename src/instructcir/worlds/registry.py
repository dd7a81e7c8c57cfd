"""The drawn worlds by name: each is a folder of plain functions, bound here into what every world can do."""

from __future__ import annotations

import difflib
import importlib
import random
from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from instructcir.errors import InputError
from instructcir.worlds.world import Box, Change, Detail, Drawing, Facts, Modification, World

NAMES = ("wardrobe", "landscapes")
"""Worlds that the bundled model learns from and is tested on."""
UNTRAINED = ("plates",)
"""Worlds that no recipe names: what a model never saw, to try what adapting to it gains."""


@cache
def world(name: str) -> World:
    """A drawn world, by name; only its facts are imported now, its drawing and language when they are first used.

    Args:
        name: one of `NAMES` or `UNTRAINED`.

    Raises:
        InputError: there is no such world; the message names the nearest.
    """
    known = (*NAMES, *UNTRAINED)
    if name not in known:
        near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.0)[0]
        raise InputError(f"{name!r} is no drawn world; did you mean {near}? There are: {', '.join(known)}")
    return _World(name)


class _World:
    """A world whose functions live in the modules of `instructcir.worlds.NAME`; the protocol `World` describes them."""

    def __init__(self, name: str) -> None:
        facts = importlib.import_module(f"{_FOLDER}.{name}.facts")
        self.name = name
        self.attributes = cast(Mapping[str, tuple[str, ...]], facts.ATTRIBUTES)
        self.held_out_between = cast(tuple[tuple[str, str], ...], facts.HELD_OUT_BETWEEN)

    def __repr__(self) -> str:
        return f"world({self.name!r})"

    def sample(self, rng: random.Random) -> dict[str, str]:
        return cast(dict[str, str], _part(self.name, "facts", "sample")(rng))

    def is_possible(self, facts: Facts) -> bool:
        return cast(bool, _part(self.name, "facts", "is_possible")(facts))

    def svg(self, drawing: Drawing) -> str:
        return cast(str, _part(self.name, "drawing", "svg")(drawing))

    def boxes(self, drawing: Drawing) -> list[tuple[str, Box]]:
        return cast(list[tuple[str, Box]], _part(self.name, "drawing", "boxes")(drawing))

    def change(self, facts: Facts, rng: random.Random, edits: int = 1) -> Change:
        return cast(Change, _part(self.name, "changes", "change")(facts, rng, edits))

    def caption(
        self,
        facts: Facts,
        rng: random.Random,
        detail: Detail = "full",
        *,
        omit: frozenset[str] = frozenset(),
        unseen: bool = False,
    ) -> str:
        caption = _part(self.name, "captions", "caption")
        return cast(str, caption(facts, rng, detail, omit=omit, unseen=unseen))

    def modification(
        self, facts: Facts, change: Change, rng: random.Random, *, unseen: bool = False, invented: float = 0.0
    ) -> Modification:
        modification = _part(self.name, "modifications", "modification")
        return cast(Modification, modification(facts, change, rng, unseen=unseen, invented=invented))

    def question(self, facts: Facts, rng: random.Random) -> tuple[str, str]:
        return cast(tuple[str, str], _part(self.name, "questions", "question")(facts, rng))


_FOLDER = "instructcir.worlds"


@cache
def _part(world_name: str, module: str, function: str) -> Any:
    return getattr(importlib.import_module(f"{_FOLDER}.{world_name}.{module}"), function)

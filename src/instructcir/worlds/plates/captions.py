"""Captions of fashion plates."""

from __future__ import annotations

import random

from instructcir.worlds.plates.words import speaker
from instructcir.worlds.wardrobe.captions import told_by
from instructcir.worlds.world import Detail, Facts


def caption(
    facts: Facts,
    rng: random.Random,
    detail: Detail = "full",
    *,
    omit: frozenset[str] = frozenset(),
    unseen: bool = False,
) -> str:
    """A sentence about a plate; arguments as of the wardrobe's `caption`."""
    return told_by(speaker(rng, unseen), facts, detail, omit)

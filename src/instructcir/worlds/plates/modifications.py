"""Changes of fashion plates as people type them."""

from __future__ import annotations

import random

from instructcir.worlds.plates.words import speaker
from instructcir.worlds.wardrobe.modifications import said_by
from instructcir.worlds.world import Change, Facts, Modification


def modification(
    facts: Facts, change: Change, rng: random.Random, *, unseen: bool = False, invented: float = 0.0
) -> Modification:
    """A change as a person would type it; arguments as of the wardrobe's `modification`."""
    return said_by(speaker(rng, unseen, invented), facts, change)

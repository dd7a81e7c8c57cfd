"""Questions about fashion plates, with short answers."""

from __future__ import annotations

import random

from instructcir.worlds.plates.words import speaker
from instructcir.worlds.wardrobe.questions import asked_by
from instructcir.worlds.world import Facts


def question(facts: Facts, rng: random.Random) -> tuple[str, str]:
    """A question about one fact and its short answer; arguments as of the wardrobe's `question`."""
    return asked_by(speaker(rng, unseen=False), facts)

"""The phrase book of the landscapes."""

from __future__ import annotations

import random

from instructcir.worlds.phrasing import Speaker, book

FILES = ("phrases.toml", "phrases_place.toml", "phrases_things.toml")
MORE = ("more_frames.toml", "more_place.toml", "more_things.toml")


def speaker(rng: random.Random, unseen: bool = False, invented: float = 0.0) -> Speaker:
    """Picks from the landscapes' phrases: training's, or with `unseen` those that training never uses."""
    return Speaker(book(__package__ or "", *FILES, more=MORE), rng, unseen, invented)

"""Words of the fashion plates: the phrase book of the wardrobe with other names for its values."""

from __future__ import annotations

import random
from functools import cache

from instructcir.worlds.phrasing import Book, Speaker, book
from instructcir.worlds.wardrobe import words

FILE = "phrases.toml"


@cache
def phrases() -> Book:
    """The phrase book: lists of `phrases.toml` stand in for the wardrobe's of the same name.

    Raises:
        ValueError: a list has no counterpart there.
    """
    others, own = words.phrases(), book(__package__ or "", FILE)
    if unknown := own.keys() - others.keys():
        raise ValueError(f"{FILE}: the wardrobe has no {sorted(unknown)[0]}")
    return {**others, **own}


def speaker(rng: random.Random, unseen: bool, invented: float = 0.0) -> Speaker:
    """A speaker of this world; arguments as of `Speaker`."""
    return Speaker(phrases(), rng, unseen, invented)

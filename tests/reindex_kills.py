"""Reindexes in forks and kills them at random moments: run by test_index_kills.

A reader looks after every kill: until the switch it must find the old index, after it the new one, and each whole.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from index_kills import in_a_fork
from index_writer import MeanColours, draw, identity
from instructcir.index.health import verify
from instructcir.index.manifest import Manifest
from instructcir.index.reader import Gallery
from instructcir.index.reindex import reindex
from instructcir.index.update import update_index

PICTURES = 40
OLD, NEW = 10, 11


class Turned(MeanColours):
    """A model of its own for each seed: the first one's vectors, turned round so many places."""

    def __init__(self, seed: int, pause: float = 0.0) -> None:
        super().__init__(pause)
        self.seed = seed

    def iter_images(self, images: Iterable[Any], *, window: int) -> Iterator[tuple[Any, Any]]:
        for numbers, vectors in super().iter_images(images, window=6):
            yield numbers, np.roll(vectors, self.seed, axis=1)


def main(place: Path, rounds: int, seed: int) -> None:
    chance = random.Random(seed)
    pictures, index, plain = place / "pictures", place / "index", place / "plain.npy"
    draw(pictures, [f"{number:02}.png" for number in range(PICTURES)])

    def begin() -> None:
        update_index(index, [pictures], Turned(0), identity(0))
        np.save(plain, Gallery(index).vectors_GD)

    assert in_a_fork(begin, None) == 0
    now, wanted, kills = 0, 1, 0
    for number in range(rounds):
        # Most runs are given little time, so that a reindexing takes several; each fourth is given more.
        time = chance.uniform(0.01, 3.0 if number % 4 == 3 else 0.6)
        ended = in_a_fork(partial(reindex, index, Turned(wanted, 0.04), identity(wanted)), time)
        assert ended in (-9, 0), f"round {number}: {ended}"
        kills += ended == -9
        seen = in_a_fork(partial(look, index, plain, now, wanted), None)
        assert seen in (OLD, NEW), f"round {number}: {seen}"
        assert ended == -9 or seen == NEW, "a run that ended has switched"
        if seen == NEW:
            now, wanted = wanted, wanted % 5 + 1
    assert kills > rounds // 3, f"only {kills} kills hit a run"
    assert in_a_fork(partial(reindex, index, Turned(wanted), identity(wanted)), None) == 0
    assert in_a_fork(partial(look, index, plain, now, wanted), None) == NEW


def look(index: Path, plain: Path, now: int, wanted: int) -> None:
    """Leave with OLD or NEW, whichever index is served, if it is whole and its vectors are its model's."""
    made_by = Manifest.read(index).identity
    assert made_by in (identity(now), identity(wanted)), made_by.fingerprint[-2:]
    assert verify(index, files=True) == []
    turns = now if made_by == identity(now) else wanted
    np.testing.assert_allclose(Gallery(index).vectors_GD, np.roll(np.load(plain), turns, axis=1), atol=2e-3)
    os._exit(NEW if turns == wanted else OLD)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))

"""What a benchmark's files are made of, before they are written; and what the layouts have in common."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from instructcir.errors import InputError
from instructcir.worlds.splits import Split
from instructcir.worlds.world import Drawing, Facts


@dataclass(frozen=True, slots=True)
class Size:
    """How large an exported benchmark is, and what it is about.

    Attributes:
        queries: of each annotation file.
        gallery: pictures of each gallery.
        side: pixels a side of each picture.
        split: of the world; whatever the benchmark calls its own.
        seed: another seed, another benchmark.
    """

    queries: int = 100
    gallery: int = 400
    side: int = 256
    split: Split = "test"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Exported:
    """A benchmark in memory.

    Attributes:
        annotations: path of a JSON file -> its content.
        pictures: path of a picture -> what it shows.
    """

    annotations: Mapping[str, Any]
    pictures: Mapping[str, Drawing]


def difference(one: Facts, other: Facts) -> int:
    """How many attributes two pictures differ in."""
    return sum(one.get(name) != other.get(name) for name in one.keys() | other.keys())


def nearest(gallery: Sequence[Drawing], facts: Facts, among: Iterable[int], count: int) -> list[int]:
    """The indices in `among` whose pictures differ least from facts; of equals the first in the gallery.

    Raises:
        InputError: there are fewer than `count`.
    """
    ranked = sorted(among, key=lambda index: (difference(gallery[index].facts, facts), index))
    if len(ranked) < count:
        raise InputError(f"{len(ranked)} pictures to choose {count} candidates from: ask for a larger gallery")
    return ranked[:count]


def distinct_numbers(count: int, digits: int, rng: random.Random) -> list[int]:
    """Different numbers below 10^digits that tell nothing about their order, as the ids of real collections."""
    return rng.sample(range(10 ** (digits - 1), 10**digits), count)

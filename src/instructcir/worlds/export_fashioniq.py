"""FashionIQ's layout: `captions/`, `image_splits/` and `images/`, for dress, shirt and toptee."""

from __future__ import annotations

import functools
import random
from typing import Any

from instructcir.errors import InputError
from instructcir.worlds.exported import Exported, Size, distinct_numbers
from instructcir.worlds.galleries import ComposedTest, composed_test
from instructcir.worlds.world import Drawing, Facts, World

CATEGORIES = {
    "dress": ("dress", "skirt", "jumpsuit"),
    "shirt": ("shirt", "blouse", "jacket", "coat"),
    "toptee": ("t-shirt", "sweater", "hoodie"),
}
"""Which garments of the wardrobe stand for each category."""


def fashioniq(world: World, size: Size) -> Exported:
    """A validation part for each category; each query has two captions, as two people would have written them.

    Raises:
        InputError: the world has no garments, or the size cannot be.
    """
    if "garment" not in world.attributes:
        raise InputError(f"FashionIQ is about garments, which {world.name} has none of; export the world wardrobe")
    rng = random.Random(f"fashioniq/{world.name}/{size}")
    numbers = distinct_numbers(len(CATEGORIES) * size.gallery, 7, rng)
    annotations: dict[str, Any] = {}
    pictures: dict[str, Drawing] = {}
    for place, (category, garments) in enumerate(CATEGORIES.items()):
        test = composed_test(
            world,
            size.split,
            queries=size.queries,
            gallery=size.gallery,
            seed=size.seed,
            keep=functools.partial(_is_one_of, garments),
        )
        names = [f"W{number:07}" for number in numbers[place * size.gallery : (place + 1) * size.gallery]]
        annotations[f"captions/cap.{category}.val.json"] = _queries(world, test, names, rng)
        annotations[f"image_splits/split.{category}.val.json"] = names
        pictures |= {f"images/{name}.jpg": drawing for name, drawing in zip(names, test.gallery, strict=True)}
    return Exported(annotations, pictures)


def _is_one_of(garments: tuple[str, ...], facts: Facts) -> bool:
    return facts["garment"] in garments


def _queries(world: World, test: ComposedTest, names: list[str], rng: random.Random) -> list[dict[str, Any]]:
    entries = []
    for query in test.queries:
        again = world.modification(test.gallery[query.reference].facts, query.change, rng)
        captions = [query.modification.text, again.text]
        entries.append({"target": names[query.target], "candidate": names[query.reference], "captions": captions})
    return entries

"""CIRR's layout: `cirr/captions/`, `cirr/image_splits/` and the pictures in `dev/` and `test1/`."""

from __future__ import annotations

import random
from typing import Any

from instructcir.worlds.exported import Exported, Size, nearest
from instructcir.worlds.galleries import ComposedTest, TestQuery, composed_test
from instructcir.worlds.world import Drawing, World

_MEMBERS = 6  # of an image set: reference, target and four pictures like the target


def cirr(world: World, size: Size) -> Exported:
    """A validation part, and a test part without its targets.

    Raises:
        InputError: the size cannot be.
    """
    annotations: dict[str, Any] = {}
    pictures: dict[str, Drawing] = {}
    for place, (part, folder) in enumerate((("val", "dev"), ("test1", "test1"))):
        seed = 2 * size.seed + place
        test = composed_test(world, size.split, queries=size.queries, gallery=size.gallery, seed=seed)
        rng = random.Random(f"cirr/{world.name}/{part}/{size}")
        names = [f"{folder}-{index // 4}-{index % 4}-img{rng.randrange(2)}" for index in range(size.gallery)]
        paths = {name: f"./{folder}/{name}.png" for name in names}
        entries = [_entry(test, names, query, number, rng) for number, query in enumerate(test.queries)]
        if part == "test1":
            entries = [_without_target(entry) for entry in entries]
        annotations[f"cirr/captions/cap.rc2.{part}.json"] = entries
        annotations[f"cirr/image_splits/split.rc2.{part}.json"] = paths
        pictures |= {paths[name][2:]: drawing for name, drawing in zip(names, test.gallery, strict=True)}
    return Exported(annotations, pictures)


def _entry(test: ComposedTest, names: list[str], query: TestQuery, number: int, rng: random.Random) -> dict[str, Any]:
    wrong = set(range(len(names))) - set(query.relevant) - {query.reference}
    like = nearest(test.gallery, test.gallery[query.target].facts, sorted(wrong), _MEMBERS - 2)
    members = [query.reference, query.target, *like]
    rng.shuffle(members)
    ranks = rng.sample(range(_MEMBERS), 2)  # where the makers of CIRR found them; no protocol reads it
    return {
        "pairid": 12_060 + number,
        "reference": names[query.reference],
        "target_hard": names[query.target],
        "target_soft": {names[index]: 1.0 for index in (query.target, *query.relevant)},
        "caption": query.modification.text,
        "img_set": {
            "id": number,
            "members": [names[index] for index in members],
            "reference_rank": ranks[0],
            "target_rank": ranks[1],
        },
    }


def _without_target(entry: dict[str, Any]) -> dict[str, Any]:
    about = {name: value for name, value in entry["img_set"].items() if name != "target_rank"}
    kept = {name: value for name, value in entry.items() if name not in ("target_hard", "target_soft")}
    return {**kept, "img_set": about}

"""CIRCO's layout: `annotations/`, and one gallery for all queries in `COCO2017_unlabeled/`."""

from __future__ import annotations

import random
from typing import Any

from instructcir.worlds.exported import Exported, Size, distinct_numbers
from instructcir.worlds.galleries import ComposedTest, TestQuery, composed_test
from instructcir.worlds.world import World

_FOLDER = "COCO2017_unlabeled"


def circo(world: World, size: Size) -> Exported:
    """A validation part with every relevant picture, and a test part without them, in one gallery.

    Raises:
        InputError: the size cannot be; the gallery must hold both parts' queries.
    """
    test = composed_test(world, size.split, queries=2 * size.queries, gallery=size.gallery, seed=size.seed)
    rng = random.Random(f"circo/{world.name}/{size}")
    ids = distinct_numbers(size.gallery, 6, rng)
    entries = [_entry(world, test, ids, query, rng) for query in test.queries]
    val = [{**entry, "id": number} for number, entry in enumerate(entries[: size.queries])]
    hidden = ("target_img_id", "gt_img_ids", "semantic_aspects")
    rest = [{name: value for name, value in entry.items() if name not in hidden} for entry in entries[size.queries :]]
    files = [f"{number:012}.jpg" for number in ids]
    images = [{"file_name": file, "id": number} for file, number in zip(files, ids, strict=True)]
    return Exported(
        annotations={
            "annotations/val.json": val,
            "annotations/test.json": [{**entry, "id": number} for number, entry in enumerate(rest)],
            f"{_FOLDER}/annotations/image_info_unlabeled2017.json": {"images": images},
        },
        pictures={
            f"{_FOLDER}/unlabeled2017/{file}": drawing for file, drawing in zip(files, test.gallery, strict=True)
        },
    )


def _entry(world: World, test: ComposedTest, ids: list[int], query: TestQuery, rng: random.Random) -> dict[str, Any]:
    reference = test.gallery[query.reference].facts
    others = [index for index in query.relevant if index != query.target]
    return {
        "reference_img_id": ids[query.reference],
        "target_img_id": ids[query.target],
        "relative_caption": query.modification.text,
        "shared_concept": world.caption(reference, rng, "short", omit=frozenset(query.change.allowed)),
        "gt_img_ids": [ids[index] for index in (query.target, *others)],
        "semantic_aspects": [aspect.replace(" & ", "_").replace(" ", "_") for aspect in query.modification.aspects],
    }

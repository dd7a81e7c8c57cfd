"""Drawn training data as a folder: pictures, pairs, triplets, and the facts of every picture."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from instructcir.errors import InputError
from instructcir.files import PathLike, atomic_folder
from instructcir.worlds.painting import WORKERS, paint
from instructcir.worlds.splits import Split, change_into, drawing_of
from instructcir.worlds.world import Drawing, World

_EDITS = (1, 2, 3)
_WEIGHTS = (50, 35, 15)


@dataclass(frozen=True, slots=True)
class Written:
    """What a folder holds: so many pictures, each with a pair, and so many triplets."""

    pictures: int
    triplets: int


def write_training_set(
    world: World,
    folder: PathLike,
    *,
    count: int,
    split: Split = "train",
    first: int = 0,
    side: int = 256,
    workers: int = WORKERS,
    progress: Callable[[int], None] | None = None,
) -> Written:
    """Write pictures `first` to `first + count - 1` of a split with their texts, all or nothing.

    docs/formats.md describes the files. Every picture has a pair and, but for the rare one from which no change leads
    into the split, a triplet whose target is of the split as well.

    Args:
        world: what is drawn.
        folder: becomes the data; must be absent or empty, its parent must exist.
        count: how many pictures.
        split: where all facts belong.
        first: number of the first picture, for further ones of the same split.
        side: pixels a side.
        workers: processes that draw; the files are the same for any number.
        progress: called with the number of pictures just drawn.

    Raises:
        InputError: a number is out of range, or the folder cannot be written.
    """
    if count < 1 or side < 1:
        raise InputError(f"{count} pictures of {side} pixels a side: both must be at least 1")
    pictures: dict[Path, Drawing] = {}
    pairs, triplets, attributes = [], [], []
    with atomic_folder(folder) as root:
        (root / "images").mkdir()
        for number in range(first, first + count):
            drawing = drawing_of(world, split, number)
            image, name = f"images/{number:07}.png", f"{world.name}-{split}-{number:07}"
            pictures[root / image] = drawing
            rng = random.Random(f"{name}/texts")
            about = {"image": image, "caption": world.caption(drawing.facts, rng), "id": name}
            pairs.append(about)
            attributes.append({"image": image, "id": name, "look": drawing.look, "facts": drawing.facts})
            triplets += _triplets(world, drawing, split, rng, about)
        for file, lines in (("pairs", pairs), ("triplets", triplets), ("attributes", attributes)):
            text = "".join(f"{json.dumps(line)}\n" for line in lines)
            (root / f"{file}.jsonl").write_text(text, encoding="utf-8")
        paint(world.name, pictures, side, workers=workers, progress=progress)
    return Written(count, len(triplets))


def _triplets(
    world: World, drawing: Drawing, split: Split, rng: random.Random, about: dict[str, str]
) -> list[dict[str, str]]:
    """The triplet of a picture, or none where no change leads into the split."""
    [edits] = rng.choices(_EDITS, _WEIGHTS)
    try:
        change = change_into(world, drawing.facts, rng, edits, split)
    except InputError:
        return []
    said = {
        "instruction": world.modification(drawing.facts, change, rng).text,
        "modified_caption": world.caption(change.target, rng, omit=change.free),
        "kind": "+".join(edit.kind for edit in change.edits),
    }
    return [{**about, **said}]

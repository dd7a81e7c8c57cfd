"""Samples from the drawn worlds: as many as wanted, each the same whenever it is asked for.

A sample's words are always new; its picture comes from a pool that is drawn once, kept as raw pixels in a folder, and
shared by the stages of a training.
"""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset

from instructcir.errors import InputError
from instructcir.training.facts import FactTable
from instructcir.training.samples import Sample
from instructcir.worlds.distractors import distractors
from instructcir.worlds.rasterise import rasterise
from instructcir.worlds.registry import world as world_named
from instructcir.worlds.splits import belongs, drawing_of, facts_of, training_change
from instructcir.worlds.world import Change, Detail, Drawing, Facts, World

# shapes: P pictures of a pool, H, W pixels

_SCALES = (1, 1, 1.3, 1.7)
"""Pictures are drawn at these multiples of the side and shrunk, so that sharpness tells nothing."""

_DETAILS: tuple[Detail, ...] = ("full", "medium", "short")
_PROBES = 64
_ANY = 10**6  # numbers to take any picture from


class Pool:
    """Pictures of one world's training split, drawn when first asked for and kept on disk.

    Args:
        folder: where the pixels are kept; made if missing, and safe to share between processes.
        world: the world's name.
        size: P.
        side: pixels a side.
    """

    def __init__(self, folder: Path, world: str, size: int, side: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.world = world_named(world)
        self.size, self.side = size, side
        name = f"{world}-{size}x{side}-{_drawn_how(self.world)}"
        self._pixels = _mapped(folder / f"{name}.pixels", (size, side, side, 3))
        self._drawn = _mapped(folder / f"{name}.drawn", (size,))

    @staticmethod
    def pick(pools: Sequence[Pool], index: int, seed: int) -> tuple[Pool, int]:
        """The pool whose turn it is at an index, and the number of its picture; each seed begins elsewhere."""
        pool = pools[index % len(pools)]
        return pool, (index // len(pools) * 7919 + seed * 104729) % pool.size

    def drawing(self, number: int) -> Drawing:
        """What picture `number` shows."""
        return drawing_of(self.world, "train", number)

    def image(self, number: int) -> Image.Image:
        """Picture `number` (below P) as RGB."""
        if not self._drawn[number]:
            drawing = self.drawing(number)
            drawn_side = round(self.side * _SCALES[number % len(_SCALES)])
            picture = rasterise(self.world.svg(drawing), drawn_side)
            if drawn_side != self.side:
                picture = picture.resize((self.side, self.side), Image.Resampling.BICUBIC)
            self._pixels[number] = np.asarray(picture)
            self._drawn[number] = 1  # after the pixels: a picture that a killed process left half is drawn again
        return Image.fromarray(np.array(self._pixels[number]))


def _drawn_how(world: World) -> str:
    """Tells one way of drawing from another: pictures that older code drew are not taken for what the new one draws."""
    markup = "".join(world.svg(drawing_of(world, "train", number)) for number in range(_PROBES))
    return hashlib.blake2b(markup.encode(), digest_size=4).hexdigest()


def _mapped(path: Path, shape: tuple[int, ...]) -> np.memmap[Any, np.dtype[np.uint8]]:
    """A file of bytes mapped to memory; new ones are zeros that take no room until written."""
    with path.open("ab") as file:
        if file.tell() != int(np.prod(shape)):
            file.truncate(int(np.prod(shape)))
    return np.memmap(path, dtype=np.uint8, mode="r+", shape=shape)


class DrawnSamples(Dataset[Sample]):
    """Samples of drawn worlds, numbered from 0; the same number gives the same sample on every machine.

    Args:
        pools: pictures of each world; they take turns.
        length: how many samples.
        seed: of the words; two stages of a training take two.
        wishes: modifications of each picture.
        hard: so many captions a wish that are wrong for it, and for the picture, by one fact or half of the wish.
        details: weights of captions of pictures that tell everything, some of it, little; empty for those of `_detail`.
        invented: probability of a name in a modification to be a word that means nothing.
        answers: how many of the three sorts of things that a model should say of a picture to add, chosen in turn.
        share: part of the samples that differ, for measuring what fewer cost; the others repeat them.
        table: numbers the facts of pictures and of what wishes make of them, if these are wanted.
    """

    def __init__(
        self,
        pools: Sequence[Pool],
        length: int,
        seed: int,
        *,
        wishes: int = 2,
        hard: int = 0,
        details: Sequence[float] = (),
        invented: float = 0.0,
        answers: int = 0,
        share: float = 1.0,
        table: FactTable | None = None,
    ) -> None:
        self.pools = list(pools)
        self.length, self.seed, self.share = length, seed, share
        self.wishes, self.hard, self.details = wishes, hard, tuple(details)
        self.invented, self.answers, self.table = invented, answers, table

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Sample:
        index %= max(1, round(self.length * self.share))
        pool, number = Pool.pick(self.pools, index, self.seed)
        rng = random.Random(f"{self.seed}/{index}")
        facts = facts_of(pool.world, "train", number)
        detail = rng.choices(_DETAILS, weights=self.details)[0] if self.details else self._detail(rng)
        caption = pool.world.caption(facts, rng, detail)
        changes = [self._change(pool.world, facts, rng) for _ in range(self.wishes)]
        wishes = tuple(self._wish(pool.world, facts, change, rng) for change in changes)
        hard = tuple(text for change in changes for text in self._wrong(pool.world, facts, change, rng))
        answers = tuple(rng.sample(self._answers(pool.world, facts, rng), self.answers)) if self.answers else ()
        labels = self._labels(pool.world.name, facts, changes)
        return Sample(f"{pool.world.name}/train/{number}", pool.image(number), caption, wishes, answers, hard, labels)

    def _labels(self, world: str, facts: Facts, changes: Sequence[Change]) -> torch.Tensor | None:
        """(1 + wishes, attributes) facts of the picture and of each change's target, but for what it leaves open."""
        if self.table is None:
            return None
        rows = [self.table.labels(world, facts)]
        rows += [self.table.labels(world, change.target, change.free, facts) for change in changes]
        return torch.stack(rows)

    def _wish(self, world: World, facts: Facts, change: Change, rng: random.Random) -> tuple[str, str]:
        """A modification, and the caption of what it makes of the picture: nothing is said of what it leaves open."""
        text = world.modification(facts, change, rng, invented=self.invented).text
        return text, world.caption(change.target, rng, self._detail(rng), omit=change.free)

    def _wrong(self, world: World, facts: Facts, change: Change, rng: random.Random) -> list[str]:
        """Captions, telling all, of pictures that neither fulfil a change nor equal its reference."""
        if not self.hard:
            return []
        wrong = distractors(world, facts, change, rng, lambda found: belongs(world, found) == "train")
        found = list(itertools.islice(wrong, self.hard + 1))
        rng.shuffle(found)  # the kinds come in a fixed order
        chosen = found[: self.hard] or [facts_of(world, "train", rng.randrange(_ANY))]
        return [world.caption(chosen[place % len(chosen)], rng) for place in range(self.hard)]

    def _detail(self, rng: random.Random) -> Detail:
        """Mostly everything, as a vector cannot tell apart what its caption leaves out; always, beside wrong captions.

        Otherwise a vague caption would have to beat one that is right in all but a fact.
        """
        return "full" if self.hard else rng.choices(_DETAILS, weights=(8, 1, 1))[0]

    def _change(self, world: World, facts: Facts, rng: random.Random) -> Change:
        try:
            return training_change(world, facts, rng, rng.choice((1, 1, 1, 2, 2, 3)))
        except InputError:  # few references allow no such number of edits
            return training_change(world, facts, rng, 1)

    def _answers(self, world: World, facts: Facts, rng: random.Random) -> tuple[tuple[str, str], ...]:
        """What to say: all facts, those of a modified picture, and in turn a caption, an answer, a modified caption.

        Facts listed in a fixed order teach most: every word of the answer is one thing to see, none is style.
        """
        change = self._change(world, facts, rng)
        asked = world.modification(facts, change, rng).text
        kept = {name: value for name, value in change.target.items() if name not in change.free}
        other = rng.randrange(3)
        if other == 0:
            third = ("Describe this image:", world.caption(facts, rng, "full"))
        elif other == 1:
            third = world.question(facts, rng)
        else:
            caption = world.caption(change.target, rng, omit=change.free)
            third = (f'Modify this image with "{asked}", describe modified image:', caption)
        return (
            ("List what this image shows:", listed(facts)),
            (f'Modify this image with "{asked}", list what it shows:', listed(kept)),
            third,
        )


def listed(facts: Facts) -> str:
    """Facts as a list of values in their own order; a thing's values follow its name: "lake, fog, dog 2 brown big"."""
    parts: dict[str, list[str]] = {}
    for name, value in facts.items():
        thing, _, _ = name.rpartition(".")
        parts.setdefault(thing or name, [thing] if thing else []).append(value)
    return ", ".join(" ".join(values) for values in parts.values())

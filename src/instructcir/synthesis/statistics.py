"""What a file of triplets holds, counted in one pass; and a random sample of it for a person to look at."""

from __future__ import annotations

import random
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import numpy as np

from instructcir.synthesis.inspected import Row, picture_key
from instructcir.synthesis.texts import taken_apart

LENGTHS = (1, 3, 5, 8, 12, 20, 30, 50, 100)
"""Numbers of words at which a class of lengths begins."""


@dataclass(slots=True)
class Statistics:
    """Counts of triplets.

    Attributes:
        triplets: all.
        pictures: distinct source pictures.
        kinds: what edits change; a triplet counts for each kind that it has.
        styles: how instructions are said.
        aspects: CIRCO's, likewise.
        writers: who wrote them.
        prompts: hashes of what they were written with.
        reasons: why they were rejected; empty for kept ones.
        instruction_lengths: words of an instruction -> how many.
        caption_lengths: words of a modified caption -> how many.
        words: each word of instructions and modified captions -> how often.
        same_instruction: triplets whose instruction, but for case and articles, stood in an earlier one.
        same_target: likewise of modified captions.
        same_both: likewise of both together.
    """

    triplets: int = 0
    pictures: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    styles: Counter[str] = field(default_factory=Counter)
    aspects: Counter[str] = field(default_factory=Counter)
    writers: Counter[str] = field(default_factory=Counter)
    prompts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    instruction_lengths: Counter[int] = field(default_factory=Counter)
    caption_lengths: Counter[int] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)
    same_instruction: int = 0
    same_target: int = 0
    same_both: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: counters by how often, and of words only their number."""
        counters = ("kinds", "styles", "aspects", "writers", "prompts", "reasons")
        found: dict[str, Any] = {"triplets": self.triplets, "pictures": self.pictures}
        found |= {name: dict(getattr(self, name).most_common()) for name in counters}
        for name in ("instruction_lengths", "caption_lengths"):
            found[name] = dict(classes(getattr(self, name)))
        repeats = ("same_instruction", "same_target", "same_both")
        return found | {"vocabulary": len(self.words)} | {name: getattr(self, name) for name in repeats}


class _Repeats:
    """Counts values that came before; remembers eight bytes of each."""

    def __init__(self) -> None:
        self._keys = array("Q")

    def add(self, *texts: tuple[str, ...]) -> None:
        """Remember a value."""
        content = "\n".join(" ".join(text) for text in texts).encode()
        self._keys.append(int.from_bytes(blake2b(content, digest_size=8).digest(), "little"))

    @property
    def distinct(self) -> int:
        """How many different values there were."""
        return len(np.unique(np.frombuffer(self._keys, dtype=np.uint64))) if self._keys else 0

    @property
    def repeated(self) -> int:
        """How many of the values had come before."""
        return len(self._keys) - self.distinct


def counted(rows: Iterable[Row], into: Statistics) -> Iterator[Row]:
    """Pass rows on and count them.

    Args:
        rows: triplets.
        into: where they are counted; complete when all rows are through.
    """
    instructions, targets, both, pictures = _Repeats(), _Repeats(), _Repeats(), _Repeats()
    for source, verdict in rows:
        written = verdict.written
        said, target = taken_apart(written.instruction), taken_apart(written.modified_caption)
        into.triplets += 1
        pictures.add((picture_key(source.image),))
        into.kinds.update(kind for kind in written.kind.split("+") if kind)
        into.styles.update([written.style] if written.style else ())
        into.aspects.update(written.aspects)
        into.writers.update([written.provenance.writer] if written.provenance.writer else ())
        into.prompts.update([written.provenance.prompt] if written.provenance.prompt else ())
        into.reasons.update([verdict.reason] if verdict.reason else ())
        into.instruction_lengths[len(said.words)] += 1
        into.caption_lengths[len(target.words)] += 1
        into.words.update(said.words)
        into.words.update(target.words)
        instructions.add(said.said)
        targets.add(target.said)
        both.add(said.said, target.said)
        yield source, verdict
    into.pictures = pictures.distinct
    into.same_instruction, into.same_target, into.same_both = instructions.repeated, targets.repeated, both.repeated


def sample(rows: Iterable[Row], count: int, seed: int) -> list[Row]:
    """Some rows, each as likely as any other (reservoir sampling), in a random order.

    Args:
        rows: read to their end.
        count: how many; all where there are fewer.
        seed: another one, other rows.
    """
    rng = random.Random(f"sample/{seed}")
    kept: list[Row] = []
    for number, row in enumerate(rows):
        if len(kept) < count:
            kept.append(row)
        elif (place := rng.randrange(number + 1)) < count:
            kept[place] = row
    rng.shuffle(kept)
    return kept


def classes(lengths: Counter[int]) -> list[tuple[str, int]]:
    """Numbers of words in classes: ("3-4", how many), without empty classes at the end."""
    found = []
    for low, high in zip(LENGTHS, (*LENGTHS[1:], None), strict=True):
        count = sum(many for words, many in lengths.items() if words >= low and (high is None or words < high))
        found.append((f"{low}+" if high is None else f"{low}-{high - 1}", count))
    if lengths[0]:
        found.insert(0, ("0", lengths[0]))
    while found and not found[-1][1]:
        found.pop()
    return found


def mean(lengths: Counter[int]) -> float:
    """The mean number of words; 0 of none."""
    total = lengths.total()
    return sum(words * many for words, many in lengths.items()) / total if total else 0.0

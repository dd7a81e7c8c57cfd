"""Samples from files of pairs or triplets: read as a stream, shuffled within a window, bad ones counted and named.

Drawn samples may be mixed in, so that a model keeps what it knew.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, TypeVar

from torch.utils.data import Dataset, IterableDataset, get_worker_info

from instructcir.data.reading import read_pairs, read_triplets
from instructcir.data.records import Pair, Triplet
from instructcir.errors import ImageError, InputError
from instructcir.images import open_rgb
from instructcir.training.samples import Sample

T = TypeVar("T")

_WINDOW = 2048
"""Samples within which the order is shuffled; pictures are opened only as they leave it."""


class FileSamples(IterableDataset[Sample]):
    """Endless laps over files of pairs or triplets, each in another order, the same for the same seed.

    Args:
        kind: what the files hold.
        path: a file, folder or pattern; see `instructcir.data.reading`.
        seed: of the order.
        left_out: a file that names each bad sample and says why, one JSON object a line.
        needs_captions: leave out triplets without an original caption.
        hard: hard negatives of each triplet; those that have fewer repeat theirs, those without any are left out.
        together: triplets of a sample, of one picture; a picture that has more shows some of them each lap, one that
            has fewer repeats its own. They must stand side by side in their file.
    """

    def __init__(
        self,
        kind: Literal["pairs", "triplets"],
        path: str,
        seed: int,
        left_out: Path,
        *,
        needs_captions: bool = False,
        hard: int = 0,
        together: int = 1,
    ) -> None:
        self.kind, self.path, self.seed, self.left_out = kind, path, seed, left_out
        self.needs_captions, self.hard, self.together = needs_captions, hard, together
        self._named: set[str] = set()

    def __iter__(self) -> Iterator[Sample]:
        """Samples with opened pictures.

        Raises:
            InputError: the files cannot be read, or a whole lap yields nothing.
        """
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        for lap in range(1_000_000):
            found, rng = 0, random.Random(f"{self.seed}/{lap}")
            for number, group in enumerate(_shuffled(self._groups(), rng)):
                chosen = self._chosen(group, rng)
                if number % step != first:
                    continue
                sample = self._opened(chosen)
                if sample is not None:
                    found += 1
                    yield sample
            if not found:
                raise InputError(f"{self.path}: no sample can be used; {self.left_out} says why")

    def _groups(self) -> Iterator[list[Pair | Triplet]]:
        """Records that make a sample: one, or with `together` all of a picture that stand side by side."""
        read = read_pairs if self.kind == "pairs" else read_triplets
        records: Iterator[Pair | Triplet] = read(self.path, on_bad=self._leave_out)
        if self.together == 1:
            yield from ([record] for record in records)
            return
        usable = (record for record in records if self._usable(record))
        yield from (list(group) for _, group in itertools.groupby(usable, key=lambda record: record.image))

    def _chosen(self, group: list[Pair | Triplet], rng: random.Random) -> list[Pair | Triplet]:
        """As many records of a group as a sample has."""
        if len(group) > self.together:
            return rng.sample(group, self.together)
        return [group[place % len(group)] for place in range(self.together)]

    def _usable(self, record: Pair | Triplet) -> bool:
        """Whether a record has what is needed of it; its picture is not opened yet."""
        if not isinstance(record, Triplet):
            return True
        if self.needs_captions and not record.caption:
            self._leave_out(record.id, "no original caption")
            return False
        if self.hard and not record.hard_negatives:
            self._leave_out(record.id, "no hard negatives; mine some (instructcir mine)")
            return False
        return True

    def _opened(self, group: list[Pair | Triplet]) -> Sample | None:
        """The sample with its picture opened, or None if it is left out."""
        record = group[0]
        if not self._usable(record):
            return None
        try:
            image = open_rgb(record.image)
        except ImageError as error:
            self._leave_out(record.id, error.reason)
            return None
        triplets = [one for one in group if isinstance(one, Triplet)]
        wishes = tuple((one.instruction, one.modified_caption) for one in triplets)
        hard = tuple(one.hard_negatives[n % len(one.hard_negatives)] for one in triplets for n in range(self.hard))
        return Sample(record.id, image, record.caption, wishes, hard=hard)

    def _leave_out(self, sample_id: str, reason: str) -> None:
        """Name a bad sample, once."""
        if sample_id in self._named:
            return
        self._named.add(sample_id)
        with self.left_out.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"id": sample_id, "reason": reason}, ensure_ascii=False) + "\n")


class MixedSamples(IterableDataset[Sample]):
    """Two sources in one stream, evenly spread; the same for the same arguments.

    Args:
        own: endless samples.
        old: numbered samples, taken in their order and then again.
        share: of the stream that is of `old`, from 0, below 1.
    """

    def __init__(self, own: FileSamples, old: Dataset[Sample], share: float) -> None:
        self.own, self.old, self.share = own, old, share

    def __iter__(self) -> Iterator[Sample]:
        """The samples.

        Raises:
            InputError: as `FileSamples`.
        """
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        length = len(self.old)  # type: ignore[arg-type]
        own, taken = iter(self.own), first
        for number in itertools.count():
            if int((number + 1) * self.share) > int(number * self.share):
                yield self.old[taken % length]
                taken += step
            else:
                yield next(own)


def _shuffled(records: Iterable[T], rng: random.Random) -> Iterator[T]:
    """The same records in another order: each leaves at random a window that the next one enters."""
    window: list[T] = []
    for record in records:
        if len(window) < _WINDOW:
            window.append(record)
            continue
        place = rng.randrange(_WINDOW)
        yield window[place]
        window[place] = record
    rng.shuffle(window)
    yield from window


def count_left_out(left_out: Path) -> int:
    """How many samples a run left out."""
    if not left_out.exists():
        return 0
    return len({json.loads(line)["id"] for line in left_out.read_text(encoding="utf-8").splitlines()})

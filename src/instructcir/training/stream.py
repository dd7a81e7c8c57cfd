"""Samples from files of pairs or triplets: read as a stream, shuffled within a window, bad ones counted and named."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from torch.utils.data import IterableDataset, get_worker_info

from instructcir.data.reading import read_pairs, read_triplets
from instructcir.data.records import Pair, Triplet
from instructcir.errors import ImageError, InputError
from instructcir.images import open_rgb
from instructcir.training.samples import Sample

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
    ) -> None:
        self.kind, self.path, self.seed, self.left_out = kind, path, seed, left_out
        self.needs_captions, self.hard = needs_captions, hard
        self._named: set[str] = set()

    def __iter__(self) -> Iterator[Sample]:
        """Samples with opened pictures.

        Raises:
            InputError: the files cannot be read, or a whole lap yields nothing.
        """
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        for lap in range(1_000_000):
            found = 0
            for number, record in enumerate(_shuffled(self._records(), random.Random(f"{self.seed}/{lap}"))):
                if number % step != first:
                    continue
                sample = self._opened(record)
                if sample is not None:
                    found += 1
                    yield sample
            if not found:
                raise InputError(f"{self.path}: no sample can be used; {self.left_out} says why")

    def _records(self) -> Iterator[Pair | Triplet]:
        return (read_pairs if self.kind == "pairs" else read_triplets)(self.path, on_bad=self._leave_out)

    def _opened(self, record: Pair | Triplet) -> Sample | None:
        """The sample with its picture opened, or None if it is left out."""
        if isinstance(record, Triplet) and self.needs_captions and not record.caption:
            self._leave_out(record.id, "no original caption")
            return None
        try:
            image = open_rgb(record.image)
        except ImageError as error:
            self._leave_out(record.id, error.reason)
            return None
        hard: tuple[str, ...] = ()
        if self.hard and isinstance(record, Triplet):
            if not record.hard_negatives:
                self._leave_out(record.id, "no hard negatives; mine some (instructcir mine)")
                return None
            hard = tuple(record.hard_negatives[n % len(record.hard_negatives)] for n in range(self.hard))
        wishes = ((record.instruction, record.modified_caption),) if isinstance(record, Triplet) else ()
        return Sample(record.id, image, record.caption, wishes, hard=hard)

    def _leave_out(self, sample_id: str, reason: str) -> None:
        """Name a bad sample, once."""
        if sample_id in self._named:
            return
        self._named.add(sample_id)
        with self.left_out.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"id": sample_id, "reason": reason}, ensure_ascii=False) + "\n")


def _shuffled(records: Iterable[Pair | Triplet], rng: random.Random) -> Iterator[Pair | Triplet]:
    """The same records in another order: each leaves at random a window that the next one enters."""
    window: list[Pair | Triplet] = []
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

"""Mixed work in few passes: every picture prepared once and encoded once, all that is asked about it in one row."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import torch
from PIL import Image

from instructcir.errors import ImageError, InputError
from instructcir.images import open_rgb, source_of
from instructcir.items import ImageLike
from instructcir.model.backbone import Backbone
from instructcir.model.balance import Balance
from instructcir.model.jobs import Ask, Job, OnBad
from instructcir.model.packing import Row, group_by_budget
from instructcir.model.preparation import PreparedImage
from instructcir.model.rendering import ChatRenderer

_SUFFIX_TOKENS = 1024
"""Suffix tokens that one row may hold; beyond it a picture's prefix is kept and its prompts follow in parts."""


Vector = tuple[int, torch.Tensor]
"""Place in the result, and the unit vector (D,)."""


class Planner:
    """Turns jobs into rows, rows into batches, and batches into vectors.

    Args:
        backbone: the model.
        renderer: its prompts as ids.
        prepare: the model's image preparation, from an RGB picture.
        min_side: pixels a side that the preparation needs of a JPEG file; None for all that it has.
        budget: padded tokens of a batch.
        shares: whether suffixes may share a row and a prefix; otherwise every prompt runs cold.
        longest: the most tokens that the model takes.
        own_pass: prompts longer than this are computed alone, since their length changes how tokens are placed or seen.
    """

    def __init__(
        self,
        backbone: Backbone,
        renderer: ChatRenderer,
        prepare: Callable[[Image.Image], PreparedImage],
        *,
        budget: int,
        shares: bool,
        longest: int,
        own_pass: int | None,
        min_side: int | None = None,
        workers: int = 2,
    ) -> None:
        self.backbone = backbone
        self.renderer = renderer
        self.prepare = prepare
        self.budget = budget
        self.shares = shares
        self.longest = longest
        self.own_pass = own_pass
        self.min_side = min_side
        self.workers = workers
        self._balance = Balance.of(backbone.model)

    def texts(self, texts: Sequence[str]) -> Iterator[Vector]:
        """Vectors of plain texts, in no promised order.

        Raises:
            InputError: a text is longer than the model takes.
        """
        suffixes = [tuple(self.renderer.text(text)) for text in texts]
        for number, suffix in enumerate(suffixes):
            self._check_length(len(suffix), f"text {number}")
        alone = [number for number, suffix in enumerate(suffixes) if self._is_alone(len(suffix))]
        for number in alone:
            yield from self._run([Row((), (suffixes[number],), (number,))], [])
        left = sorted(set(range(len(texts))) - set(alone), key=lambda number: len(suffixes[number]))
        rows = [Row((), (suffixes[number],), (number,)) for number in left]
        lengths = [row.length for row in rows]
        for batch in group_by_budget(lengths, range(len(rows)), self.budget):
            yield from self._run([rows[index] for index in batch], [])

    def images(
        self, jobs: Iterable[Job], on_bad: OnBad | None = None, window: int = 64
    ) -> Iterator[Iterator[list[Vector]]]:
        """Vectors of jobs, a window of jobs at a time and within it a batch at a time, in no promised order.

        A window's batches must be taken before the next window is.

        Args:
            jobs: pictures with what is asked about them; read lazily, two windows ahead at most.
            on_bad: called with a job whose picture cannot be used, which then yields no vectors.
            window: jobs that are sorted and batched together.

        Raises:
            ImageError: a picture cannot be used and there is no `on_bad`.
            InputError: a prompt is longer than the model takes.
        """
        source = iter(jobs)
        self._balance.begin()
        with ThreadPoolExecutor(self.workers, thread_name_prefix="prepare") as pool:
            ahead: deque[list[tuple[Job, Future[PreparedImage]]]] = deque()

            def submit() -> None:
                batch = [(job, pool.submit(self.open, job.image)) for job in islice(source, window)]
                if batch:
                    ahead.append(batch)

            try:
                submit()
                while ahead:
                    submit()
                    batch = ahead.popleft()
                    yield self._window(batch, on_bad)
                    self._balance.window_ended(len(batch))
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def open(self, image: ImageLike | PreparedImage) -> PreparedImage:
        """A picture prepared.

        Raises:
            ImageError: it cannot be used.
        """
        if isinstance(image, PreparedImage):
            return image
        opened = self.opened(image)
        try:
            return self.prepare(opened)
        except ImageError as error:
            raise ImageError(source_of(image), error.reason) from error

    def opened(self, image: ImageLike) -> Image.Image:
        """A picture as this model's preparation takes it: RGB, of a large JPEG file as few pixels as `min_side` allows.

        Raises:
            ImageError: it cannot be used.
        """
        return open_rgb(image, min_side=self.min_side)

    def _window(self, batch: list[tuple[Job, Future[PreparedImage]]], on_bad: OnBad | None) -> Iterator[list[Vector]]:
        jobs: list[tuple[Job, PreparedImage]] = []
        for job, future in batch:
            try:
                jobs.append((job, future.result()))
            except ImageError as error:
                if on_bad is None:
                    raise
                on_bad(job, error)
        rows: list[Row] = []
        for source, (job, image) in enumerate(jobs):
            for row in self.rows(job.asks, image, source):
                if sum(map(len, row.suffixes)) > _SUFFIX_TOKENS and len(row.suffixes) > 1:
                    yield from self._in_parts(row, image)
                else:
                    rows.append(row)
        images = [image for _, image in jobs]
        for numbers in self._batches(rows, images):
            chosen = [rows[number] for number in numbers]
            with self._balance.turn():
                found = list(self._run(chosen, [images[row.source or 0] for row in chosen]))
            yield found

    def check_gallery(self, image: PreparedImage) -> None:
        """Refuse a picture whose gallery prompt the model cannot take.

        Raises:
            InputError: it is longer than the model takes.
        """
        prefix = self.renderer.prefix("gallery", image.expansion)
        length = len(prefix.ids) + len(self.renderer.suffix("gallery", prefix, ""))
        self._check_length(length, "the picture", "make it smaller")

    def rows(self, asks: Sequence[Ask], image: PreparedImage, source: int) -> list[Row]:
        """The rows of one picture: one for all that can share its prefix, one each for what must run alone.

        Raises:
            InputError: a prompt is longer than the model takes.
        """
        shared: dict[tuple[int, ...], list[tuple[tuple[int, ...], int]]] = {}
        alone: list[Row] = []
        for ask in asks:
            prefix = self.renderer.prefix(ask.kind, image.expansion)
            suffix = tuple(self.renderer.suffix(ask.kind, prefix, ask.text))
            length = len(prefix.ids) + len(suffix)
            # the picture alone may be too much: then no shorter text helps
            remedy = "shorten it" if ask.text and len(prefix.ids) < self.longest else "use a smaller picture"
            self._check_length(length, f"{ask.kind} {ask.output}", remedy)
            if self._is_alone(length) or not self.shares:
                alone.append(Row(prefix.ids, (suffix,), (ask.output,), source))
            else:
                shared.setdefault(prefix.ids, []).append((suffix, ask.output))
        packed = [
            Row(ids, tuple(suffix for suffix, _ in found), tuple(output for _, output in found), source)
            for ids, found in shared.items()
        ]
        return packed + alone

    def _batches(self, rows: list[Row], images: list[PreparedImage]) -> Iterator[list[int]]:
        """Rows of like pictures and lengths together, and those of one picture, so that it is seen once.

        Rows that must run alone do.
        """
        groups: dict[object, dict[int, list[int]]] = {}
        for number, row in enumerate(rows):
            source = row.source or 0
            kind = ("alone", number) if self._is_alone(row.longest) else images[source].signature
            groups.setdefault(kind, {}).setdefault(source, []).append(number)
        for of_source in groups.values():
            bundles = [part for numbers in of_source.values() for part in self._bundles(numbers, rows)]
            lengths = [max(rows[number].length for number in bundle) for bundle in bundles]
            order = sorted(range(len(bundles)), key=lengths.__getitem__)
            for batch in group_by_budget(lengths, order, self.budget, [len(bundle) for bundle in bundles]):
                yield [number for index in batch for number in bundles[index]]

    def _bundles(self, numbers: list[int], rows: list[Row]) -> list[list[int]]:
        """One picture's rows, in parts that fit a batch."""
        lengths = [rows[number].length for number in numbers]
        order = sorted(range(len(numbers)), key=lengths.__getitem__)
        return [[numbers[index] for index in part] for part in group_by_budget(lengths, order, self.budget)]

    def _in_parts(self, row: Row, image: PreparedImage) -> Iterator[list[Vector]]:
        with self._balance.turn():
            state = self.backbone.start(row.prefix, image)
        order = range(len(row.suffixes))
        for part in cut_by_tokens([len(row.suffixes[number]) for number in order], _SUFFIX_TOKENS):
            with self._balance.turn():
                unit = self.backbone.go_on(state, [row.suffixes[number] for number in part])
            yield [(row.outputs[number], vector) for number, vector in zip(part, unit, strict=True)]

    def runs_alone(self, row: Row) -> bool:
        """Whether a row of one prompt must not use, or make, a shared prefix."""
        return not self.shares or self._is_alone(row.longest)

    def alone(self, row: Row, image: PreparedImage) -> torch.Tensor:
        """The vector (D,) of a row of one prompt, by a pass of its own."""
        return next(vector for _, vector in self._run([row], [image]))

    def _run(self, rows: list[Row], images: list[PreparedImage]) -> Iterator[Vector]:
        run = self.backbone.embed_cold if self.runs_alone(rows[0]) else self.backbone.embed
        for row, unit in zip(rows, run(rows, images), strict=True):
            yield from zip(row.outputs, unit, strict=True)

    def _is_alone(self, length: int) -> bool:
        return self.own_pass is not None and length > self.own_pass

    def _check_length(self, length: int, what: str, remedy: str = "shorten it") -> None:
        if length > self.longest:
            raise InputError(
                f"{what} takes {length:,} tokens with its prompt; the model takes {self.longest:,}: {remedy}"
            )


def cut_by_tokens(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Numbers of consecutive items whose lengths add up to at most `most`; a longer item stands alone."""
    part: list[int] = []
    total = 0
    for number, length in enumerate(lengths):
        if part and total + length > most:
            yield part
            part, total = [], 0
        part.append(number)
        total += length
    if part:
        yield part

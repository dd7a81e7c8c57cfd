"""One shard of a run: a bounded number of sources, planned, written, checked, and stored as a whole."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from instructcir.errors import InstructcirError
from instructcir.files import write_atomic
from instructcir.synthesis.counts import Counts
from instructcir.synthesis.planning import Order, Planner
from instructcir.synthesis.stored import VerdictFile, verdict_file
from instructcir.synthesis.writer import Draft, Task, Writer
from instructcir.synthesis.written import Filter, Provenance, Source, Verdict, Written, examine

_AHEAD = 256
"""Sources that are planned before the first one's triplets count. The plan so depends on no answer's arrival time."""

Filters = Callable[[], Sequence[Filter]]
"""Makes the filters of one shard."""


class BudgetReached(InstructcirError):
    """The next question would cost more than is allowed."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a shard's content depends on, beside its sources, the writer and the filters.

    Attributes:
        per_source: triplets that are asked for from one source.
        seed: of the plan.
        began: when the run began, in UTC; the time of triplets that a writer gives no time.
    """

    per_source: int
    seed: int
    began: str


@dataclass(frozen=True, slots=True)
class Places:
    """Where one shard's files are.

    Attributes:
        folder: of the run.
        number: the shard's.
    """

    folder: Path
    number: int

    @property
    def kept(self) -> Path:
        """The triplets that training reads."""
        return self.folder / f"{self.number:05}.parquet"

    @property
    def rejected(self) -> Path:
        """The others, with reasons."""
        return self.folder / "rejected" / f"{self.number:05}.parquet"

    @property
    def mark(self) -> Path:
        """Its counts; written last, so that it says that the shard is whole."""
        return self.folder / "shards" / f"{self.number:05}.json"

    def counts(self) -> Counts | None:
        """The counts of a whole shard; None where it is not whole, or where the budget ended it."""
        if not self.mark.exists():
            return None
        values = json.loads(self.mark.read_text(encoding="utf-8"))
        return None if values["ended"] else Counts.from_dict(values)


def write_shard(
    sources: Sequence[Source],
    writer: Writer,
    filters: Filters,
    settings: Settings,
    places: Places,
    progress: Callable[[int], None] | None = None,
) -> tuple[Counts, str]:
    """Write one shard.

    Args:
        sources: what it is written from.
        writer: that writes.
        filters: makes the filters.
        settings: of the run.
        places: where the files go; their folders exist.
        progress: called with numbers of triplets that are done.

    Returns:
        Its counts, and why it ended early, or an empty string. What was written until then is stored.

    Raises:
        InstructcirError: the writer can write nothing at all, or the files cannot be written.
    """
    with ExitStack() as stack:
        kept = stack.enter_context(verdict_file(places.kept))
        rejected = stack.enter_context(verdict_file(places.rejected, reasons=True))
        work = _Shard(writer, filters(), settings, places.number, kept, rejected, progress or (lambda _: None))
        work.run(sources)
    values = {**work.counts.to_dict(), "ended": work.ended}
    write_atomic(places.mark, json.dumps(values, indent=1) + "\n")
    return work.counts, work.ended


class _Shard:
    """The work on one shard: a window of groups of tasks, taken out in the order in which they were put in."""

    def __init__(
        self,
        writer: Writer,
        filters: Sequence[Filter],
        settings: Settings,
        number: int,
        kept: VerdictFile,
        rejected: VerdictFile,
        progress: Callable[[int], None],
    ) -> None:
        self._writer, self._filters, self._settings, self._progress = writer, filters, settings, progress
        self._kept, self._rejected = kept, rejected
        self._planner = Planner(settings.seed * 1_000_003 + number)
        self._window: deque[tuple[list[Task], Future[list[list[Draft]]]]] = deque()
        self._pool: ThreadPoolExecutor | None = None
        self.counts = Counts()
        self.ended = ""

    def run(self, sources: Sequence[Source]) -> None:
        at_once = self._writer.at_once
        ahead = max(1, _AHEAD // at_once)
        if self._writer.concurrency:
            self._pool = ThreadPoolExecutor(self._writer.concurrency)
        try:
            for start in range(0, len(sources), at_once):
                if len(self._window) >= ahead:
                    self._take()
                if self.ended:
                    break
                self._put(sources[start : start + at_once])
            while self._window:
                self._take()
        finally:
            if self._pool is not None:
                self._pool.shutdown(cancel_futures=True)

    def _put(self, sources: Sequence[Source]) -> None:
        tasks = []
        for source in sources:
            possible = self._writer.possible(source)
            self.counts.sources += 1
            if possible is not None and not possible:
                self.counts.untouched += 1
            else:
                tasks.append(Task(source, tuple(self._planner.orders(self._settings.per_source, possible))))
        if tasks:
            self._window.append((tasks, self._begin(tasks)))

    def _begin(self, tasks: list[Task]) -> Future[list[list[Draft]]]:
        if self._pool is not None:
            return self._pool.submit(self._writer.write, tasks)
        done: Future[list[list[Draft]]] = Future()
        try:
            done.set_result(self._writer.write(tasks))
        except BudgetReached as error:
            done.set_exception(error)
        return done

    def _take(self) -> None:
        if not self._window:
            return
        tasks, future = self._window.popleft()
        try:
            drafts = future.result()
        except BudgetReached as error:
            self.ended = str(error)
            self.counts.sources -= len(tasks)
            return
        for task, given in zip(tasks, drafts, strict=True):
            for number, (order, draft) in enumerate(zip(task.orders, given, strict=True)):
                self._judge(task.source, number, order, draft)
        self._progress(sum(len(task.orders) for task in tasks))

    def _judge(self, source: Source, number: int, order: Order, draft: Draft) -> None:
        origin = Provenance(self._writer.name, self._writer.prompt, draft.time or self._settings.began)
        written = Written(
            source.id,
            number,
            draft.instruction,
            draft.modified_caption,
            draft.kind,
            draft.style,
            draft.aspects,
            origin,
        )
        if draft.reason:
            verdict = Verdict(written, draft.reason, draft.detail)
        else:
            verdict = examine(source, written, self._filters)
        (self._kept if verdict.kept else self._rejected).add(source, verdict)
        self.counts.ask(order)
        self.counts.take(verdict)
        self._planner.tell(order, verdict)

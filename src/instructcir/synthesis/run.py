"""A whole run: shards one after the other, in processes or on a cluster, resumed where it was stopped, added up."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from instructcir.errors import InputError
from instructcir.files import PathLike, write_atomic
from instructcir.synthesis.counts import Counts
from instructcir.synthesis.shard import Filters, Places, Settings, write_shard
from instructcir.synthesis.spread import Spread
from instructcir.synthesis.stored import read_verdicts, verdict_file
from instructcir.synthesis.writer import Writer
from instructcir.synthesis.written import Source

SHARD = 2000
"""Sources of a shard; all that is held in memory at once."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a run goes.

    Attributes:
        per_source: triplets that are asked for from one source.
        shard_size: sources of a shard.
        seed: another one plans, and edits by rules, in another way.
        workers: processes; more than one only with a writer that needs no threads.
        about: whatever else the result depends on, such as the input's name; a resumed run must have the same.
    """

    per_source: int = 4
    shard_size: int = SHARD
    seed: int = 0
    workers: int = 1
    about: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run left.

    Attributes:
        counts: of all shards.
        ended: why it ended before its input did; empty where it did not.
        kept: the file or folder of kept triplets.
        rejected: that of the others.
    """

    counts: Counts
    ended: str
    kept: Path
    rejected: Path


Tell = Callable[[int, Counts], None]
"""Called with a shard's number and its counts, also for those that were there before."""


def run_folder(into: PathLike) -> Path:
    """The folder of shards behind an output: itself, or for NAME.parquet the folder NAME.parts beside it."""
    path = Path(into)
    return path.with_suffix(".parts") if path.suffix == ".parquet" else path


def synthesise(
    sources: Iterable[Source],
    writer: Writer | Spread,
    filters: Filters,
    into: PathLike,
    options: Options | None = None,
    *,
    progress: Callable[[int], None] | None = None,
    tell: Tell | None = None,
) -> Outcome:
    """Write triplets from sources, check them, and store both kinds; go on where an earlier run was stopped.

    Args:
        sources: in an order that is the same every time; read once, a shard at a time.
        writer: that writes, or a cluster whose workers each have one.
        filters: makes the filters of a shard; with several workers a function of a module.
        into: a folder for shards, or a .parquet file, which is put together at the end.
        options: how it goes.
        progress: called with numbers of triplets that are done.
        tell: called after each shard.

    Returns:
        What it left; where it was killed, the next call with the same arguments goes on.

    Raises:
        InputError: the place holds another run, or an argument is wrong.
        InstructcirError: the writer can write nothing at all.
    """
    options = options or Options()
    _check(options, writer)
    folder = run_folder(into)
    began = _begin(folder, writer, filters, options)
    settings = Settings(options.per_source, options.seed, began)
    work = _Run(folder, writer, filters, settings, options.workers, progress or (lambda _: None), tell)
    total, ended = work.all_shards(_batches(sources, options.shard_size))
    return _finish(Path(into), folder, total, ended, work.shards)


def _check(options: Options, writer: Writer | Spread) -> None:
    for name in ("per_source", "shard_size", "workers"):
        if getattr(options, name) < 1:
            raise InputError(f"{name} is {getattr(options, name)}; it is at least 1")
    if options.workers > 1 and isinstance(writer, Spread):
        raise InputError("a cluster has workers of its own; leave the number of processes out")
    if options.workers > 1 and not isinstance(writer, Spread) and writer.concurrency:
        raise InputError(f"{writer.name} answers many questions at once by itself; several workers are for rules")


def _begin(folder: Path, writer: Writer | Spread, filters: Filters, options: Options) -> str:
    """Write down what the run is, or make sure that it is this one; return when it began."""
    settings = {name: value for name, value in asdict(options).items() if name != "workers"}
    names = ", ".join(check.__name__ for check in filters())
    about = {"writer": writer.name, "prompt": writer.prompt, "filters": names, **settings}
    path = folder / "run.json"
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        began = before.pop("began")
        for name in {*before, *about}:
            if before.get(name) != about.get(name):
                raise InputError(
                    f"{folder}: was begun with {name} = {before.get(name)!r}, not {about.get(name)!r}; "
                    "name another place, or delete this one"
                )
        return str(began)
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder}: is not empty and holds no run; name another place")
    for needed in ("rejected", "shards"):
        (folder / needed).mkdir(parents=True, exist_ok=True)
    began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    write_atomic(path, json.dumps({"began": began, **about}, indent=1, ensure_ascii=False) + "\n")
    return began


def _batches(sources: Iterable[Source], size: int) -> Iterator[list[Source]]:
    left = iter(sources)
    while batch := list(itertools.islice(left, size)):
        yield batch


class _Run:
    def __init__(
        self,
        folder: Path,
        writer: Writer | Spread,
        filters: Filters,
        settings: Settings,
        workers: int,
        progress: Callable[[int], None],
        tell: Tell | None,
    ) -> None:
        self._folder, self._writer, self._filters, self._settings = folder, writer, filters, settings
        self._workers, self._progress, self._tell = workers, progress, tell or (lambda _, __: None)
        self._total = Counts()
        self.shards = 0

    def all_shards(self, batches: Iterator[list[Source]]) -> tuple[Counts, str]:
        if isinstance(self._writer, Spread):
            ended = self._on_cluster(self._writer, batches)
        elif self._workers == 1:
            ended = self._here(self._writer, batches)
        else:
            ended = self._elsewhere(self._writer, batches)
        return self._total, ended

    def _left(self, batches: Iterator[list[Source]]) -> Iterator[tuple[Places, list[Source]]]:
        """The shards that are not whole yet; the others are counted."""
        for number, batch in enumerate(batches):
            places = Places(self._folder, number)
            self.shards = number + 1
            if (counts := places.counts()) is None:
                yield places, batch
            else:
                self._progress(counts.requested)
                self._add(number, counts)

    def _here(self, writer: Writer, batches: Iterator[list[Source]]) -> str:
        for places, batch in self._left(batches):
            counts, ended = write_shard(batch, writer, self._filters, self._settings, places, self._progress)
            self._add(places.number, counts)
            if ended:
                return ended
        return ""

    def _on_cluster(self, cluster: Spread, batches: Iterator[list[Source]]) -> str:
        first = ""
        for places, counts, ended in cluster.shards(self._left(batches), self._filters, self._settings):
            self._progress(counts.requested)
            self._add(places.number, counts)
            first = first or ended
        return first

    def _elsewhere(self, writer: Writer, batches: Iterator[list[Source]]) -> str:
        """In processes that start afresh: they inherit no threads and no memory."""
        running: dict[Future[tuple[Counts, str]], Places] = {}

        def take_one() -> None:
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                places = running.pop(done)
                counts, _ = done.result()
                self._progress(counts.requested)
                self._add(places.number, counts)

        with ProcessPoolExecutor(self._workers, get_context("spawn")) as pool:
            for places, batch in self._left(batches):
                job = pool.submit(write_shard, batch, writer, self._filters, self._settings, places)
                running[job] = places
                del batch
                while len(running) > self._workers:  # one waits, so that nobody does
                    take_one()
            while running:
                take_one()
        return ""

    def _add(self, number: int, counts: Counts) -> None:
        self._total.add(counts)
        self._tell(number, counts)


def _finish(into: Path, folder: Path, total: Counts, ended: str, shards: int) -> Outcome:
    places = [Places(folder, number) for number in range(shards)]
    there = [one for one in places if one.mark.exists()]
    rows = [sum(pq.read_metadata(getattr(one, name)).num_rows for one in there) for name in ("kept", "rejected")]
    total.check(rows[0], rows[1])
    write_atomic(folder / "counts.json", json.dumps({**total.to_dict(), "ended": ended}, indent=1) + "\n")
    if into == folder:
        return Outcome(total, ended, folder, folder / "rejected")
    rejected = into.with_suffix(".rejected.parquet")
    _join([one.kept for one in there], into, reasons=False)
    _join([one.rejected for one in there], rejected, reasons=True)
    return Outcome(total, ended, into, rejected)


def _join(parts: list[Path], into: Path, *, reasons: bool) -> None:
    with verdict_file(into, reasons=reasons) as file:
        for part in parts:
            for source, verdict in read_verdicts(part):
                file.add(source, verdict)


def counts_of(into: PathLike) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a run is, and what came of it, as `run.json` and `counts.json` tell.

    Args:
        into: the file or folder that the run was written into.

    Raises:
        InputError: there is no run, or it is not at its end.
    """
    folder = run_folder(into)
    try:
        told = [json.loads((folder / name).read_text(encoding="utf-8")) for name in ("run.json", "counts.json")]
    except OSError:
        raise InputError(f"{into}: no finished run of `instructcir synthesize` is there") from None
    return told[0], told[1]

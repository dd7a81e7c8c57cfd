"""The triplet factory without a language model: rules through all filters into shards, beside a plain loop.

    python bench/synthesis.py                # 40,000 triplets, two processes
    python bench/synthesis.py --sources 250000
    python bench/synthesis.py --quick        # 4,000 triplets

Captions are those of the drawn worlds, no two from the same facts. The loop does the same work in the plainest way: one
list, one file at the end, nothing to resume from. Beside the rate by the clock stands the one by the processor's time,
which a busy machine does not change: what two whole cores would make.
"""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from instructcir.synthesis.filters import all_filters
from instructcir.synthesis.planning import Planner
from instructcir.synthesis.rules import RuleWriter
from instructcir.synthesis.run import Options, synthesise
from instructcir.synthesis.writer import Draft, Task
from instructcir.synthesis.written import Provenance, Source, Written, examine
from instructcir.worlds.registry import world

PER_SOURCE, CORES, TARGET = 4, 2, 5000
ORIGIN = Provenance("rules", "0" * 16, "2026-01-31T12:00:00Z")


def drawn(count: int) -> list[Source]:
    """Sources with captions of both worlds."""
    rng, worlds = random.Random(0), [world("wardrobe"), world("landscapes")]
    captions = (worlds[n % 2].caption(worlds[n % 2].sample(rng), rng) for n in range(count))
    return [Source(f"{n:07}", f"{n:07}.png", caption) for n, caption in enumerate(captions)]


def written(source: Source, number: int, draft: Draft) -> Written:
    texts = draft.instruction, draft.modified_caption, draft.kind, draft.style, draft.aspects
    return Written(source.id, number, *texts, ORIGIN)


def drafts(sources: list[Source]) -> Iterator[tuple[Source, Written]]:
    writer, planner = RuleWriter(), Planner()
    for source in sources:
        if possible := writer.possible(source):
            [given] = writer.write([Task(source, tuple(planner.orders(PER_SOURCE, possible)))])
            yield from ((source, written(source, number, draft)) for number, draft in enumerate(given))


def through_filters(prepared: list[tuple[Source, Written]]) -> int:
    filters = all_filters()
    for source, one in prepared:
        examine(source, one, filters)
    return len(prepared)


_TOGETHER: list[Barrier] = []
"""In a process of `filters_in_processes`: what all wait at, so that they filter at the same time."""


def meet_at(barrier: Barrier) -> None:
    _TOGETHER.append(barrier)


def timed_part(prepared: list[tuple[Source, Written]]) -> tuple[float, float, float]:
    """In a process: when it began and ended by the system's clock, and the processor time between."""
    through_filters(prepared[:100])  # word lists are read
    _TOGETHER[0].wait()
    began, before = time.monotonic(), time.process_time()
    through_filters(prepared)
    return began, time.monotonic(), time.process_time() - before


def filters_in_processes(prepared: list[tuple[Source, Written]], count: int) -> tuple[float, float]:
    """Triplets a second of the filters alone in so many processes, each with its part as with a shard."""
    context = get_context("spawn")
    size = len(prepared) // count
    parts = [prepared[place * size : (place + 1) * size] for place in range(count)]
    with ProcessPoolExecutor(count, context, meet_at, (context.Barrier(count),)) as pool:
        timed = list(pool.map(timed_part, parts))
    seconds = max(end for _, end, _ in timed) - min(begin for begin, *_ in timed)
    spent = sum(used for *_, used in timed)
    return tell(f"all filters, nothing else, {count} processes", count * size, seconds, spent, count)


def loop(sources: list[Source], folder: Path) -> int:
    """The peer: everything in one list."""
    filters, rows = all_filters(), []
    for source, one in drafts(sources):
        verdict = examine(source, one, filters)
        row = {"image": source.image, "caption": source.caption, "id": one.id, "reason": verdict.reason}
        row |= {"instruction": one.instruction, "modified_caption": one.modified_caption, "kind": one.kind}
        rows.append(row | {"style": one.style, "aspects": list(one.aspects), "passed": list(verdict.passed)})
    pq.write_table(pa.Table.from_pylist(rows), folder / "loop.parquet")
    return len(rows)


def factory(sources: list[Source], folder: Path, workers: int) -> int:
    options = Options(PER_SOURCE, shard_size=1000, workers=workers)
    return synthesise(iter(sources), RuleWriter(), all_filters, folder / f"factory{workers}", options).counts.requested


def processor_seconds() -> float:
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)


def measure(name: str, work: Callable[[], int], cores: int) -> tuple[float, float]:
    """Triplets a second by the clock, and as so many whole cores would make them."""
    clock, processor = time.perf_counter(), processor_seconds()
    count = work()
    return tell(name, count, time.perf_counter() - clock, processor_seconds() - processor, cores)


def tell(name: str, count: int, seconds: float, spent: float, cores: int) -> tuple[float, float]:
    rates = count / seconds, cores * count / spent
    print(f"{name:38} {count:9,} triplets {rates[0]:9,.0f} /s by the clock {rates[1]:9,.0f} /s on {cores} whole cores")
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", type=int, default=10_000)
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    sources = drawn(1000 if asked.quick else asked.sources)
    prepared = list(drafts(sources))

    with tempfile.TemporaryDirectory() as folder:
        measure("all filters, nothing else, one process", lambda: through_filters(prepared), 1)
        both = filters_in_processes(prepared, CORES)
        peer = measure("a plain loop, one process", lambda: loop(sources, Path(folder)), 1)
        measure("the factory, one process", lambda: factory(sources, Path(folder), 1), 1)
        ours = measure("the factory, two processes", lambda: factory(sources, Path(folder), CORES), CORES)
    print(f"filters, two processes: {both[0]:,.0f} /s by the clock, {both[1]:,.0f} on whole cores; target {TARGET:,}")
    print(f"two processes to the loop: {ours[0] / peer[0]:.2f} by the clock, {ours[1] / peer[1]:.2f} by the processor")


if __name__ == "__main__":
    main()

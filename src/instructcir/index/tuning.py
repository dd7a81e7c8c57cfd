"""Building a graph over a large gallery, and finding how little effort reaches the recall that is wanted.

Shape letters: Q sample queries, G gallery, D dimensions, K top.
"""

from __future__ import annotations

import math
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from instructcir.errors import StoreError
from instructcir.index import approximate
from instructcir.index.approximate import FILE, LEFT_OVER, TARGET, Approximate
from instructcir.index.cache import Floats
from instructcir.index.lock import only_writer
from instructcir.index.manifest import Manifest
from instructcir.index.reader import View
from instructcir.index.table import PictureTable
from instructcir.ranking import blocked_top_k
from instructcir.remote import Place

KIND = "IVF_HNSW_SQ"
ROWS_A_PARTITION = 2**20
FEWEST = 256
"""Pictures below which no graph can be built: the eight-bit steps are fitted to a sample of so many."""
_TOP = 10
_QUERIES = 100
_EFFORTS = (40, 80, 160, 320, 640, 1280)
_EQUAL = 1e-6  # scores that differ by less are as good as each other
PILOT = 16_384
"""Pictures that a first small graph is built over, to tell how long a large one will take."""
_LARGE = 8  # times as many pictures, from which on that pays
Steps = Callable[[str, float | None], None]
"""Called with what is done next, in words, and the seconds that it will take, where that can be told."""
_AWAY = 0.3  # how far a sample query is moved from one picture towards another, as a modification moves it


def is_due(folder: Place) -> bool:
    """Whether an index is large and has no graph, or has grown much since it was built.

    Raises:
        StoreError: there is no index, or it cannot be read.
    """
    manifest = Manifest.read(folder)
    home = manifest.home(folder)
    table = PictureTable.open(home)
    if manifest.storage != "float16" or not approximate.is_large(len(table), manifest.identity.dimension):
        return False
    return Approximate.read(home) is None or table.outside_graph() > len(table) // LEFT_OVER


def build(folder: Place, *, target: float = TARGET, on_step: Steps | None = None) -> Approximate:
    """Build a graph over an index's vectors, and measure what it takes to reach a recall against the exact ranking.

    Meanwhile searches are exact. Killed at any moment, they stay so, and the next call builds anew.

    Args:
        folder: the index's.
        target: recall@10 that is wanted.
        on_step: told of each step; how long a large graph takes is judged by a small one, since LanceDB says nothing.

    Returns:
        What was found; it is written down. If nothing reaches the target, searches stay exact.

    Raises:
        StoreError: vectors are stored in eight bits or are too few, another run writes, or the disk refuses.
    """
    manifest = Manifest.read(folder)
    if manifest.storage != "float16":
        raise StoreError(f"{folder}: stores {manifest.storage}; a graph takes float16, so reindex first")
    tell = on_step or (lambda text, seconds: None)
    home = manifest.home(folder)
    with only_writer(folder):
        (home / FILE).unlink(missing_ok=True)  # what is known of the old graph does not hold for the new one
        table = PictureTable.open(home)
        if len(table) < FEWEST:
            raise StoreError(f"{folder}: {len(table):,} pictures, a graph takes {FEWEST} or more; search is exact")
        partitions = -(-len(table) // ROWS_A_PARTITION)
        seconds = _forecast(table, tell) if on_step else None
        tell(f"building a graph over {len(table):,} pictures", seconds)
        table.build_graph(KIND, partitions)
        found = _tuned(View(folder, manifest), partitions, target, tell)
        found.write(home)
        return found


def drop(folder: Place) -> None:
    """Forget an index's graph: searches are exact.

    Raises:
        StoreError: there is no index, another run writes, or the disk refuses.
    """
    home = Manifest.read(folder).home(folder)
    with only_writer(folder):
        (home / FILE).unlink(missing_ok=True)
        PictureTable.open(home).drop_graph()


def sample_queries(view: View, count: int = _QUERIES, seed: int = 0) -> Floats:
    """Unit vectors (Q, D) drawn from a gallery: pictures, some of them moved towards others as a modification does."""
    generator = np.random.default_rng(seed)
    from_QD, to_QD = (view.vectors(generator.integers(0, len(view), count)) for _ in range(2))
    mixed_QD = (1 - _AWAY) * from_QD + _AWAY * to_QD
    mixed_QD[::2] = from_QD[::2]  # every other one as it is
    made: Floats = mixed_QD / np.maximum(np.linalg.norm(mixed_QD, axis=1, keepdims=True), 1e-12)
    return made


def _forecast(table: PictureTable, tell: Steps) -> float | None:
    """Seconds that a large table's graph will take, from one over its first pictures; the cost grows as n log n."""
    rows = len(table)
    if rows < _LARGE * PILOT:
        return None
    tell(f"building one over {PILOT:,} pictures, to tell how long it takes", None)
    few = pa.concat_tables(_first(table.batches(["id", "vector"]), PILOT))
    with tempfile.TemporaryDirectory() as place:
        pilot = PictureTable.create(Path(place), few.schema)
        pilot.write(few)
        begin = time.perf_counter()
        pilot.build_graph(KIND, 1)
        seconds = time.perf_counter() - begin
    return seconds * rows * math.log(rows) / (PILOT * math.log(PILOT))


def _first(batches: Iterator[Any], rows: int) -> list[Any]:
    """Tables that hold so many rows together."""
    found: list[Any] = []
    for batch in batches:
        found.append(batch.slice(0, rows - sum(map(len, found))))
        if sum(map(len, found)) == rows:
            break
    return found


def _tuned(view: View, partitions: int, target: float, tell: Steps) -> Approximate:
    """The least effort that reaches the target; if none does, the most."""
    tell("ranking sample queries exactly", None)
    queries_QD = sample_queries(view)
    lowest_Q = blocked_top_k(queries_QD, view.vectors_GD, _TOP)[1][:, -1]
    for probes, effort in _settings(partitions):
        tell(f"measuring its recall at effort {effort}, {probes} of {partitions} parts", None)
        recalls, seconds = [], []
        for query_D, lowest in zip(queries_QD, lowest_Q, strict=True):
            begin = time.perf_counter()
            scores = view.nearest(query_D, _TOP, probes, effort)[1]
            seconds.append(time.perf_counter() - begin)
            recalls.append(np.count_nonzero(scores >= lowest - _EQUAL) / _TOP)
        found = Approximate(
            *(KIND, partitions, len(view), probes, effort, target),
            *(round(float(np.mean(recalls)), 4), len(queries_QD), round(1e3 * statistics.median(seconds), 3)),
        )
        if found.serves:
            break
    return found


def _settings(partitions: int) -> Iterator[tuple[int, int]]:
    """Numbers of graphs and efforts, the cheapest first."""
    probes = sorted({min(2**power, partitions) for power in range(partitions.bit_length() + 1)})
    yield from sorted(((p, e) for p in probes for e in _EFFORTS), key=lambda both: (both[0] * both[1], both[0]))

"""Vectors of many files: workers read, decode and prepare ahead; the encoder takes what is ready, in batches.

At any time a few files a worker and three and a half of the encoder's windows are in memory, however many files there
are: one that is encoded, one that is taken for it, and one that is read meanwhile, with half of one to spare, so that
neither waits for the other.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import count, islice
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from instructcir.encoding.files import FileFacts, open_picture, read_file
from instructcir.encoding.stages import Stages
from instructcir.errors import ImageError, InputError

# shapes: n pictures of a window, D dimensions

Prepared = TypeVar("Prepared")
_BEHIND = 5
"""How many steps of niceness readers stand behind the encoder."""
_AHEAD = 4  # files a worker, at least, that are read before they are asked for


class Encodes(Protocol[Prepared]):
    """What encodes pictures."""

    @property
    def min_side(self) -> int | None:
        """Pixels a side that `prepare` needs of a JPEG file; None for all that it has."""
        ...

    def prepare(self, image: Image.Image, /) -> Prepared:
        """A picture as the model wants it; called in threads. Its errors leave the file out by name."""
        ...

    def iter_images(
        self, images: Iterable[Prepared], /, *, window: int
    ) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]]:
        """Numbers (n,) and unit vectors (n, D) of a stream of prepared pictures, window by window."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class EncodedFile:
    """A file's facts and its unit vector (D,) float32."""

    facts: FileFacts
    vector: npt.NDArray[np.float32]


def encode_files(
    encoder: Encodes[Any],
    paths: Iterable[str],
    *,
    on_bad: Callable[[ImageError], None],
    stages: Stages | None = None,
    workers: int | None = None,
    window: int = 32,
) -> Iterator[EncodedFile]:
    """Encode files, in their order; those that cannot be used are reported and left out.

    Args:
        encoder: prepares pictures and makes their vectors.
        paths: files, taken lazily.
        on_bad: called, in the caller's thread, with the error that names an unusable file.
        stages: counts the seconds of "read+decode", "prepare" and "encode".
        workers: threads that read, decode and prepare; one more than there are processors, 16 at most, when None.
        window: pictures that the encoder batches together.
    """
    stages = stages or Stages()
    threads = workers or min(16, (os.cpu_count() or 1) + 1)  # one of them may wait for the disk, or for Python
    kept: dict[int, FileFacts] = {}
    waited = 0.0

    def ready() -> Iterator[Any]:
        nonlocal waited
        begin = time.perf_counter()
        for facts, prepared in _ahead(encoder, paths, on_bad, stages, threads, window):
            kept[next(numbers)] = facts
            waited += time.perf_counter() - begin
            yield prepared
            begin = time.perf_counter()
        waited += time.perf_counter() - begin

    numbers = count()
    windows = encoder.iter_images(ready(), window=window)
    while True:
        begin, waited = time.perf_counter(), 0.0
        found = next(windows, None)
        stages.add("encode", time.perf_counter() - begin - waited)
        if found is None:
            return
        for number, vector in zip(found[0].tolist(), found[1], strict=True):
            yield EncodedFile(kept.pop(number), vector)


def _ahead(
    encoder: Encodes[Any],
    paths: Iterable[str],
    on_bad: Callable[[ImageError], None],
    stages: Stages,
    workers: int,
    window: int,
) -> Iterator[tuple[FileFacts, Any]]:
    """Facts and prepared pictures in order, a bounded number of files ahead of the caller."""
    min_side = encoder.min_side

    def work(path: str) -> tuple[FileFacts, Any]:
        with stages.timed("read+decode"):
            facts, picture = open_picture(path, *read_file(path), min_side=min_side)
        with stages.timed("prepare"):
            try:
                return facts, encoder.prepare(picture)
            except ImageError as error:
                raise ImageError(path, error.reason) from error
            except InputError as error:
                raise ImageError(path, str(error)) from error

    source = iter(paths)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="read", initializer=_stand_back)
    try:
        futures: deque[Future[tuple[FileFacts, Any]]] = deque(
            pool.submit(work, path) for path in islice(source, max(_AHEAD * workers, window + window // 2))
        )
        while futures:
            future = futures.popleft()
            try:
                result = future.result()
            except ImageError as error:
                on_bad(error)
            else:
                yield result
            futures.extend(pool.submit(work, path) for path in islice(source, 1))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _stand_back() -> None:
    """Let the encoder go before this thread where both want a processor: there is one of it, and readers wait for it.

    Linux gives each thread a niceness of its own; elsewhere it is the process's, and stays.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, min(19, os.getpriority(os.PRIO_PROCESS, thread) + _BEHIND))

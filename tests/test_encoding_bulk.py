"""Many files: readers work ahead of the encoder, and stand back where both want a processor."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from instructcir.encoding.bulk import encode_files


class Watching:
    """Encodes nothing; keeps the niceness of the threads that read and of the one that encodes."""

    min_side = None

    def __init__(self) -> None:
        self.readers: set[int] = set()
        self.encoder: set[int] = set()

    def prepare(self, image: Image.Image) -> int:
        self.readers.add(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return image.width

    def iter_images(self, images: Iterable[int], *, window: int) -> Iterator[tuple[Any, Any]]:
        count = len(list(images))
        self.encoder.add(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        yield np.arange(count), np.ones((count, 4), dtype=np.float32)


@pytest.mark.skipif(sys.platform != "linux", reason="threads have a niceness of their own on Linux alone")
def test_readers_stand_behind_the_encoder(tmp_path: Path) -> None:
    for number in range(9):
        Image.new("RGB", (40, 30)).save(tmp_path / f"{number}.png")
    own, encoder = os.getpriority(os.PRIO_PROCESS, 0), Watching()
    paths = sorted(map(str, tmp_path.iterdir()))
    found = list(encode_files(encoder, paths, on_bad=lambda error: pytest.fail(str(error))))
    assert [one.facts.path for one in found] == paths
    assert encoder.encoder == {own}
    assert encoder.readers == {min(19, own + 5)}
    assert os.getpriority(os.PRIO_PROCESS, 0) == own

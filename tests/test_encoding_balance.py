"""The encoder's threads follow how much of all work its own is, and torch has its own number again afterwards."""

from __future__ import annotations

import io
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from instructcir.encoding.balance import Balance
from instructcir.encoding.bulk import encode_files

WINDOW = 32


def settled(most: int, encoder: float, reader: float, windows: int = 4) -> list[int]:
    """Threads that each window runs with, where products scale perfectly and cost `encoder` seconds with one."""
    balance, taken = Balance(most), []
    for _ in range(windows):
        taken.append(balance.threads)
        for _ in range(WINDOW):
            balance.read(reader)
        balance.encoded(WINDOW, WINDOW * encoder / balance.threads)
    return taken


@pytest.mark.parametrize(
    ("most", "encoder", "reader", "threads"),
    [
        (2, 0.0045, 0.0063, [2, 1, 1, 1]),  # the bundled model on two processors
        (16, 0.0045, 0.0063, [16, 1, 7, 7]),  # and on sixteen: 16 * 4.5 / 10.8
        (16, 0.0100, 0.0100, [16, 1, 8, 8]),
        (8, 6.0, 0.0100, [8, 8, 8, 8]),  # a large model: no window is spent on trying one thread
        (8, 0.0001, 0.0100, [8, 1, 1, 1]),
        (1, 0.0100, 0.0001, [1, 1, 1, 1]),
    ],
)
def test_the_encoder_gets_its_part_of_the_processors(
    most: int, encoder: float, reader: float, threads: list[int]
) -> None:
    assert settled(most, encoder, reader) == threads


def test_a_part_follows_pictures_that_are_read_faster() -> None:
    balance = Balance(8)
    taken = []
    for reader in (0.010, 0.010, 0.010, 0.001, 0.001, 0.010):
        for _ in range(WINDOW):
            balance.read(reader)
        balance.encoded(WINDOW, WINDOW * 0.005 / balance.threads)
        taken.append(balance.threads)
    assert taken == [1, 3, 3, 7, 7, 3]


def test_windows_without_pictures_or_readers_change_nothing() -> None:
    balance = Balance(4)
    balance.encoded(0, 1.0)
    balance.encoded(WINDOW, 1.0)
    assert balance.threads == 4


class Light:
    """Encodes at no cost what takes a while to prepare; keeps the threads that each window had."""

    min_side = None

    def __init__(self, failing: bool = False) -> None:
        self.threads: list[int] = []
        self.failing = failing

    def prepare(self, image: Image.Image) -> int:
        until = time.thread_time() + 0.002
        while time.thread_time() < until:
            pass
        return image.width

    def iter_images(self, images: Iterable[int], *, window: int) -> Iterator[tuple[Any, Any]]:
        kept = list(images)
        for start in range(0, len(kept), window):
            self.threads.append(torch.get_num_threads())
            if self.failing:
                raise MemoryError
            numbers = np.arange(start, min(start + window, len(kept)))
            yield numbers, np.ones((len(numbers), 4), dtype=np.float32)


@pytest.fixture
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    for number in range(12):
        content = io.BytesIO()
        Image.new("RGB", (40, 30), (number, 0, 0)).save(content, "PNG")
        (tmp_path / f"{number:02}.png").write_bytes(content.getvalue())
    return sorted(map(str, tmp_path.iterdir()))


def test_a_light_encoder_ends_with_one_thread(files: list[str], three_threads: None) -> None:
    encoder = Light()
    encoded = []
    for one in encode_files(encoder, files, on_bad=lambda error: pytest.fail(str(error)), window=4):
        assert torch.get_num_threads() == 3  # the caller's own products have all of them
        encoded.append(one.facts.path)
    assert encoded == files
    assert encoder.threads == [3, 1, 1]
    assert torch.get_num_threads() == 3


def test_threads_are_given_back_when_an_encoder_fails(files: list[str], three_threads: None) -> None:
    with pytest.raises(MemoryError):
        list(encode_files(Light(failing=True), files, on_bad=lambda error: pytest.fail(str(error)), window=4))
    assert torch.get_num_threads() == 3

"""A model's threads follow how much of all work its own is, and torch has its own number again afterwards."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from instructcir.images import open_rgb
from instructcir.model.balance import Balance
from instructcir.model.embedder import Embedder

WINDOW = 32


def settled(balance: Balance, encoder: float, reader: float, windows: int = 4) -> list[int]:
    """Threads that each window runs with, where products scale perfectly and cost `encoder` seconds with one."""
    taken = []
    for _ in range(windows):
        taken.append(balance.threads)
        seconds = WINDOW * encoder / balance.threads
        balance.choose(WINDOW, seconds, WINDOW * reader, seconds)
    return taken


@pytest.mark.parametrize(
    ("most", "small", "encoder", "reader", "threads"),
    [
        (2, True, 0.0045, 0.0063, [1, 1, 1, 1]),  # the bundled model on two processors
        (16, True, 0.0045, 0.0063, [1, 7, 7, 7]),  # and on sixteen: 16 * 4.5 / 10.8
        (2, True, 0.0045, 0.0010, [1, 2, 2, 2]),  # pictures that are hardly any work to read
        (16, False, 0.0100, 0.0100, [16, 1, 8, 8]),
        (8, False, 6.0, 0.0100, [8, 8, 8, 8]),  # a large model: no window is spent on trying one thread
        (8, False, 0.0001, 0.0100, [8, 1, 1, 1]),
        (8, True, 0.0100, 0.0, [1, 8, 8, 8]),
        (1, True, 0.0100, 0.0001, [1, 1, 1, 1]),
    ],
)
def test_a_model_gets_its_part_of_the_processors(
    most: int, small: bool, encoder: float, reader: float, threads: list[int]
) -> None:
    assert settled(Balance(most, small=small), encoder, reader) == threads


def test_the_part_follows_pictures_that_are_read_faster() -> None:
    balance, taken = Balance(8, small=True), []
    for reader in (0.010, 0.010, 0.001, 0.001, 0.010):
        seconds = WINDOW * 0.005 / balance.threads
        balance.choose(WINDOW, seconds, WINDOW * reader, seconds)
        taken.append(balance.threads)
    assert taken == [3, 3, 7, 7, 3]


def test_a_window_of_few_pictures_changes_nothing() -> None:
    balance = Balance(4)
    for pictures in (0, 1, 7):
        balance.choose(pictures, 0.1 * pictures, 1.0, 0.1 * pictures)
        assert balance.threads == 4
    balance.choose(8, 0.8, 1.0, 0.8)
    assert balance.threads == 1


@pytest.mark.parametrize(("free", "settled_at"), [(1, 1), (2, 2), (3, 3), (4, 4), (8, 8)])
def test_threads_that_gain_nothing_are_not_taken(free: int, settled_at: int) -> None:
    """Eight are shown, fewer are there: more threads than are free take longer than one, as they do."""
    balance, taken = Balance(8, small=True), []
    for _ in range(6):
        taken.append(balance.threads)
        seconds = 0.01 / balance.threads if balance.threads <= free else 0.02
        balance.choose(WINDOW, WINDOW * 0.01, 0.0, WINDOW * seconds)
    assert taken[:2] == [1, 8]
    assert taken[-1] == {3: 2}.get(settled_at, settled_at)  # halves are tried, not all numbers


def test_twice_as_many_are_tried_again_when_the_processors_may_be_free() -> None:
    balance, taken = Balance(4, small=True), []
    for window in range(200):
        taken.append(balance.threads)
        gains = balance.threads == 1 or window >= 100
        balance.choose(WINDOW, WINDOW * 0.01, 0.0, WINDOW * (0.01 / balance.threads if gains else 0.05))
    assert taken[:5] == [1, 4, 2, 1, 1]
    assert taken[:100].count(2) == 2  # one trial in vain
    assert taken[-1] == 4


@pytest.fixture
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_where_another_device_computes_there_is_nothing_to_choose(three_threads: None) -> None:
    model = torch.nn.Linear(4, 4, device="meta")
    assert settled(Balance.of(model), 0.01, 0.01) == [1, 1, 1, 1]
    assert settled(Balance.of(torch.nn.Linear(4, 4)), 0.01, 0.01) == [1, 2, 2, 2]


def test_torchs_number_may_change(three_threads: None) -> None:
    balance = Balance.of(torch.nn.Linear(4, 4))
    assert settled(balance, 0.01, 0.0, windows=2) == [1, 3]
    torch.set_num_threads(2)
    balance.begin()
    assert settled(balance, 0.01, 0.0) == [2, 2, 2, 2]
    torch.set_num_threads(8)
    balance.begin()
    assert settled(balance, 0.01, 0.0) == [2, 8, 8, 8]


def test_threads_are_given_back_also_after_an_error(three_threads: None) -> None:
    balance, seen = Balance(3, small=True), []

    def fail() -> None:
        seen.append(torch.get_num_threads())
        raise MemoryError

    with pytest.raises(MemoryError), balance.turn():
        fail()
    assert (seen, torch.get_num_threads()) == ([1], 3)


def test_a_windows_time_is_told_apart(three_threads: None) -> None:
    balance, seen = Balance(3, small=True), []
    balance.choose = lambda *told: seen.append(told)  # type: ignore[method-assign]
    with balance.turn():
        busy(0.2)
    busy(0.1)
    balance.window_ended(5)
    busy(0.1)
    balance.window_ended(7)
    busy(0.1)
    balance.begin()
    balance.window_ended(9)
    (first, own, rest, clock), (second, none, later, _), (_, _, least, _) = seen
    assert (first, second, none) == (5, 7, 0.0)
    assert 0.2 <= own < 0.3
    assert clock >= own * 0.99
    assert 0.1 <= rest < 0.2
    assert 0.1 <= later < 0.2
    assert least < 0.05


def busy(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def test_embedding_pictures_that_are_work_to_read_takes_one_thread(
    three_threads: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = Embedder.load("tiny", "cpu")
    taken: list[int] = []
    own = embedder.planner.backbone.embed

    def watched(*args: Any) -> Any:
        taken.append(torch.get_num_threads())
        return own(*args)

    def slow(image: Any) -> Any:
        busy(0.02)
        return open_rgb(image)

    monkeypatch.setattr(embedder.planner.backbone, "embed", watched)
    monkeypatch.setattr(embedder.planner, "opened", slow)
    pictures = [Image.new("RGB", (112, 112), (number, 0, 0)) for number in range(70)]
    vectors = embedder.embed_images(pictures)
    assert set(taken) == {1}
    assert torch.get_num_threads() == 3
    monkeypatch.undo()
    assert np.allclose(vectors, embedder.embed_images(pictures), atol=1e-5)

"""The batcher: what waits goes together, one fault costs one, the queue has an end, closing finishes the rest."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from instructcir.server.batching import Batcher
from instructcir.server.callers import CALLER, Caller
from instructcir.server.refusals import Refusal


class Gate:
    """Work that waits until it is let through, and remembers its batches."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.begun = threading.Event()
        self.batches: list[list[int]] = []

    def run(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        self.begun.set()
        assert self.open.wait(10)
        if 13 in numbers:
            raise ValueError("thirteen")
        return [number * number for number in numbers]


def test_what_arrives_meanwhile_goes_together_and_a_fault_costs_one() -> None:
    gate = Gate()
    batcher = Batcher(gate.run, most=8, capacity=8)
    with ThreadPoolExecutor(6) as pool:
        first = pool.submit(batcher.do, 1, 10)
        assert gate.begun.wait(10)
        others = [pool.submit(batcher.do, number, 10) for number in (2, 3, 13, 4)]
        while len(batcher) < 4:
            pass
        gate.open.set()
        assert first.result() == 1
        assert [others[place].result() for place in (0, 1, 3)] == [4, 9, 16]
        with pytest.raises(ValueError, match="thirteen"):
            others[2].result()
    assert gate.batches[0] == [1]
    assert sorted(gate.batches[1]) == [2, 3, 4, 13]
    batcher.close()


def test_a_full_queue_and_slow_work_are_refused_and_what_was_given_up_is_not_begun() -> None:
    gate = Gate()
    batcher = Batcher(gate.run, most=1, capacity=1)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(batcher.do, 1, 10)
        assert gate.begun.wait(10)
        with pytest.raises(Refusal, match="took longer") as slow:
            batcher.do(2, 0.05)  # waits in the queue, and stays there
        assert slow.value.status == 504
        with pytest.raises(Refusal) as full:
            batcher.do(3, 0.05)
        assert (full.value.status, full.value.headers) == (503, {"Retry-After": "1"})
        gate.open.set()
        assert first.result() == 1
    batcher.close()
    assert gate.batches == [[1]]
    with pytest.raises(Refusal):
        batcher.do(4, 1)


def test_work_for_a_client_that_has_gone_is_not_begun() -> None:
    gate = Gate()
    batcher = Batcher(gate.run, most=8, capacity=8)
    callers = {number: Caller() for number in (1, 2, 3)}

    def ask(number: int) -> int:
        CALLER.set(callers[number])
        return batcher.do(number, 10)

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(ask, 1)
        assert gate.begun.wait(10)
        second = pool.submit(ask, 2)
        while len(batcher) < 1:
            pass
        callers[2].leave()
        with pytest.raises(Refusal) as gone:
            second.result(10)  # at once: the batcher is still at its first piece
        assert gone.value.status == 499
        callers[3].leave()  # before it asks
        with pytest.raises(Refusal):
            ask(3)
        callers[1].leave()  # too late: it has begun
        gate.open.set()
        assert first.result() == 1
    batcher.close()
    assert gate.batches == [[1]]

"""Requests that arrive together are worked on together: one thread, a bounded queue, as many at once as wait."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as Late
from typing import Generic, TypeVar

from instructcir.server.callers import CALLER, Caller
from instructcir.server.refusals import busy, gone, too_slow

Work = TypeVar("Work")
Done = TypeVar("Done")
log = logging.getLogger("instructcir.server")


class Batcher(Generic[Work, Done]):
    """Gives all work to one function, in batches; `close` it at the end.

    While a batch is being worked on, what arrives waits, and makes the next batch. So a lone request never waits for
    company, and under load batches grow by themselves.

    Args:
        run: gets 1 to `most` pieces of work and returns their results in order; an error fails the whole batch, which
            is then tried again a piece at a time, so that one bad piece does not cost the others.
        most: pieces in one batch.
        capacity: pieces that may wait.
        on_batch: told how many pieces each batch has.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Work]], Sequence[Done]],
        *,
        most: int,
        capacity: int,
        on_batch: Callable[[int], None] = lambda size: None,
    ) -> None:
        self._run = run
        self._most = most
        self._on_batch = on_batch
        self._waiting: queue.Queue[tuple[Work, Future[Done]] | None] = queue.Queue(capacity)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, name="batcher", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        """Pieces that wait."""
        return self._waiting.qsize()

    def do(self, work: Work, seconds: float) -> Done:
        """Have a piece of work done, and wait for it.

        Raises:
            Refusal: the queue is full, the batcher is closed (503), it takes longer than `seconds` (504), or the client
                that it is for has gone away (499); work that has not begun by then is never begun.
        """
        future: Future[Done] = Future()
        if self._closed.is_set():
            raise busy(5)
        try:
            self._waiting.put_nowait((work, future))
        except queue.Full:
            raise busy() from None
        with (CALLER.get() or Caller()).waiting(future):
            try:
                return future.result(seconds)
            except Late:
                future.cancel()
                raise too_slow() from None
            except CancelledError:
                raise gone() from None

    def close(self) -> None:
        """Finish what waits, and take nothing more."""
        self._closed.set()
        with contextlib.suppress(queue.Full):  # a full queue is noticed without being told
            self._waiting.put_nowait(None)
        self._thread.join()

    def _work(self) -> None:
        while True:
            try:
                first = self._waiting.get(timeout=0.5)
            except queue.Empty:
                first = None
            if first is None:
                if self._closed.is_set() and self._waiting.empty():
                    return
                continue
            batch = [first, *self._others()]
            live = [(work, future) for work, future in batch if future.set_running_or_notify_cancel()]
            if live:
                self._on_batch(len(live))
                self._do(live)

    def _others(self) -> list[tuple[Work, Future[Done]]]:
        found: list[tuple[Work, Future[Done]]] = []
        while len(found) < self._most - 1:
            try:
                one = self._waiting.get_nowait()
            except queue.Empty:
                break
            if one is not None:
                found.append(one)
        return found

    def _do(self, batch: Sequence[tuple[Work, Future[Done]]]) -> None:
        try:
            results = self._run([work for work, _ in batch])
        except Exception as error:  # noqa: BLE001 - it goes to whoever waits for it
            if len(batch) == 1:
                batch[0][1].set_exception(error)
                return
            log.info("a batch of %d failed (%s); each is tried alone", len(batch), type(error).__name__)
            for one in batch:
                self._do([one])
            return
        for (_, future), result in zip(batch, results, strict=True):
            future.set_result(result)

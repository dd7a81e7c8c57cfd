"""Work spread over a Ray cluster: batches go to workers that each hold what is costly to make, such as a model.

A worker that dies, with its machine or alone, is replaced, and its batches are done again elsewhere. So work must be
fit to be done twice, and its result small: what is large is written where all machines reach it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from instructcir.errors import DependencyError, InputError, InstructcirError, StoreError

Batch = TypeVar("Batch")
Result = TypeVar("Result")
LOCAL = "local"
_AHEAD = 2  # batches that a worker has: one at work, one waiting
_TRIES = 4


@dataclass(frozen=True, slots=True)
class Share:
    """What workers take of a cluster.

    Attributes:
        workers: how many there are.
        cpus: processors of each.
        gpus: accelerators of each.
    """

    workers: int
    cpus: float
    gpus: float


def every_processor(ray: Any) -> Share:
    """A worker for each processor of a cluster, for work that uses one."""
    return Share(max(1, int(ray.cluster_resources().get("CPU", 1))), 1, 0)


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Ray, joined to a cluster during a block; a connection that is there already is used and left.

    Args:
        address: host:port, `auto` for the one on this machine, or `local` to start one here.

    Raises:
        DependencyError: Ray is not installed.
        InputError: no cluster answers there.
    """
    try:
        import ray
    except ImportError as error:
        raise DependencyError("a cluster takes Ray: pip install 'instructcir[ray]'") from error
    if ray.is_initialized():
        yield ray
        return
    try:
        ray.init(address=None if address == LOCAL else address, log_to_driver=False, include_dashboard=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        said = " ".join(str(error).split())[:200]
        raise InputError(f"{address}: no Ray cluster answers there ({said}); start one, or say {LOCAL}") from error
    try:
        yield ray
    finally:
        ray.shutdown()


def whole_cluster(ray: Any, workers: int | None = None) -> Share:
    """A worker for each accelerator, else one for each machine with all its processors; or so many, sharing them."""
    total = ray.cluster_resources()
    gpus, cpus = int(total.get("GPU", 0)), max(1, int(total.get("CPU", 1)))
    machines = sum(1 for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU"))
    count = workers or gpus or max(1, machines)
    return Share(count, max(1, cpus // count), min(1.0, gpus / count))


def map_batches(
    ray: Any, make: Callable[[], Callable[[Batch], Result]], batches: Iterable[Batch], share: Share
) -> Iterator[Result]:
    """Results of batches, as they become ready, in no promised order.

    Args:
        ray: of `connected`.
        make: called once in each worker; gives what is called with each batch. Both are sent to the workers.
        batches: taken lazily, two for each worker.
        share: of the cluster.

    Raises:
        InstructcirError: as raised in a worker.
        StoreError: workers keep dying on one batch.
    """
    pool = _Pool(ray, make, share)
    source = enumerate(batches)
    try:
        while True:
            pool.fill(source)
            if not pool.running:
                return
            yield from pool.finished()
    finally:
        pool.end()


class _Worker:
    def __init__(self, make: Callable[[], Callable[[Any], Any]]) -> None:
        self._make = make
        self._work: Callable[[Any], Any] | None = None

    def run(self, batch: Any) -> Any:
        if self._work is None:  # only now, so that what `make` raises reaches the caller as it is
            self._work = self._make()
        return self._work(batch)


class _Pool:
    def __init__(self, ray: Any, make: Callable[[], Callable[[Any], Any]], share: Share) -> None:
        self._ray, self._make, self._share = ray, make, share
        self._actors = [self._new() for _ in range(share.workers)]
        self._again: list[tuple[int, Any]] = []
        self._tries: dict[int, int] = {}
        self.running: dict[Any, tuple[int, int, Any]] = {}  # by reference: worker, number, batch

    def _new(self) -> Any:
        kind = self._ray.remote(num_cpus=self._share.cpus, num_gpus=self._share.gpus)(_Worker)
        return kind.remote(self._make)

    def fill(self, source: Iterator[tuple[int, Any]]) -> None:
        """Give every worker as much as it may have."""
        loads = [0] * len(self._actors)
        for place, _, _ in self.running.values():
            loads[place] += 1
        while min(loads) < _AHEAD:
            following = self._again.pop() if self._again else next(source, None)
            if following is None:
                return
            place = loads.index(min(loads))
            loads[place] += 1
            number, batch = following
            self.running[self._actors[place].run.remote(batch)] = place, number, batch

    def finished(self) -> Iterator[Any]:
        """Wait for a batch; its result, or nothing where its worker has died."""
        [ready], _ = self._ray.wait(list(self.running), num_returns=1)
        place, number, batch = self.running.pop(ready)
        try:
            yield self._ray.get(ready)
        except self._ray.exceptions.RayActorError as error:
            if isinstance(error, self._ray.exceptions.ActorUnschedulableError):
                raise StoreError(f"the cluster has no room for a worker ({error})") from error
            self._bury(place, number, batch)
        except self._ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, InstructcirError):
                raise error.cause from error
            raise

    def _bury(self, place: int, number: int, batch: Any) -> None:
        """Replace a dead worker; all that it had is done again."""
        lost = [(number, batch)]
        for reference in [one for one, (where, _, _) in self.running.items() if where == place]:
            lost.append(self.running.pop(reference)[1:])
        for one, _ in lost:
            self._tries[one] = self._tries.get(one, 1) + 1
            if self._tries[one] > _TRIES:
                raise StoreError(f"workers died {_TRIES} times on batch {one}; see the cluster's log for why")
        self._again += lost
        self._actors[place] = self._new()

    def end(self) -> None:
        for actor in self._actors:
            self._ray.kill(actor)

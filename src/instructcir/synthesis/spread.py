"""Shards on many machines: each worker of a Ray cluster has a writer of its own, and writes whole shards.

A shard depends on its sources, the writer and the filters alone, and its mark is written last. So the result is that of
a single process, whoever wrote which shard, and one whose worker died is written again elsewhere. Pictures and output
must lie under the same paths on all machines.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from instructcir.cluster import Share, map_batches
from instructcir.synthesis.counts import Counts
from instructcir.synthesis.shard import Filters, Places, Settings, write_shard
from instructcir.synthesis.writer import Writer
from instructcir.synthesis.written import Picture, Source

Job: TypeAlias = tuple[Places, Sequence[Source]]
Done: TypeAlias = tuple[Places, Counts, str]
"""A shard with its counts, and why it ended early, or an empty string."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A cluster that writes, in place of one writer.

    Attributes:
        ray: of `cluster.connected`.
        share: what workers take of it.
        make: called once in each worker; gives its writer, and is sent to the workers.
        name: that writer's.
        prompt: that writer's hash of all that its answers depend on.
    """

    ray: Any
    share: Share
    make: Callable[[], Writer]
    name: str
    prompt: str

    def shards(self, jobs: Iterable[Job], filters: Filters, settings: Settings) -> Iterator[Done]:
        """Have shards written; they come as they become ready, in no promised order.

        Args:
            jobs: shards with their sources, taken lazily, two for each worker.
            filters: makes the filters; it is sent to the workers.
            settings: of the run.

        Raises:
            InstructcirError: as raised in a worker, or workers keep dying on one shard.
        """
        make = self.make

        def begin() -> Callable[[Job], Done]:
            writer = make()

            def work(job: Job) -> Done:
                places, sources = job
                return (places, *write_shard(sources, writer, filters, settings, places))

            return work

        return map_batches(self.ray, begin, map(_anywhere, jobs), self.share)


def _anywhere(job: Job) -> Job:
    """The same with whole paths: a worker stands in another folder."""
    places, sources = job
    whole = [replace(one, image=_whole(one.image), target=_whole(one.target)) for one in sources]
    return Places(places.folder.absolute(), places.number), whole


def _whole(picture: Picture | None) -> Picture | None:
    return os.path.abspath(picture) if isinstance(picture, str) else picture

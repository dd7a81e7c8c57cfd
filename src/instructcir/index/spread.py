"""Encoding for an index on many machines: workers write fragments beside the table, and one commit takes them all in.

A fragment is a file of finished rows, named by a hash of all that it was made of. So a run that was killed finds what
its workers wrote, and a batch that is done twice, since its worker died, gives one fragment. Folders and index must lie
under the same paths on all machines: a shared disk, or object storage.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa

from instructcir.cluster import Share, map_batches, whole_cluster
from instructcir.encoding.bulk import Encodes, encode_files
from instructcir.encoding.stages import Stages
from instructcir.errors import ImageError, StoreError
from instructcir.files import write_atomic
from instructcir.index.manifest import Manifest
from instructcir.index.metadata import Metadata
from instructcir.index.plan import Plan
from instructcir.index.report import Report
from instructcir.index.rows import encoded_rows
from instructcir.index.scan import FileState
from instructcir.index.table import PictureTable
from instructcir.index.vectors import Storage
from instructcir.remote import Place

FRAGMENTS = "fragments"
BATCH = 256
"""Pictures of a fragment: as much is done again when a worker dies."""
_PROBLEMS = b"problems"
_Files: TypeAlias = list[tuple[FileState, str]]


@dataclass(frozen=True, slots=True)
class _Batch:
    name: str
    files: _Files


@dataclass(slots=True)
class Spread:
    """Encodes pictures on a Ray cluster.

    Attributes:
        ray: of `encoding.cluster.connected`.
        load: called in each worker; gives the encoder. It is sent there.
        share: of the cluster; all of it when None.
        batch: pictures of a fragment.
    """

    ray: Any
    load: Callable[[], Encodes[Any]]
    share: Share | None = None
    batch: int = field(default=BATCH)

    def encode(
        self,
        table: PictureTable,
        plan: Plan,
        manifest: Manifest,
        metadata: Metadata | None,
        report: Report,
        stages: Stages,
        progress: Callable[[int], None] | None,
    ) -> list[str]:
        """Encode what a plan asks for and commit it at once; ids of the files that could not be used.

        Raises:
            StoreError: workers keep dying, or fragments cannot be written or read.
        """
        begin, place = time.monotonic(), table.folder / FRAGMENTS
        made_of = [manifest.storage, manifest.identity.fingerprint, table.schema.to_string()]
        batches = list(_batches(plan.encode, self.batch, made_of, metadata))
        if not batches:
            return []
        there = _prepared(place)
        missing = [one for one in batches if f"{one.name}.arrow" not in there]
        if progress:
            progress(len(plan.encode) - sum(len(one.files) for one in missing))
        make = _Maker(self.load, place, table.schema, manifest.storage, metadata)
        for count, seconds in map_batches(self.ray, make, missing, self.share or whole_cluster(self.ray)):
            for stage, spent in seconds.items():
                stages.add(stage, spent)
            if progress:
                progress(count)
        problems: dict[str, str] = {}
        with stages.timed("write"):
            table.write_stream(_read_all(place, batches, problems, report), new=not plan.replaced)
        report.problems += sorted(problems.items())
        report.encoding = time.monotonic() - begin
        _forget(place)
        return [own for file, own in plan.encode if file.path in problems]


@dataclass(frozen=True, slots=True)
class _Maker:
    """What goes to the workers: there it loads the encoder, and gives what makes fragments."""

    load: Callable[[], Encodes[Any]]
    place: Place
    schema: Any
    storage: Storage
    metadata: Metadata | None

    def __call__(self) -> Callable[[_Batch], tuple[int, dict[str, float]]]:
        encoder = self.load()

        def work(batch: _Batch) -> tuple[int, dict[str, float]]:
            return self._fragment(encoder, batch)

        return work

    def _fragment(self, encoder: Encodes[Any], batch: _Batch) -> tuple[int, dict[str, float]]:
        """Write a batch's rows; how many files it had, and seconds of each stage."""
        stages, problems = Stages(), []
        ids = {file.path: own for file, own in batch.files}

        def on_bad(error: ImageError) -> None:
            problems.append((error.source, error.reason))

        encoded = list(encode_files(encoder, list(ids), on_bad=on_bad, stages=stages))
        rows = encoded_rows(self.schema, encoded, ids, self.storage, self.metadata)
        rows = rows.replace_schema_metadata({_PROBLEMS: json.dumps(problems).encode()})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, rows.schema) as writer:
            writer.write_table(rows)
        write_atomic(self.place / f"{batch.name}.arrow", sink.getvalue().to_pybytes())
        return len(batch.files), stages.seconds


def _batches(files: _Files, size: int, made_of: list[str], metadata: Metadata | None) -> Iterator[_Batch]:
    for start in range(0, len(files), size):
        some = files[start : start + size]
        told = [dict(metadata.of(file.path)) if metadata else {} for file, _ in some]
        facts = [[file.path, file.size, file.kept_ns, own] for file, own in some]
        name = hashlib.sha256(json.dumps([made_of, facts, told], sort_keys=True).encode()).hexdigest()[:32]
        yield _Batch(name, some)


def _prepared(place: Place) -> set[str]:
    """The folder of fragments, made where it is missing; names of what is in it."""
    try:
        if not isinstance(place, Path):
            return place.names()
        place.mkdir(exist_ok=True)
        return {one.name for one in place.iterdir()}
    except OSError as error:
        raise StoreError(f"{place}: cannot be written to ({error.strerror or error})") from error


def _read_all(place: Place, batches: list[_Batch], problems: dict[str, str], report: Report) -> Iterator[Any]:
    """The rows of all fragments, one fragment in memory at a time."""
    for batch in batches:
        path = place / f"{batch.name}.arrow"
        try:
            rows = pa.ipc.open_file(pa.BufferReader(path.read_bytes())).read_all()
        except (OSError, pa.ArrowInvalid) as error:
            raise StoreError(f"{path}: cannot be read ({error}); delete it and run again") from error
        problems.update(json.loads(rows.schema.metadata[_PROBLEMS]))
        report.encoded += len(rows)
        yield from rows.replace_schema_metadata(None).to_batches()


def _forget(place: Place) -> None:
    if not isinstance(place, Path):
        place.remove_tree()
        return
    with suppress(OSError):  # what is left is found by its name, or goes with the next run's
        for one in place.iterdir():
            one.unlink()
        place.rmdir()

"""Bring an index up to date with its folders: what is known stays, what is new is encoded, a fragment at a time.

Order matters, for readers and for kills: rows whose files are gone go first, rows with known content are written next,
and new content follows in fragments. Each is one commit; a run that is killed between two is gone on with by the next.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from instructcir.encoding.bulk import Encodes, encode_files
from instructcir.encoding.stages import Stages
from instructcir.errors import ImageError, InstructcirError, StoreError
from instructcir.files import PathLike, sha256_of, write_atomic
from instructcir.index import manifest as manifests
from instructcir.index.deferred import Deferred
from instructcir.index.lease import LEASE
from instructcir.index.left_out import LeftOut, put_aside, read_left_out, remember_left_out
from instructcir.index.lock import LOCK_FILE, only_writer
from instructcir.index.manifest import Identity, Manifest, check_same_model
from instructcir.index.metadata import Metadata
from instructcir.index.plan import Plan, plan_changes
from instructcir.index.refused import one_error_type
from instructcir.index.report import Report
from instructcir.index.rows import encoded_rows, join_metadata, reused_rows, user_fields
from instructcir.index.scan import Scan, scan
from instructcir.index.spread import Spread
from instructcir.index.table import TABLE, PictureTable, own_schema
from instructcir.index.vectors import Storage
from instructcir.remote import Place, RemotePath, is_remote

LAST_RUN = "last_run.json"
FRAGMENT = 512
"""Encoded pictures that a commit holds at most: a kill loses the work on fewer than these."""
FRAGMENT_SECONDS = 10.0
_REUSED_AT_ONCE = 8192


def compare_with_disk(
    table: PictureTable | None,
    folders: Sequence[PathLike],
    known_bad: Mapping[str, LeftOut] = MappingProxyType({}),
    kept_ids: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Scan, Plan]:
    """What lies in the folders, and what a run would do about it; nothing is written.

    Args:
        table: of the index, if there is one.
        folders: to be looked at.
        known_bad: files that could not be used before; those that have not changed are put aside.
        kept_ids: ids that new rows should have, by path.

    Raises:
        StoreError: a folder is missing, or the table cannot be read.
    """
    found = scan(folders)
    rows = table.states() if table else []
    known = {row.path for row in rows}
    elsewhere = {path for path in known if not found.covers(path) and not _below_any(path, found.folders)}
    vanished = {path for path in elsewhere if not (is_remote(path) or os.path.lexists(path))}
    plan = plan_changes(
        rows,
        found.files,
        is_gone=lambda path: found.covers(path) or path in vanished,
        digest_of=_digest,
        kept_ids=kept_ids,
    )
    put_aside(plan, known_bad)
    # A file of another folder may have moved here; if it has not, that folder may just not be mounted: its row stays.
    of_others = {row.id for row in rows if row.path in vanished}
    plan.gone = [one for one in plan.gone if one not in of_others]
    return found, plan


def update_index(
    folder: Place,
    folders: Sequence[PathLike],
    encoder: Encodes[Any] | Spread,
    identity: Identity,
    *,
    storage: Storage | None = None,
    metadata: Metadata | None = None,
    on_plan: Callable[[Plan], None] | None = None,
    progress: Callable[[int], None] | None = None,
    fragment: int = FRAGMENT,
    retry: bool = False,
    kept_ids: Mapping[str, str] = MappingProxyType({}),
) -> Report:
    """Make or update an index of all pictures in some folders. Rows of other folders stay as they are.

    Args:
        folder: the index's own.
        folders: to be indexed.
        encoder: the model; anything that encodes pictures, here or on a cluster.
        identity: what the index keeps, or has kept, of that model.
        storage: of vectors, for a new index; float16 when None.
        metadata: values of pictures, also for those that are not encoded again.
        on_plan: called with the plan before anything is done.
        progress: called with how many more files are done.
        fragment: pictures of a commit.
        retry: try files again that could not be used before.
        kept_ids: ids that new rows should have, by path.

    Raises:
        StoreError: another run writes, another model made the index, or the disk refuses; committed work stays.
        InputError: metadata does not fit the index's columns.
    """
    begin, stages, report = time.monotonic(), Stages(), Report()
    _make_folder(folder)
    with only_writer(folder) as still_ours:
        table = open_or_create(folder, identity, storage)
        table.guard = still_ours
        known_bad = read_left_out(folder)
        found, plan = compare_with_disk(table, folders, {} if retry else known_bad, kept_ids)
        fields = user_fields(table, metadata)
        if on_plan:
            on_plan(plan)
        kept = Manifest.read(folder)
        if kept.with_folders(found.folders) != kept:
            kept.with_folders(found.folders).write(folder)
        report.problems, report.unchanged = [*found.problems, *plan.known_bad], plan.unchanged
        with stages.timed("write"):
            table.add_columns(fields)
            table.delete(plan.gone)
            report.removed = len(plan.gone)
            for start in range(0, len(plan.reused), _REUSED_AT_ONCE):
                some = plan.reused[start : start + _REUSED_AT_ONCE]
                table.write(reused_rows(table, some, metadata))
                report.reused += len(some)
            report.described = join_metadata(table, found.files, metadata) if metadata else 0
        if isinstance(encoder, Spread):
            broken = encoder.encode(table, plan, kept, metadata, report, stages, progress)
        else:
            broken = _encode(table, plan, encoder, kept.storage, metadata, report, stages, progress, fragment)
        stored = {row.id for row in table.states()} if broken else set()
        outdated = sorted(stored & set(broken))  # what they show is no longer what their rows say
        table.delete(outdated)
        report.removed += len(outdated)
        remember_left_out(folder, known_bad, found.files, report.problems)
        report.seconds, report.stages = time.monotonic() - begin, stages.seconds
        _remember(folder, report)
    return report


def open_or_create(folder: Place, identity: Identity, storage: Storage | None) -> PictureTable:
    """The table of an index that this model made, or of a new one; the caller holds the lock.

    Raises:
        StoreError: another model made it, its vectors are stored in another way, or other files lie there.
    """
    if manifests.exists(folder):
        kept = Manifest.read(folder)
        check_same_model(folder, kept.identity, identity.model, identity.probes)
        if storage not in (None, kept.storage):
            raise StoreError(f"{folder}: stores {kept.storage}, not {storage}; index anew, into another name")
        return PictureTable.open(kept.home(folder))
    begun = {name for name in _names(folder) if name.startswith(".") and name.endswith(".tmp")}  # by a killed run
    strange = _names(folder) - begun - {LOCK_FILE, f"{LEASE}.lance", f"{TABLE}.lance"}
    if strange:
        raise StoreError(f"{folder}: is no index and holds other files ({min(strange)}); choose another name")
    new = Manifest.new(identity, storage or "float16")
    table = PictureTable.create(folder, own_schema(identity.dimension, new.storage))
    new.write(folder)
    return table


def _encode(
    table: PictureTable,
    plan: Plan,
    encoder: Encodes[Any],
    storage: Storage,
    metadata: Metadata | None,
    report: Report,
    stages: Stages,
    progress: Callable[[int], None] | None,
    fragment: int,
) -> list[str]:
    """Encode what a plan asks for; ids of the files that could not be used."""
    if not plan.encode:
        return []  # and the model need not even be loaded
    ids = {file.path: own for file, own in plan.encode}
    broken: list[str] = []

    def on_bad(error: ImageError) -> None:
        report.problems.append((error.source, error.reason))
        broken.append(ids[error.source])
        if progress:
            progress(1)

    def commit() -> None:
        rows = encoded_rows(table.schema, waiting, ids, storage, metadata)
        with stages.timed("write"):
            if plan.replaced.isdisjoint(rows["id"].to_pylist()):
                table.append(rows)
            else:
                table.write(rows)
        report.encoded += len(waiting)
        waiting.clear()

    if isinstance(encoder, Deferred):
        encoder.load()  # before the clock runs
    waiting: list[Any] = []
    begin = last = time.monotonic()
    for encoded in encode_files(encoder, list(ids), on_bad=on_bad, stages=stages):
        waiting.append(encoded)
        if progress:
            progress(1)
        if len(waiting) >= fragment or time.monotonic() - last > FRAGMENT_SECONDS:
            commit()
            last = time.monotonic()
    commit()
    report.encoding = time.monotonic() - begin
    return broken


def _digest(path: str) -> str | None:
    try:
        return sha256_of(path)
    except InstructcirError:
        return None  # the worker that opens it will say why


def _below_any(path: str, folders: Sequence[str]) -> bool:
    return any(path.startswith(folder.rstrip(os.sep) + os.sep) for folder in folders)


def _names(folder: Place) -> set[str]:
    if isinstance(folder, RemotePath):
        with one_error_type(folder):
            return folder.names()
    return {entry.name for entry in folder.iterdir()}


def _make_folder(folder: Place) -> None:
    if isinstance(folder, RemotePath):
        return  # prefixes are not made
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder}: no folder can be made there ({error.strerror or error})") from error


def _remember(folder: Place, report: Report) -> None:
    if report.encoded:  # a run that encoded nothing says nothing of the rate
        at = datetime.now(UTC).isoformat(timespec="seconds")
        write_atomic(folder / LAST_RUN, json.dumps({**asdict(report), "problems": len(report.problems), "at": at}))

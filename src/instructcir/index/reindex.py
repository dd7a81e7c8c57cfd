"""An index made anew with another model: built beside the old one, which is asked until the new one takes its name."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from instructcir.encoding.bulk import Encodes
from instructcir.errors import StoreError
from instructcir.files import swap_folders, write_atomic
from instructcir.index.approximate import FILE
from instructcir.index.left_out import LEFT_OUT
from instructcir.index.lock import only_writer
from instructcir.index.manifest import Identity, Manifest, exists, open_table
from instructcir.index.metadata import Metadata
from instructcir.index.plan import Plan
from instructcir.index.report import Report
from instructcir.index.table import TABLE, PictureTable
from instructcir.index.update import LAST_RUN, update_index
from instructcir.index.vectors import Storage
from instructcir.remote import Place, RemotePath

_GENERATION = "generation-"


def reindex(
    folder: Place,
    encoder: Encodes[Any],
    identity: Identity,
    *,
    storage: Storage | None = None,
    on_plan: Callable[[Plan], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Encode all pictures of an index with another model, and put the new index in the old one's place at the end.

    Ids and metadata stay. Killed before the end, the old index is as it was and the next call goes on with what is
    built; the new one takes its name in one step. Runs on the old index meanwhile are caught up with before that.

    Args:
        folder: the index's.
        encoder: the new model.
        identity: what the new index keeps of it.
        storage: of the new vectors; as before when None.
        on_plan: called with the plan before anything is encoded.
        progress: called with how many more files are done.

    Returns:
        What was done, in all.

    Raises:
        StoreError: there is no index, one of its folders is missing, another run writes, or the disk refuses.
    """
    kept = Manifest.read(folder)
    new = beside(folder, kept)
    if not kept.folders:
        raise StoreError(f"{folder}: has no folders to index anew; index a folder into it first")
    chosen = storage or kept.storage
    if exists(new) and not _is_for(new, identity, chosen):
        _remove(new)  # begun with another model, or the old index after a kill

    def build() -> Report:
        old = open_table(folder)
        return update_index(
            new,
            Manifest.read(folder).folders,
            encoder,
            identity,
            storage=chosen,
            metadata=_metadata_of(old),
            on_plan=on_plan,
            progress=progress,
            kept_ids={row.path: row.id for row in old.states()},
        )

    report = build()
    with only_writer(folder) as still_ours:
        late = build()  # what has changed since; mostly nothing
        if Manifest.read(folder).data != kept.data:
            raise StoreError(f"{folder}: another run has reindexed it meanwhile; run again if it is still wanted")
        still_ours()
        _switch(new, folder, kept)
    return _together(report, late)


def beside(folder: Place, kept: Manifest) -> Place:
    """Where an index is built anew until it takes the old one's name.

    Args:
        folder: the index's.
        kept: its manifest.
    """
    if isinstance(folder, RemotePath):
        return folder / f"{_GENERATION}{int(kept.data.removeprefix(_GENERATION) or 0) + 1}"
    return folder.with_name(f".{folder.name}.reindex")


def _switch(new: Place, folder: Place, kept: Manifest) -> None:
    """Let the new index be the one in the folder; the old one goes.

    On object storage, where nothing can be renamed, the manifest says where the table lies; one write of it switches.
    """
    if isinstance(folder, Path) and isinstance(new, Path):
        swap_folders(new, folder)
        _remove(new)
        return
    for name in (LEFT_OUT, LAST_RUN):
        with suppress(OSError):
            write_atomic(folder / name, (new / name).read_bytes())
    replace(Manifest.read(new), data=new.name).write(folder)
    old = kept.home(folder)
    _remove(old if kept.data else old / f"{TABLE}.lance")
    (old / FILE).unlink(missing_ok=True)


def _remove(place: Place) -> None:
    if isinstance(place, Path):
        shutil.rmtree(place, ignore_errors=True)
        return
    with suppress(OSError):  # what is left takes room and is never read
        place.remove_tree()


def _is_for(folder: Place, identity: Identity, storage: Storage) -> bool:
    found = Manifest.read(folder)
    return found.identity.fingerprint == identity.fingerprint and found.storage == storage


def _metadata_of(table: PictureTable) -> Metadata | None:
    """The user's columns of a table, by whole paths."""
    names = table.user_columns
    if not names:
        return None
    rows = table.select(["path", *names]).to_pylist()
    fields = {name: table.schema.field(name).type for name in names}
    return Metadata(fields, {row["path"]: {name: row[name] for name in names} for row in rows})


def _together(first: Report, late: Report) -> Report:
    late.encoded += first.encoded
    late.reused += first.reused
    late.removed += first.removed
    late.described += first.described
    late.unchanged -= first.encoded + first.reused  # the second look has seen them again
    late.seconds += first.seconds
    late.encoding += first.encoding
    late.stages = {stage: seconds + first.stages[stage] for stage, seconds in late.stages.items()}
    return late

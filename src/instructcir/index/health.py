"""What an index holds, whether it is whole, and making it smaller."""

from __future__ import annotations

import io
import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from instructcir.errors import InputError, StoreError
from instructcir.files import PathLike, sha256_of
from instructcir.index.approximate import Approximate
from instructcir.index.left_out import read_left_out
from instructcir.index.lock import only_writer
from instructcir.index.manifest import Manifest, exists, open_table
from instructcir.index.plan import Plan
from instructcir.index.update import LAST_RUN, compare_with_disk
from instructcir.index.vectors import unpack
from instructcir.remote import Place, RemotePath, objects_below

_ROW_BYTES = 7000  # a thumbnail of about 6 kB, a vector of about 0.5 kB, facts


@dataclass(frozen=True, slots=True)
class Status:
    """What an index holds.

    Attributes:
        manifest: what it says about itself.
        pictures: rows.
        version: of the table; `versions` are kept.
        size: bytes on the disk, caches included.
        user_columns: what metadata brought.
        left_out: files that cannot be used, or that could not be looked at.
        last_run: counts and seconds of the last run that encoded something; empty if none did.
        plan: what an update would do now; None where a folder of the index cannot be looked at.
        missing: why not.
        graph: what is known of its graph, if it has one.
        outside_graph: rows that came after it.
    """

    manifest: Manifest
    pictures: int
    version: int
    versions: int
    size: int
    user_columns: list[str]
    left_out: int
    last_run: dict[str, Any]
    plan: Plan | None
    missing: str
    graph: Approximate | None
    outside_graph: int


def status_of(folder: Place) -> Status:
    """Look at an index and at its folders; nothing is written, and no picture is decoded.

    Raises:
        StoreError: there is no index, or it cannot be read.
    """
    manifest, table = Manifest.read(folder), open_table(folder)
    plan, missing, left_out = None, "", 0
    try:
        found, plan = compare_with_disk(table, manifest.folders, read_left_out(folder))
        left_out = len(found.problems) + len(plan.known_bad)
    except StoreError as error:
        missing = str(error)
    return Status(
        manifest,
        len(table),
        table.version,
        table.versions(),
        _bytes_in(folder),
        table.user_columns,
        left_out,
        last_run(folder),
        plan,
        missing,
        Approximate.read(manifest.home(folder)),
        table.outside_graph(),
    )


@dataclass(frozen=True, slots=True)
class Forecast:
    """What an update would do.

    Attributes:
        encode: pictures that would go through the model.
        reuse: rows that would be written with a vector that is known.
        remove: rows that would go.
        unchanged: files that would cost nothing.
        bytes_to_read: of the pictures to be encoded.
        bytes_to_store: about how much larger the index would be.
        seconds: about how long it would take, at the rate of the index's last run; None before a first one.
        problems: path and reason of all that would be left out, as far as it is known without decoding.
    """

    encode: int
    reuse: int
    remove: int
    unchanged: int
    bytes_to_read: int
    bytes_to_store: int
    seconds: float | None
    problems: list[tuple[str, str]]


def forecast(folder: Place, folders: Sequence[PathLike]) -> Forecast:
    """Say what `update_index` would do, from names, sizes and hashes alone; nothing is written.

    Raises:
        StoreError: a folder is missing, or the index cannot be read.
    """
    table = open_table(folder) if exists(folder) else None
    found, plan = compare_with_disk(table, folders, read_left_out(folder))
    last = last_run(folder)
    return Forecast(
        len(plan.encode),
        len(plan.reused),
        len(plan.gone),
        plan.unchanged,
        sum(file.size for file, _ in plan.encode),
        len(plan.encode) * _ROW_BYTES,
        len(plan.encode) * last["encoding"] / last["encoded"] if last.get("encoding") else None,
        [*found.problems, *plan.known_bad],
    )


def last_run(folder: Place) -> dict[str, Any]:
    """Counts and seconds of the last run that encoded something; empty if there was none."""
    try:
        found = json.loads((folder / LAST_RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # it only serves forecasts
        return {}
    return found if isinstance(found, dict) else {}


def verify(folder: Place, *, files: bool = False) -> list[str]:
    """Read every row and say what is wrong; an empty list means that all is well.

    Looked at: one row for each id and path, vectors that are unit vectors, thumbnails that open; with `files` also
    that each picture on the disk has the content that its row says.

    Raises:
        StoreError: there is no index, or its table cannot be read.
    """
    table = open_table(folder)
    dimension = Manifest.read(folder).identity.dimension
    wrong: list[str] = []
    ids: Counter[str] = Counter()
    paths: Counter[str] = Counter()
    for batch in table.batches(["id", "path", "digest", "thumbnail", "vector", "scale"]):
        rows = batch.select(["id", "path", "digest", "thumbnail"]).to_pylist()
        ids.update(row["id"] for row in rows)
        paths.update(row["path"] for row in rows)
        lengths = np.linalg.norm(unpack(batch["vector"], batch["scale"]), axis=1)
        if batch["vector"].type.list_size != dimension:
            wrong.append(f"vectors have {batch['vector'].type.list_size} dimensions, the manifest says {dimension}")
        for row, length in zip(rows, lengths.tolist(), strict=True):
            wrong += [f"{row['path']}: {fault}" for fault in _faults(row, length, files)]
    wrong += [f"id {one}: {count} rows" for one, count in ids.items() if count > 1]
    wrong += [f"{path}: {count} rows; index its folder again" for path, count in paths.items() if count > 1]
    return wrong


def compact(folder: Place) -> tuple[int, int]:
    """Join small files and forget old versions; return bytes on the disk before and after.

    Raises:
        StoreError: another run writes to the index, or the disk refuses.
    """
    Manifest.read(folder)
    with only_writer(folder):
        before = _bytes_in(folder)
        open_table(folder).compact()
        return before, _bytes_in(folder)


def _faults(row: dict[str, Any], length: float, files: bool) -> list[str]:
    faults = []
    if not abs(length - 1) < 1e-3:
        faults.append("its vector is empty or not finite; index its folder anew")
    try:
        Image.open(io.BytesIO(row["thumbnail"])).verify()
    except (OSError, SyntaxError, ValueError, TypeError):
        faults.append("its thumbnail does not open; index its folder anew")
    if files and _content_of(row["path"]) != row["digest"]:
        faults.append("its file is gone or has changed; index its folder again")
    return faults


def _content_of(path: str) -> str:
    """A file's hash; empty where it cannot be read."""
    try:
        return sha256_of(path)
    except InputError:
        return ""


def _bytes_in(folder: Place) -> int:
    if isinstance(folder, RemotePath):
        return sum(one.size for one in objects_below(folder.address))
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size
            except OSError:  # a running writer has just renamed it
                continue
    return total

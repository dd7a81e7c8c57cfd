"""Rows of the table, made of what was encoded, of rows that are there, and of metadata."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from instructcir.encoding.bulk import EncodedFile
from instructcir.errors import InputError
from instructcir.index.metadata import Metadata
from instructcir.index.plan import Reuse
from instructcir.index.table import OWN_COLUMNS, PictureTable
from instructcir.index.vectors import Storage, pack

_NANO = 10**9
_AT_ONCE = 4096


def user_fields(table: PictureTable, metadata: Metadata | None) -> list[Any]:
    """Columns that metadata brings and the table lacks.

    Raises:
        InputError: a column is there with a type that does not hold the new values.
    """
    if metadata is None:
        return []
    new = []
    for name, kind in metadata.fields.items():
        if name not in table.schema.names:
            new.append(pa.field(name, kind, nullable=True))
            continue
        stored = table.schema.field(name).type
        widens = stored == pa.float64() and kind == pa.int64()
        if not (kind == stored or widens):
            raise InputError(f"metadata column {name} holds {kind}, the index's {stored}; give it another name")
    return new


def encoded_rows(
    schema: Any, encoded: Sequence[EncodedFile], ids: Mapping[str, str], storage: Storage, metadata: Metadata | None
) -> Any:
    """Rows of encoded files; `ids` by path."""
    facts = [one.facts for one in encoded]
    dimension = schema.field("vector").type.list_size
    stacked = np.stack([one.vector for one in encoded]) if encoded else np.zeros((0, dimension), dtype=np.float32)
    vectors, scales = pack(stacked, storage)
    columns: dict[str, Any] = {
        "id": [ids[one.path] for one in facts],
        **{name: [getattr(one, name) for one in facts] for name in ("path", "digest", "size", "mtime_ns")},
        "modified": [one.mtime_ns // _NANO for one in facts],
        **{name: [getattr(one, name) for one in facts] for name in ("width", "height", "thumbnail")},
        "vector": vectors,
        "scale": scales,
    }
    values = [metadata.of(one.path) if metadata else {} for one in facts]
    for name in schema.names:
        if name not in columns:
            columns[name] = [value.get(name) for value in values]
    return _as_table(columns, schema)


def reused_rows(table: PictureTable, reused: Sequence[Reuse], metadata: Metadata | None) -> Any:
    """Rows of files whose content is known: their vectors, thumbnails and metadata, with the file's own place."""
    sources = table.rows(sorted({one.source for one in reused}))
    where = {one: row for row, one in enumerate(sources["id"].to_pylist())}
    taken = sources.take([where[one.source] for one in reused])
    columns = {name: taken[name] for name in taken.column_names}
    files = [one.file for one in reused]
    columns["id"] = [one.id for one in reused]
    columns |= {name: [getattr(file, name) for file in files] for name in ("path", "size")}
    columns["mtime_ns"] = [file.kept_ns for file in files]
    columns["modified"] = [file.mtime_ns // _NANO for file in files]
    return _described(_as_table(columns, table.schema), metadata)


def join_metadata(table: PictureTable, paths: Iterable[str], metadata: Metadata) -> int:
    """Write the rows of these files anew whose metadata differs from the stored; return how many.

    A file that the metadata does not name keeps what it has.
    """
    wanted = set(paths)
    names = list(metadata.fields)
    stored = table.select(["id", "path", *names]).to_pylist()
    changed = []
    for row in stored:
        told = metadata.of(row["path"]) if row["path"] in wanted else {}
        if any(told[name] != row[name] for name in told):
            changed.append(row["id"])
    for start in range(0, len(changed), _AT_ONCE):
        table.write(_described(table.rows(changed[start : start + _AT_ONCE]), metadata))
    return len(changed)


def _described(rows: Any, metadata: Metadata | None) -> Any:
    """The same rows with the values that metadata has of them."""
    if metadata is None:
        return rows
    told = [metadata.of(path) for path in rows["path"].to_pylist()]
    columns = {name: rows[name] for name in rows.column_names}
    for name in metadata.fields:
        old = rows[name].to_pylist()
        columns[name] = [new.get(name, before) for new, before in zip(told, old, strict=True)]
    return _as_table(columns, rows.schema)


def _as_table(columns: Mapping[str, Any], schema: Any) -> Any:
    assert set(OWN_COLUMNS) <= set(columns)
    made = []
    for field in schema:
        values = columns[field.name]
        made.append(values if isinstance(values, pa.ChunkedArray | pa.Array) else pa.array(values, type=field.type))
    return pa.table(made, schema=schema)

"""The LanceDB table of an index: one row a picture file, one commit a change, every reader at one version.

A commit is complete or absent: LanceDB writes new data files and then a new manifest of them. A reader keeps the
version it has opened until it asks for the newest.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any, Self

import pyarrow as pa

from instructcir.index.lance import import_lancedb
from instructcir.index.plan import StoredFile
from instructcir.index.refused import one_error_type
from instructcir.index.vectors import Storage, vector_type
from instructcir.remote import Place, is_remote, lance_options

TABLE = "pictures"
_BATCH = 4096
_KEPT = timedelta(minutes=10)
_CLOCK_STEPS_NS = 2_000_000_000
OWN_COLUMNS = (
    "id",
    "path",
    "digest",
    "size",
    "mtime_ns",
    "modified",
    "width",
    "height",
    "thumbnail",
    "vector",
    "scale",
)
"""Columns of every index; whatever else there is, is the user's."""


def own_schema(dimension: int, storage: Storage) -> Any:
    """The columns of a new index; its users' columns are added later."""
    types = {
        **{"id": pa.string(), "path": pa.string(), "digest": pa.string(), "size": pa.int64(), "mtime_ns": pa.int64()},
        **{"modified": pa.timestamp("s"), "width": pa.int32(), "height": pa.int32(), "thumbnail": pa.binary()},
        **{"vector": vector_type(storage, dimension), "scale": pa.float32()},
    }
    return pa.schema([pa.field(name, types[name], nullable=True) for name in OWN_COLUMNS])


class PictureTable:
    """The table in an index's folder; made by `create` or `open`."""

    def __init__(self, folder: Place, table: Any) -> None:
        self.folder = folder
        self.guard: Callable[[], None] = lambda: None  # called before each commit; raises where there must be none
        self._table = table
        self._schema: Any = None

    @classmethod
    def create(cls, folder: Place, schema: Any) -> Self:
        """Make an empty table; one that is there is replaced, as a run that was killed before its manifest leaves it.

        Raises:
            StoreError: the folder cannot be written to.
        """
        with one_error_type(folder):
            return cls(folder, connect(folder).create_table(TABLE, schema=schema, mode="overwrite"))

    @classmethod
    def open(cls, folder: Place) -> Self:
        """Open the newest version.

        Raises:
            StoreError: there is no table, or it cannot be read.
        """
        with one_error_type(folder):
            return cls(folder, connect(folder).open_table(TABLE))

    @property
    def version(self) -> int:
        """The number of the version that is open; each commit counts one up."""
        return int(self._table.version)

    @property
    def schema(self) -> Any:
        """Columns and their types."""
        if self._schema is None:  # LanceDB reads it anew each time
            self._schema = self._table.schema
        return self._schema

    @property
    def user_columns(self) -> list[str]:
        """Names of the columns that came from metadata."""
        return [name for name in self.schema.names if name not in OWN_COLUMNS]

    def commits(self) -> int | None:
        """A number that changes with every commit; None where nothing tells: on object storage, just after a commit.

        It is the time of the folder in which each commit puts a file. A file system's clock has steps, so that a second
        commit could have the time of the first: what is younger than two seconds is not relied on.
        """
        if is_remote(self.folder):
            return None
        try:
            changed = os.stat(f"{self.folder}/{TABLE}.lance/_versions").st_mtime_ns
        except OSError:
            return None
        return changed if changed < time.time_ns() - _CLOCK_STEPS_NS else None

    def refresh(self) -> None:
        """Go on to the newest version."""
        with one_error_type(self.folder):
            self._table.checkout_latest()
        self._schema = None

    def __len__(self) -> int:
        with one_error_type(self.folder):
            return int(self._table.count_rows())

    def states(self) -> list[StoredFile]:
        """What planning needs of every row."""
        names = ["id", "path", "size", "mtime_ns", "digest"]
        columns = self.select(names).to_pydict()
        return [StoredFile(*row) for row in zip(*(columns[name] for name in names), strict=True)]

    def select(self, columns: Sequence[str], where: str | None = None) -> Any:
        """Some columns of all rows, or of those that a condition in SQL words holds for, in no promised order.

        Raises:
            StoreError: the condition cannot be understood or names no column; the message lists what there is.
        """
        query = self._table.search().select(list(columns))
        with one_error_type(self.folder, where, self.schema.names):
            return (query.where(where) if where else query).to_arrow()

    def batches(self, columns: Sequence[str]) -> Iterator[Any]:
        """Some columns of all rows, a few thousand rows at a time."""
        with one_error_type(self.folder):
            reader = self._table.search().select(list(columns)).to_batches(_BATCH)
        while True:
            with one_error_type(self.folder):
                batch = next(reader, None)
            if batch is None:
                return
            yield pa.Table.from_batches([batch])

    def rows(self, ids: Sequence[str], columns: Sequence[str] | None = None) -> Any:
        """The rows with these ids, in no promised order; ids without a row are left out."""
        parts = [
            self.select(columns or self.schema.names, _among(ids[start : start + _BATCH]))
            for start in range(0, max(len(ids), 1), _BATCH)
        ]
        return pa.concat_tables(parts)

    def places(self) -> Any:
        """Id, digest and, as `_rowid`, the place of each row, for `rows_at`; places hold for the open version alone."""
        with one_error_type(self.folder):
            return self._table.search().select(["id", "digest"]).with_row_id(True).to_arrow()

    def rows_at(self, places: Sequence[int], columns: Sequence[str]) -> Any:
        """The rows at these places of the open version, in no promised order; read at once, without a search."""
        if not places:
            return self.rows([], columns)
        with one_error_type(self.folder):
            return self._table.take_row_ids(list(places)).select(list(columns)).to_arrow()

    def write(self, rows: Any) -> None:
        """Add rows, or replace those that have their ids, in one commit; all ids of the table are read for it.

        Raises:
            StoreError: the disk refuses; the table is then as it was.
        """
        if len(rows):
            self._commit(rows, new=False)

    def append(self, rows: Any) -> None:
        """Add rows whose ids no row has, in one commit; what it costs does not grow with the table, as `write` does.

        Raises:
            StoreError: the disk refuses; the table is then as it was.
        """
        if len(rows):
            self._commit(rows, new=True)

    def write_stream(self, batches: Iterable[Any], *, new: bool) -> None:
        """Write as `append` does (where all are new) or `write`, one batch of rows after another, all in one commit.

        Raises:
            StoreError: the disk refuses; the table is then as it was.
        """
        self._commit(pa.RecordBatchReader.from_batches(self.schema, batches), new=new)

    def _commit(self, rows: Any, *, new: bool) -> None:
        self.guard()
        with one_error_type(self.folder):
            if new:
                self._table.add(rows)
            else:
                merge = self._table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
                merge.execute(rows)

    def delete(self, ids: Sequence[str]) -> None:
        """Remove rows, a few thousand in a commit.

        Raises:
            StoreError: the disk refuses.
        """
        for start in range(0, len(ids), _BATCH):
            self.guard()
            with one_error_type(self.folder):
                self._table.delete(_among(ids[start : start + _BATCH]))

    def add_columns(self, fields: Sequence[Any]) -> None:
        """Add columns, empty in all rows."""
        if fields:
            with one_error_type(self.folder):
                self._table.add_columns(pa.schema(fields))
            self._schema = None

    def compact(self) -> None:
        """Join small files, drop deleted rows, and forget versions older than ten minutes, which a reader may hold."""
        with one_error_type(self.folder), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            self._table.optimize(cleanup_older_than=_KEPT)

    def build_graph(self, kind: str, partitions: int) -> None:
        """Build a graph over the vectors, for `near`, in place of an older one; rows added later need none.

        Raises:
            StoreError: the disk refuses, or the vectors are stored in eight bits.
        """
        from lancedb.index import HnswSq

        assert kind == "IVF_HNSW_SQ"
        with one_error_type(self.folder):
            graph = HnswSq(distance_type="cosine", num_partitions=partitions)
            self._table.create_index("vector", config=graph, replace=True)

    def drop_graph(self) -> None:
        """Forget the graph, if there is one."""
        with one_error_type(self.folder):
            for one in self._graphs():
                self._table.drop_index(one)

    def outside_graph(self) -> int:
        """Rows that the graph does not hold; `near` compares them one by one. All of them where there is no graph."""
        with one_error_type(self.folder):
            names = self._graphs()
            return int(self._table.index_stats(names[0]).num_unindexed_rows) if names else int(self._table.count_rows())

    def near(self, query: Any, count: int, probes: int, effort: int, where: str | None = None) -> Any:
        """Places, for `rows_at`, of rows whose vectors are nearly the nearest, by the graph and among rows beside it.

        Args:
            query: a unit vector (D,).
            count: how many rows at most.
            probes: parts of the graph to look into.
            effort: candidates that are kept at a time.
            where: a condition in SQL words that they must fulfil.

        Raises:
            StoreError: the condition cannot be understood, or the table cannot be read.
        """
        search = self._table.search(query, vector_column_name="vector").distance_type("cosine")
        search = search.nprobes(probes).ef(max(effort, count)).limit(count).select(["_distance"]).with_row_id(True)
        with one_error_type(self.folder, where, self.schema.names):
            return (search.where(where, prefilter=True) if where else search).to_arrow()["_rowid"].to_numpy()

    def _graphs(self) -> list[str]:
        return [one.name for one in self._table.list_indices() if one.columns == ["vector"]]

    def versions(self) -> int:
        """How many versions are kept."""
        with one_error_type(self.folder):
            return len(self._table.list_versions())


def connect(folder: Place) -> Any:
    """LanceDB's database in a folder."""
    os.environ.setdefault("LANCEDB_LOG", "error")  # it says on stderr that a new table is new
    return import_lancedb().connect(str(folder), storage_options=lance_options() if is_remote(folder) else None)


def _among(ids: Sequence[str]) -> str:
    return "id in (" + ", ".join(quoted(one) for one in ids) + ")" if ids else "id is null"


def quoted(text: str) -> str:
    """A string as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"

"""Triplets with where they came from, as Parquet files: those that are kept, and those that are not with the reason.

What `data.reading.read_triplets` needs stands in columns of its names, so training reads a file of kept ones as it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from instructcir.data.reading import files_of
from instructcir.data.writing import stored_path
from instructcir.errors import InputError
from instructcir.files import PathLike, atomic_file
from instructcir.synthesis.written import Picture, Provenance, Source, Verdict, Written

_PICTURES = ("image", "target")
_TEXTS = (
    *("id", "caption", "instruction", "modified_caption", "kind"),  # what training reads
    *("source", "style", "target_caption", "writer", "prompt", "time"),
)
_LISTS = ("aspects", "passed")
_REASONS = ("reason", "detail")
_NEEDED = (*_PICTURES[:1], *_TEXTS, *_LISTS, "number")
_ROW_GROUP = 1024  # rows that a writer and a reader hold at once
_BUFFER = 1 << 20


class VerdictFile:
    """A Parquet file that verdicts are added to, one after the other."""

    def __init__(self, path: PathLike, into: PathLike, *, reasons: bool) -> None:
        """Open it.

        Args:
            path: the file that will stand there when it is complete: stored paths start from its folder.
            into: where to write meanwhile.
            reasons: whether it holds rejected triplets, with their reasons.
        """
        self._path, self._into, self._reasons = os.fspath(path), into, reasons
        self._rows: list[tuple[Source, Verdict]] = []
        self._writer: pq.ParquetWriter | None = None
        self._as_bytes = False
        self.count = 0

    def add(self, source: Source, verdict: Verdict) -> None:
        """Add one triplet.

        Raises:
            InputError: its picture is stored as bytes and others' as paths, or the other way round.
        """
        self._rows.append((source, verdict))
        self.count += 1
        if len(self._rows) >= _ROW_GROUP:
            self._flush()

    def close(self) -> None:
        """Write what is left; the file is then whole."""
        if self._rows or self._writer is None:
            self._flush()
        assert self._writer is not None
        self._writer.close()

    def _flush(self) -> None:
        if self._writer is None:
            self._as_bytes = bool(self._rows) and isinstance(self._rows[0][0].image, bytes)
            # equal pictures follow each other: zstd stores the second as a reference to the first
            self._writer = pq.ParquetWriter(self._into, _schema(self._as_bytes, self._reasons), compression="zstd")
        self._writer.write_table(pa.table(self._columns(), schema=self._writer.schema))
        self._rows.clear()

    def _columns(self) -> dict[str, list[Any]]:
        sources = [source for source, _ in self._rows]
        verdicts = [verdict for _, verdict in self._rows]
        written = [verdict.written for verdict in verdicts]
        columns: dict[str, list[Any]] = {
            "image": [self._picture(source, source.image) for source in sources],
            "target": [self._picture(source, source.target) for source in sources],
            "caption": [source.caption for source in sources],
            "target_caption": [source.target_caption for source in sources],
            "passed": [list(verdict.passed) for verdict in verdicts],
            "aspects": [list(one.aspects) for one in written],
        }
        names = ("id", "number", "source", "instruction", "modified_caption", "kind", "style")
        columns |= {name: [getattr(one, name) for one in written] for name in names}
        columns |= {name: [getattr(one.provenance, name) for one in written] for name in ("writer", "prompt", "time")}
        if self._reasons:
            columns |= {name: [getattr(verdict, name) for verdict in verdicts] for name in _REASONS}
        return columns

    def _picture(self, source: Source, picture: Picture | None) -> Picture | None:
        if picture is None:
            return None
        if isinstance(picture, bytes) != self._as_bytes:
            raise InputError(f"{source.id}: in one Parquet file all pictures are paths, or all are bytes")
        return picture if isinstance(picture, bytes) else stored_path(picture, self._path)


@contextmanager
def verdict_file(path: PathLike, *, reasons: bool = False) -> Iterator[VerdictFile]:
    """A file that appears whole when the block ends without an error.

    Args:
        path: the file, ".parquet".
        reasons: whether it holds rejected triplets.

    Raises:
        InputError: it cannot be written.
    """
    with atomic_file(path) as temporary:
        file = VerdictFile(path, temporary, reasons=reasons)
        yield file
        file.close()


def read_verdicts(path: PathLike) -> Iterator[tuple[Source, Verdict]]:
    """Triplets of files that `verdict_file` wrote, one after the other in flat memory.

    Args:
        path: a .parquet file, a folder of them, or a pattern. Pictures are not looked for: one may be gone.

    Raises:
        InputError: there is no such file, or it cannot be read or lacks a column.
    """
    for file in files_of(path):
        yield from _verdicts(file)


def _verdicts(path: str) -> Iterator[tuple[Source, Verdict]]:
    folder = os.path.dirname(os.path.abspath(path))
    try:
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER) as file:
            missing = [name for name in _NEEDED if name not in file.schema_arrow.names]
            if missing:
                raise InputError(f"{path}: lacks the column {', '.join(missing)}; `instructcir synthesize` writes them")
            for batch in file.iter_batches(_ROW_GROUP // 8, use_threads=False):
                for row in batch.to_pylist():
                    yield _source(row, folder), _verdict(row)
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: no readable Parquet file ({reason}); copy or make it again") from error


def _source(row: dict[str, Any], folder: str) -> Source:
    image, target = (_found(row.get(name), folder) for name in _PICTURES)
    return Source(row["source"], image, row["caption"], target, row["target_caption"])


def _found(picture: Picture | None, folder: str) -> Picture | None:
    return os.path.join(folder, picture) if isinstance(picture, str) else picture


def _verdict(row: dict[str, Any]) -> Verdict:
    written = Written(
        row["source"],
        row["number"],
        row["instruction"],
        row["modified_caption"],
        row["kind"],
        row["style"],
        tuple(row["aspects"]),
        Provenance(row["writer"], row["prompt"], row["time"]),
    )
    return Verdict(written, row.get("reason") or "", row.get("detail") or "", tuple(row["passed"]))


def _schema(as_bytes: bool, reasons: bool) -> pa.Schema:
    picture = pa.large_binary() if as_bytes else pa.string()
    types = [(name, picture) for name in _PICTURES] + [(name, pa.string()) for name in _TEXTS]
    types += [("number", pa.int32())] + [(name, pa.list_(pa.string())) for name in _LISTS]
    return pa.schema(types + [(name, pa.string()) for name in _REASONS if reasons])

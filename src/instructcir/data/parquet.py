"""Rows of a Parquet file, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from instructcir.data.rows import ID_NAMES, IMAGE_NAMES, Row
from instructcir.errors import InputError

SUFFIXES = (".parquet", ".pq")
_BATCH = 128  # rows; each may hold the bytes of a photo
_BUFFER = 1 << 20


def parquet_rows(path: str, needed: Sequence[str], wanted: Sequence[str] = ()) -> Iterator[Row]:
    """One row for each of the file; a row's own id is its number, from 0.

    Args:
        path: the file.
        needed: columns without which it is not what it is read as, beside the picture's.
        wanted: columns that are read where they are there.

    Raises:
        InputError: the file cannot be read, is damaged, or lacks a column.
    """
    try:
        # pre_buffer would keep all that was read of the file until its end
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER) as file:
            columns = _columns(path, file.schema_arrow.names, needed, wanted)
            number = 0
            for batch in file.iter_batches(_BATCH, columns=columns, use_threads=False):
                for fields in batch.to_pylist():
                    yield Row(f"{path}, row {number}", str(number), fields)
                    number += 1
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: no readable Parquet file ({reason}); copy or download it again") from error


def _columns(path: str, present: list[str], needed: Sequence[str], wanted: Sequence[str]) -> list[str]:
    missing = [name for name in needed if name not in present]
    if not set(IMAGE_NAMES) & set(present):
        missing.insert(0, IMAGE_NAMES[0])
    if missing:
        raise InputError(f"{path}: lacks the column {', '.join(missing)}; it has {', '.join(present) or 'none'}")
    return [name for name in (*IMAGE_NAMES, *ID_NAMES, *needed, *wanted) if name in present]

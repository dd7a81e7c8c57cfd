"""Pairs and triplets from Parquet files, JSONL files and WebDataset shards, one after the other in flat memory."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator
from typing import TypeAlias, TypeVar

from instructcir.data import jsonl, parquet, webdataset
from instructcir.data.records import Pair, Triplet
from instructcir.data.rows import BadSample, Row, id_of, pair_of, triplet_of
from instructcir.errors import InputError
from instructcir.files import PathLike

OnBad: TypeAlias = Callable[[str, str], None]
"""Called with the id of a sample that is left out, or the path of a damaged shard, and the reason."""

_T = TypeVar("_T")

# Shards first: img2dataset leaves Parquet files without pictures beside them.
_FORMATS = (webdataset.SUFFIXES, parquet.SUFFIXES, jsonl.SUFFIXES)


def read_pairs(path: PathLike, *, on_bad: OnBad | None = None) -> Iterator[Pair]:
    """Pictures and their captions.

    Args:
        path: a .parquet, .jsonl or .tar file, a folder of such files of one format (its shards, if it has any), or a
            pattern such as "cc3m/*.tar". Files are read in the order of their names.
        on_bad: called for each sample that cannot be used, which is then left out; None stops at the first.

    Returns:
        An iterator, which raises as below while it is read. Relative image paths start from their file's folder.

    Raises:
        InputError: there is no such file, a file cannot be read or lacks a column, there is no sample at all; without
            `on_bad`, also the first bad sample, with file and line, row or key.
    """
    return _records(path, pair_of, ("caption",), (), on_bad)


def read_triplets(path: PathLike, *, on_bad: OnBad | None = None) -> Iterator[Triplet]:
    """References with a modification and the target's caption.

    Args:
        path: as for `read_pairs`.
        on_bad: as for `read_pairs`.

    Returns:
        As `read_pairs`.

    Raises:
        InputError: as `read_pairs`.
    """
    return _records(
        path, triplet_of, ("instruction", "modified_caption"), ("caption", "kind", "hard_negatives"), on_bad
    )


def files_of(path: PathLike) -> list[str]:
    """The files that a path stands for, in the order of their names.

    Args:
        path: a file, a folder, or a pattern.

    Raises:
        InputError: there is none of a format that can be read.
    """
    name = os.fspath(path)
    if os.path.isfile(name):
        found = [name]
    elif os.path.isdir(name):
        found = [os.path.join(name, child) for child in sorted(os.listdir(name)) if not child.startswith(".")]
    else:
        found = sorted(glob.glob(name))
    for suffixes in _FORMATS:
        fitting = [file for file in found if file.lower().endswith(suffixes) and os.path.isfile(file)]
        if fitting:
            return fitting
    if not found and not os.path.isdir(name):
        raise InputError(f"{name}: no such file or folder, and no file fits it as a pattern")
    raise InputError(f"{name}: no .parquet, .jsonl or .tar file")


def _records(
    path: PathLike,
    make: Callable[[Row, str], _T],
    needed: tuple[str, ...],
    wanted: tuple[str, ...],
    on_bad: OnBad | None,
) -> Iterator[_T]:
    files = files_of(path)  # at once: a wrong path is an error here, not at the first sample

    def records() -> Iterator[_T]:
        rows = 0
        for file in files:
            folder = os.path.dirname(file)
            for row in _rows(file, needed, wanted):
                rows += 1
                try:
                    record = make(row, folder)
                except BadSample as error:
                    if on_bad is None:
                        raise InputError(f"{row.where}: {error}") from None
                    on_bad(id_of(row), str(error))
                else:
                    yield record
        if not rows:
            raise InputError(f"{os.fspath(path)}: holds no samples")

    return records()


def _rows(file: str, needed: tuple[str, ...], wanted: tuple[str, ...]) -> Iterator[Row]:
    lower = file.lower()
    if lower.endswith(webdataset.SUFFIXES):
        return webdataset.webdataset_rows(file)
    if lower.endswith(parquet.SUFFIXES):
        return parquet.parquet_rows(file, needed, wanted)
    return jsonl.jsonl_rows(file)

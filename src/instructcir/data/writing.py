"""Pairs and triplets into JSONL, Parquet, or WebDataset shards; complete or not at all."""

from __future__ import annotations

import io
import itertools
import json
import os
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from instructcir.data import jsonl, parquet
from instructcir.data.records import Pair, Triplet
from instructcir.errors import InputError
from instructcir.files import PathLike, atomic_folder, write_atomic

_ROW_GROUP = 1024  # rows that a reader holds at once
_MAGIC = ((b"\xff\xd8\xff", "jpg"), (b"\x89PNG", "png"), (b"RIFF", "webp"))


def write_pairs(path: PathLike, pairs: Iterable[Pair], *, shard_size: int = 10_000) -> int:
    """Write pairs; the path says how.

    `.jsonl` holds image paths, relative to its folder where they lie below it. `.parquet` holds paths or, where the
    samples have them, the pictures' bytes. Anything else is a folder of WebDataset shards (`00000.tar`, ...), which
    holds the pictures themselves. The single files are put together in memory; shards are not.

    Args:
        path: file or folder to write; its parent must exist, and a folder must be absent or empty.
        pairs: what to write, in this order.
        shard_size: samples in a shard.

    Returns:
        How many were written.

    Raises:
        InputError: an image is neither a path nor bytes, or not what the format can hold; the path cannot be written.
    """
    return _write(path, pairs, [field.name for field in fields(Pair)], shard_size)


def write_triplets(path: PathLike, triplets: Iterable[Triplet], *, shard_size: int = 10_000) -> int:
    """Write triplets, in the formats of `write_pairs`.

    Args:
        path: as for `write_pairs`.
        triplets: what to write, in this order.
        shard_size: as for `write_pairs`.

    Returns:
        How many were written.

    Raises:
        InputError: as `write_pairs`.
    """
    return _write(path, triplets, [field.name for field in fields(Triplet)], shard_size)


def _write(path: PathLike, records: Iterable[Pair | Triplet], names: list[str], shard_size: int) -> int:
    if shard_size < 1:
        raise InputError(f"shard_size is {shard_size}; a shard holds at least one sample")
    rows = ({name: getattr(record, name) for name in names} for record in records)
    name = os.fspath(path).lower()
    if name.endswith(jsonl.SUFFIXES):
        return _write_jsonl(path, rows)
    if name.endswith(parquet.SUFFIXES):
        return _write_parquet(path, rows, names)
    return _write_shards(path, rows, shard_size)


def _write_jsonl(path: PathLike, rows: Iterator[dict[str, Any]]) -> int:
    lines = [json.dumps({**row, "image": _path(row, path)}, ensure_ascii=False) for row in rows]
    write_atomic(path, "".join(f"{line}\n" for line in lines))
    return len(lines)


def _write_parquet(path: PathLike, rows: Iterator[dict[str, Any]], names: list[str]) -> int:
    first = next(rows, None)
    as_bytes = first is not None and isinstance(first["image"], bytes)
    types = {name: pa.list_(pa.string()) if name == "hard_negatives" else pa.string() for name in names}
    types |= {"image": pa.large_binary()} if as_bytes else {}
    content = io.BytesIO()
    count = 0
    with pq.ParquetWriter(content, pa.schema(list(types.items()))) as writer:
        whole = itertools.chain([first] if first else [], rows)
        while group := list(itertools.islice(whole, _ROW_GROUP)):
            for row in group:
                if isinstance(row["image"], bytes) != as_bytes:
                    raise InputError(f"{row['id']}: in one Parquet file all images are paths, or all are bytes")
                row["image"] = row["image"] if as_bytes else _path(row, path)
            writer.write_table(pa.Table.from_pylist(group, schema=writer.schema))
            count += len(group)
    write_atomic(path, content.getvalue())
    return count


def _write_shards(path: PathLike, rows: Iterator[dict[str, Any]], shard_size: int) -> int:
    count = 0
    with atomic_folder(path) as folder:
        for shard in itertools.count():
            part = list(itertools.islice(rows, 1))
            if not part and shard:
                return count
            with tarfile.open(folder / f"{shard:05}.tar", "w") as tar:
                for row in itertools.chain(part, itertools.islice(rows, shard_size - len(part))):
                    _add_sample(tar, f"{count:09}", row)
                    count += 1
    return count


def _add_sample(tar: tarfile.TarFile, key: str, row: dict[str, Any]) -> None:
    picture = _bytes(row)
    ending = next((ending for magic, ending in _MAGIC if picture.startswith(magic)), None)
    if ending is None:
        raise InputError(f"{row['id']}: shards hold JPEG, PNG and WebP pictures; convert it first")
    told = json.dumps({name: value for name, value in row.items() if name != "image"}, ensure_ascii=False)
    for suffix, content in ((ending, picture), ("txt", row["caption"].encode()), ("json", told.encode())):
        about = tarfile.TarInfo(f"{key}.{suffix}")  # its time and owner stay 0: equal samples, equal shards
        about.size = len(content)
        tar.addfile(about, io.BytesIO(content))


def stored_path(image: PathLike, target: PathLike) -> str:
    """A picture's path as a file of samples stores it: relative to the file's folder if it lies below, else absolute.

    Args:
        image: the picture.
        target: the file that will name it.
    """
    folder, whole = os.path.dirname(os.path.abspath(os.fspath(target))), os.path.abspath(os.fsdecode(image))
    below = os.path.join(folder, "")
    return whole[len(below) :].replace(os.sep, "/") if whole.startswith(below) else whole


def _path(row: dict[str, Any], target: PathLike) -> str:
    image = row["image"]
    if not isinstance(image, str | os.PathLike):
        raise InputError(f"{row['id']}: this format holds paths of pictures, not {type(image).__name__}; write shards")
    return stored_path(image, target)


def _bytes(row: dict[str, Any]) -> bytes:
    image = row["image"]
    if isinstance(image, bytes):
        return image
    if not isinstance(image, str | os.PathLike):
        raise InputError(f"{row['id']}: pass its path or the bytes of its file, not {type(image).__name__}")
    try:
        return Path(os.fsdecode(image)).read_bytes()
    except OSError as error:
        raise InputError(f"{row['id']}: {os.fsdecode(image)}: cannot be read ({error.strerror or error})") from error

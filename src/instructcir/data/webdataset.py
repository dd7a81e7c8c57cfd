"""Rows of WebDataset shards: tar files in which files of one name and different endings make one sample.

This is what img2dataset leaves behind: `000000123.jpg`, `000000123.txt` (the caption) and `000000123.json`.
"""

from __future__ import annotations

import os
import tarfile
import zlib
from collections.abc import Iterator
from typing import IO, Any

from instructcir.data.jsonl import json_object
from instructcir.data.rows import Row
from instructcir.errors import InputError

SUFFIXES = (".tar", ".tar.gz", ".tgz")
_PICTURES = ("jpg", "jpeg", "png", "webp")
_BROKEN = (tarfile.TarError, EOFError, zlib.error, OSError)
_PIECE = 1 << 20


def webdataset_rows(path: str) -> Iterator[Row]:
    """One row for each sample of a shard; a row's own id is the name its files share.

    Where a shard is cut short or damaged, the samples before that place are given, then a row whose problem says so.
    Of two files of one kind in a sample the first counts; files of other kinds are passed over.

    Raises:
        InputError: the shard cannot be opened.
    """
    key, parts = "", dict[str, bytes]()
    try:
        with _opened(path) as stream, tarfile.open(fileobj=stream, mode="r|*") as tar:
            while (member := tar.next()) is not None:
                tar.members = []  # type: ignore[attr-defined]  # else it keeps every header it has read
                name, kind = _name_and_kind(member)
                if name != key and parts:
                    yield _row(path, key, parts)
                    parts = {}
                key = name
                if kind and kind not in parts:
                    parts[kind] = _content(tar, member)
            end = tar.offset
    except _BROKEN as error:
        yield Row(path, path, problem=f"damaged or cut short ({error}); copy or download it again")
        return
    if parts:
        yield _row(path, key, parts)
    if path.endswith(".tar") and not _ends_at(path, end):
        yield Row(path, path, problem=f"damaged or cut short after byte {end:,}; copy or download it again")


def _opened(path: str) -> IO[bytes]:
    try:
        return open(path, "rb")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def _name_and_kind(member: tarfile.TarInfo) -> tuple[str, str]:
    """The name up to the first dot of its last part, and "image", "txt", "json", or "" for what is passed over."""
    folder, _, file = member.name.rpartition("/")
    name, _, ending = file.partition(".")
    ending = ending.lower()
    if not member.isfile() or not name:
        return member.name, ""
    kind = "image" if ending in _PICTURES else ending if ending in ("txt", "json") else ""
    return f"{folder}/{name}" if folder else name, kind


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    return file.read() if file else b""


def _row(path: str, key: str, parts: dict[str, bytes]) -> Row:
    where = f"{path}, sample {key}"
    if "image" not in parts:
        return Row(where, key, problem="has no picture")
    fields: dict[str, Any] = {}
    if "json" in parts:
        fields, problem = json_object(parts["json"])
        if problem:
            return Row(where, key, problem=f".json: {problem}")
    if "txt" in parts:
        try:
            fields["caption"] = parts["txt"].decode("utf-8")
        except UnicodeDecodeError:
            return Row(where, key, problem=".txt: not UTF-8 text")
    fields["image"] = parts["image"]
    return Row(where, key, fields)


def _ends_at(path: str, end: int) -> bool:
    """Whether an archive ends there as a whole one does: with nothing but zeros, and at least two blocks of them.

    Python's tarfile takes the first header that it cannot read, or the end of the file, for the end of the archive.
    """
    if os.path.getsize(path) < end + 2 * tarfile.BLOCKSIZE:
        return False
    with open(path, "rb") as file:
        file.seek(end)
        return not any(any(piece) for piece in iter(lambda: file.read(_PIECE), b""))

"""What people name on a command line, as lists: pictures in files and folders, composed queries, texts."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instructcir.errors import InputError
from instructcir.items import PICTURE_SUFFIXES


@dataclass(frozen=True, slots=True)
class QueryLine:
    """A line of a query file: where it stands, the reference's path and the modification."""

    line: int
    reference: str
    modification: str


def find_pictures(inputs: Sequence[str]) -> tuple[list[str], int]:
    """Paths of pictures, and how many other files the folders hold.

    Args:
        inputs: files, taken whatever their names, and folders, searched with all folders below; hidden files and
            folders are left out, and links to folders are not followed.

    Returns:
        Paths in the order of the inputs, each folder's sorted by name; each path once. And a count of files in folders
        whose names are no picture's.

    Raises:
        InputError: an input does not exist, or a folder cannot be read.
    """
    found: dict[str, None] = {}
    others = 0
    for name in inputs:
        if not os.path.isdir(name):
            if not os.path.exists(name):
                raise InputError(f"{name}: no such file or folder")
            found[name] = None
            continue
        for path in _files_under(name):
            if os.path.splitext(path)[1].lower() in PICTURE_SUFFIXES:
                found[path] = None
            else:
                others += 1
    return list(found), others


def _files_under(folder: str) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        raise InputError(f"{error.filename}: cannot be read ({error.strerror})")

    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (os.path.join(parent, name) for name in sorted(names) if not name.startswith("."))


def read_queries(path: Path) -> list[QueryLine]:
    """Composed queries, one JSON object a line: {"reference": "a.jpg", "modification": "in blue"}.

    Blank lines are left out.

    Raises:
        InputError: the file cannot be read, or a line is something else; the message has its number.
    """
    queries = []
    for number, line in enumerate(read_lines(path), start=1):
        if line.strip():
            queries.append(_query(line, number, f"{path}, line {number}"))
    return queries


def _query(line: str, number: int, where: str) -> QueryLine:
    try:
        record: Any = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{where}: no JSON ({error})") from None
    if not isinstance(record, dict):
        raise InputError(f'{where}: no JSON object; write {{"reference": "a.jpg", "modification": "in blue"}}')
    for key in ("reference", "modification"):
        if not isinstance(record.get(key), str):
            what = "is no string" if key in record else "is missing"
            raise InputError(f'{where}: "{key}" {what}')
    if not record["reference"]:
        raise InputError(f'{where}: "reference" is empty')
    if "\0" in record["reference"]:
        raise InputError(f'{where}: "reference" holds a NUL character')
    return QueryLine(number, record["reference"], record["modification"])


def read_lines(path: Path) -> list[str]:
    """Lines of a UTF-8 file without their ends; the last line's end makes no further line.

    Raises:
        InputError: the file cannot be read or is not UTF-8.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}, line {line}: not UTF-8 text") from None
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    return lines if lines[-1] else lines[:-1]

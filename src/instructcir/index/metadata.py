"""What a user knows of the pictures: a CSV or JSONL file, joined to them by file name, as columns of the table."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, TypeAlias

import pyarrow as pa

from instructcir.errors import InputError
from instructcir.index.table import OWN_COLUMNS

Value: TypeAlias = str | int | float | bool | None
KEY_COLUMNS = ("file", "filename", "file_name", "path", "image")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Metadata:
    """Values of pictures.

    Attributes:
        fields: name and Arrow type of each column.
        values: of a picture, by its file name or by the end of its path ("shop/a.jpg").
    """

    fields: Mapping[str, Any]
    values: Mapping[str, Mapping[str, Value]]

    def of(self, path: str) -> Mapping[str, Value]:
        """What is known of a picture: the longest end of its path that the file names; nothing if none is."""
        parts = PurePath(path).parts
        for start in range(len(parts)):
            if (found := self.values.get("/".join(parts[start:]).replace("//", "/"))) is not None:
                return found
        return {}


def read_metadata(path: Path) -> Metadata:
    """Read metadata: CSV with a heading, or one JSON object a line.

    One column, named file, filename, file_name, path or image, names the picture. A column is of whole numbers,
    numbers, truth values or text, as all its values allow; empty means unknown.

    Raises:
        InputError: the file cannot be read, names no pictures, names one twice, or has a column that cannot be one.
    """
    records = _records(path)
    if not records:
        raise InputError(f"{path}: holds no records")
    keys = [name for name in records[0] if name.lower() in KEY_COLUMNS]
    if len(keys) != 1:
        raise InputError(f"{path}: one column must name the picture; call it {' or '.join(KEY_COLUMNS)}")
    names = list(dict.fromkeys(name for record in records for name in record if name != keys[0]))
    for name in names:
        if not _NAME.fullmatch(name) or name.lower() in OWN_COLUMNS:
            raise InputError(f"{path}: column {name!r} cannot be one; use letters, digits and _, and no name of ours")
    values: dict[str, dict[str, Value]] = {}
    for number, record in enumerate(records, start=1):
        key = str(record.get(keys[0]) or "").replace("\\", "/")
        if not key or key in values:
            raise InputError(f"{path}, record {number}: {'names no picture' if not key else f'{key} is named twice'}")
        values[key] = {name: record.get(name) for name in names}
    fields = {}
    for name in names:
        fields[name], convert = _type_of([record[name] for record in values.values()])
        for record in values.values():
            record[name] = None if record[name] is None else convert(record[name])
    return Metadata(fields, values)


def _records(path: Path) -> list[dict[str, Value]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            if path.suffix.lower() in (".jsonl", ".ndjson"):
                return [
                    _record(line, f"{path}, line {number}") for number, line in enumerate(stream, 1) if line.strip()
                ]
            rows = csv.DictReader(stream, strict=True)
            found = [dict(row) for row in rows]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text") from None
    except csv.Error as error:
        raise InputError(f"{path}: no CSV ({error})") from None
    if any(None in row for row in found):
        raise InputError(f"{path}: a row has more fields than the heading")
    return [{name: _plain(value) for name, value in row.items()} for row in found]


def _record(line: str, where: str) -> dict[str, Value]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: no JSON ({error})") from None
    if not isinstance(record, dict) or any(isinstance(value, dict | list) for value in record.values()):
        raise InputError(f"{where}: must be one flat JSON object")
    return record


def _plain(text: str | None) -> Value:
    """A field of CSV as the value that it spells."""
    if text is None or not text.strip():
        return None
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for convert in (int, float):
        try:
            number = convert(text)
        except ValueError:
            continue
        return number if math.isfinite(number) and "_" not in text and not _is_code(text) else text
    return text


def _is_code(text: str) -> bool:
    """Digits that are a name and no number: 007, or more of them than a number holds."""
    return (len(text) > 1 and text.startswith("0") and text.isdigit()) or len(text) > 18


def _type_of(values: Sequence[Value]) -> tuple[Any, Any]:
    """The Arrow type that holds all values, and how to bring one into it."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return pa.bool_(), bool
    if kinds == {int} and all(-(2**63) <= int(value or 0) < 2**63 for value in values):
        return pa.int64(), int
    if kinds and kinds <= {int, float}:
        return pa.float64(), float
    return pa.string(), str

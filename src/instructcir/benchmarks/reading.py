"""Annotation files as records whose fields are checked when they are read: an error names file, record and remedy."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from instructcir.errors import InputError


def read_json(path: Path, remedy: str) -> Any:
    """The content of a JSON file; a name that an object holds twice is an error, not the last one of them.

    Args:
        path: the file.
        remedy: what to do when it cannot be used, put at the end of the message.

    Raises:
        InputError: the file cannot be read, is no JSON, or an object in it holds a name twice.
    """
    return parse_json(read_text(path, remedy), str(path), remedy)


def read_text(path: Path, remedy: str) -> str:
    """The content of a UTF-8 file.

    Raises:
        InputError: it cannot be read, or is no UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); {remedy}") from error
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text; {remedy}") from None


def parse_json(text: str, where: str, remedy: str) -> Any:
    """What a JSON text says; a name that an object holds twice is an error, not the last one of them.

    Args:
        text: the JSON.
        where: it stands, for messages.
        remedy: what to do when it cannot be used.

    Raises:
        InputError: it is no JSON, or an object in it holds a name twice.
    """
    try:
        return json.loads(text, object_pairs_hook=_once)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{where}: not JSON ({error}); {remedy}") from None
    except _Twice as error:
        raise InputError(f"{where}: an object holds {error.args[0]!r} twice; {remedy}") from None


class _Twice(Exception):
    """A name that an object holds twice."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _Twice(name)
            seen.add(name)
    return found


class Record:
    """One record of an annotation file.

    Args:
        values: its fields.
        where: file and record, for messages: "cap.dress.val.json, record 17".
        remedy: what to do when it is broken.
    """

    def __init__(self, values: Any, where: str, remedy: str) -> None:
        if not isinstance(values, dict):
            raise InputError(f"{where}: no JSON object; {remedy}")
        self.values: Mapping[str, Any] = values
        self.where = where
        self.remedy = remedy

    def wrong(self, what: str) -> InputError:
        """An error about this record, to be raised."""
        return InputError(f"{self.where}: {what}; {self.remedy}")

    def _value(self, key: str) -> Any:
        if key not in self.values:
            raise self.wrong(f'"{key}" is missing')
        return self.values[key]

    def text(self, key: str) -> str:
        """A string; it may be empty or blank, as a few official captions are."""
        value = self._value(key)
        if not isinstance(value, str):
            raise self.wrong(f'"{key}" is no string')
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings."""
        value = self._value(key)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong(f'"{key}" is no list of strings')
        return tuple(value)

    def id(self, key: str) -> str:
        """A whole number or a string, as a string; a number written with leading zeros without them."""
        return self._id(key, self._value(key))

    def ids(self, key: str) -> tuple[str, ...]:
        """A list of ids."""
        value = self._value(key)
        if not isinstance(value, list):
            raise self.wrong(f'"{key}" is no list')
        return tuple(self._id(key, item) for item in value)

    def _id(self, key: str, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
            raise self.wrong(f'"{key}" holds {value!r}, which is neither a whole number nor a name')
        return plain_id(value)

    def numbers(self, key: str, count: int) -> tuple[float, ...]:
        """So many finite numbers."""
        value = self._value(key)
        good = isinstance(value, list) and len(value) == count
        if not good or not all(_is_finite(item) for item in value):
            raise self.wrong(f'"{key}" is no list of {count} numbers')
        return tuple(value)

    def grades(self, key: str) -> dict[str, float]:
        """An object of finite numbers."""
        value = self._value(key)
        if not isinstance(value, dict) or not all(_is_finite(item) for item in value.values()):
            raise self.wrong(f'"{key}" is no object of numbers')
        return {name: float(number) for name, number in value.items()}

    def record(self, key: str) -> Record:
        """An object within."""
        return Record(self._value(key), f'{self.where}, "{key}"', self.remedy)

    def records(self, key: str) -> list[Record]:
        """A list of objects within."""
        value = self._value(key)
        if not isinstance(value, list):
            raise self.wrong(f'"{key}" is no list')
        return [Record(item, f'{self.where}, "{key}" {number}', self.remedy) for number, item in enumerate(value)]


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def plain_id(value: int | str) -> str:
    """An id as a string, the same for 7, "7" and "000007"."""
    text = str(value)
    return str(int(text)) if text.isascii() and text.isdecimal() else text


def read_records(path: Path, remedy: str) -> list[Record]:
    """The records of a file that holds a list of objects, numbered from 0.

    Raises:
        InputError: it cannot be read, or holds something else.
    """
    content = read_json(path, remedy)
    if not isinstance(content, list) or not content:
        raise InputError(f"{path}: expected a list of records, which this is not; {remedy}")
    return [Record(values, f"{path}, record {number}", remedy) for number, values in enumerate(content)]


def known(record: Record, key: str, names: Iterable[str], gallery: Mapping[str, object], of: str) -> None:
    """Check that names are in a gallery.

    Raises:
        InputError: one is not.
    """
    for name in names:
        if name not in gallery:
            raise record.wrong(f'"{key}" names {name!r}, which is not in {of}')


def distinct(record: Record, key: str, names: Iterable[str]) -> None:
    """Check that no name comes twice.

    Raises:
        InputError: one does.
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise record.wrong(f'"{key}" holds {name!r} twice')
        seen.add(name)

"""Rows of a JSONL file: UTF-8, one JSON object a line, blank lines left out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from instructcir.data.rows import Row
from instructcir.errors import InputError

SUFFIXES = (".jsonl", ".ndjson")
_MARK = b"\xef\xbb\xbf"  # of UTF-8, which some editors put at a file's start


def jsonl_rows(path: str) -> Iterator[Row]:
    """One row for each line that is not blank; a row's own id is its line's number.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        with open(path, "rb") as file:
            for number, line in enumerate(file, start=1):
                content = line.removeprefix(_MARK).strip() if number == 1 else line.strip()
                if content:
                    yield _row(content, f"{path}, line {number}", str(number))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def _row(content: bytes, where: str, number: str) -> Row:
    fields, problem = json_object(content)
    return Row(where, number, fields, problem)


def json_object(content: bytes) -> tuple[dict[str, Any], str]:
    """The members of a JSON object, and what is wrong where it is none: then there are no members."""
    try:
        value = json.loads(content.decode("utf-8"))
    except UnicodeDecodeError:
        return {}, "not UTF-8 text"
    except (ValueError, RecursionError) as error:
        return {}, f"no JSON ({error})"
    return (value, "") if isinstance(value, dict) else ({}, f"no JSON object but {type(value).__name__}")

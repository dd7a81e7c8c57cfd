"""The small files of a model folder, and other libraries' errors in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from instructcir.errors import ModelError


def read_json(path: Path) -> dict[str, Any]:
    """Contents of a JSON object file.

    Raises:
        ModelError: it is missing, unreadable or no object.
    """
    values = _read(path)
    if not isinstance(values, dict):
        raise ModelError(f"{path}: holds no JSON object")
    return values


def read_json_list(path: Path) -> list[dict[str, Any]]:
    """Contents of a JSON file that holds a list of objects.

    Raises:
        ModelError: it is missing, unreadable or no such list.
    """
    values = _read(path)
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise ModelError(f"{path}: holds no list of JSON objects")
    return values


def first_line(error: BaseException) -> str:
    """The first line of an error's message with the one it leads to, or its type's name where there is none."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path.parent}: has no {path.name}; is this a model folder?") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelError(f"{path}: cannot be read as JSON ({error})") from error

"""From a row of any format, a mapping of names to values, to a pair or a triplet; or to what is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from instructcir.data.records import Pair, Triplet

# The first name is ours; the others are what img2dataset calls the same thing.
IMAGE_NAMES = ("image", "jpg")
ID_NAMES = ("id", "key")


class BadSample(Exception):
    """What is wrong with one sample, in words; its place is added by whoever knows it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row as a format's reader found it.

    Attributes:
        where: file and line, row or key, for messages.
        id: the sample's id where its fields name none.
        fields: its values by name.
        problem: what is wrong with it where it could not be read at all; then there are no fields.
    """

    where: str
    id: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""


def pair_of(row: Row, folder: str) -> Pair:
    """The pair in a row.

    Args:
        row: from a reader.
        folder: what a relative image path starts from.

    Raises:
        BadSample: the row could not be read, or a value is missing, of a wrong kind or empty.
    """
    fields = _fields(row)
    return Pair(_image(fields, folder), _text(fields, "caption"), id_of(row))


def triplet_of(row: Row, folder: str) -> Triplet:
    """The triplet in a row.

    Args:
        row: from a reader.
        folder: what a relative image path starts from.

    Raises:
        BadSample: the row could not be read, or a value is missing, of a wrong kind or empty.
    """
    fields = _fields(row)
    return Triplet(
        image=_image(fields, folder),
        instruction=_text(fields, "instruction"),
        modified_caption=_text(fields, "modified_caption"),
        caption=_text(fields, "caption", optional=True),
        id=id_of(row),
        kind=_text(fields, "kind", optional=True),
        hard_negatives=_texts(fields, "hard_negatives"),
    )


def id_of(row: Row) -> str:
    """The id that a row gives itself, else the one that its place gives it."""
    for name in ID_NAMES:
        value = row.fields.get(name)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    return row.id


def _fields(row: Row) -> Mapping[str, Any]:
    if row.problem:
        raise BadSample(row.problem)
    return row.fields


def _text(fields: Mapping[str, Any], name: str, *, optional: bool = False) -> str:
    value = fields.get(name)
    if value is None and optional:
        return ""
    if not isinstance(value, str):
        raise BadSample(f'"{name}" is missing' if value is None else f'"{name}" is no string')
    if not value.strip() and not optional:
        raise BadSample(f'"{name}" is empty')
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise BadSample(f'"{name}" holds half of a surrogate pair, which is no character')
    return value


def _texts(fields: Mapping[str, Any], name: str) -> tuple[str, ...]:
    values = fields.get(name)
    if values is None:
        return ()
    if not isinstance(values, list):
        raise BadSample(f'"{name}" is no list')
    return tuple(_text({name: value}, name) for value in values)


def _image(fields: Mapping[str, Any], folder: str) -> str | bytes:
    value = next((fields[name] for name in IMAGE_NAMES if fields.get(name) is not None), None)
    if isinstance(value, Mapping):  # as the datasets library stores pictures: {"bytes": ..., "path": ...}
        value = value.get("bytes") or value.get("path")
    if isinstance(value, bytes) and value:
        return value
    if not isinstance(value, str) or not value:
        raise BadSample('"image" is missing' if value is None else '"image" is neither a path nor the bytes of one')
    path = os.path.join(folder, value)
    if not os.path.isfile(path):
        raise BadSample(f"no such picture: {path!r}")
    return path

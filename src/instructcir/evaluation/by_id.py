"""Files of a person's own that say something about each query or picture: read, and checked entry by entry.

Two layouts: a JSON object from id to value, and JSON Lines with an object for each id.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instructcir.benchmarks.benchmark import Benchmark, Query
from instructcir.benchmarks.reading import parse_json, plain_id, read_text
from instructcir.errors import InputError
from instructcir.files import PathLike


@dataclass(frozen=True, slots=True)
class Entry:
    """What a file says about one id.

    Attributes:
        value: not checked yet.
        where: file and id, for messages.
    """

    value: Any
    where: str


def read_by_id(
    path: PathLike, known: Mapping[str, object], *, key: str, field: str, what: str, remedy: str
) -> dict[str, Entry]:
    """Entries of a file by id, in the file's order.

    Args:
        path: a name that ends in .jsonl is read as JSON Lines, every other as one JSON object.
        known: ids that exist.
        key: name of the id in a line: "query".
        field: name of the value in a line.
        what: the ids are of: "a query of CIRR's split val".
        remedy: what to do about a file of another layout.

    Raises:
        InputError: the file cannot be read, is empty or has another layout; an id is unknown or comes twice.
    """
    text = read_text(Path(path), remedy)
    pairs = _lines(text, path, key, field, remedy) if str(path).endswith(".jsonl") else _object(text, path, remedy)
    found: dict[str, Entry] = {}
    for given, entry in pairs:
        identity = str(given) if str(given) in known else plain_id(given)
        if identity not in known:
            raise InputError(f"{entry.where}: {given!r} is not {what}; leave it out, or name its split")
        if identity in found:
            raise InputError(f"{entry.where}: {key} {identity} comes twice; keep one")
        found[identity] = entry
    if not found:
        raise InputError(f"{path}: says nothing about any {key}; {remedy}")
    return found


def queries_of(benchmark: Benchmark) -> dict[str, Query]:
    """Its queries by id, in order."""
    return {query.id: query for part in benchmark.parts for query in part.queries}


def a_query_of(benchmark: Benchmark) -> str:
    """What an id must be, for messages."""
    return f"a query of {benchmark.title}'s split {benchmark.split}"


def texts(entry: Entry, what: str, remedy: str) -> tuple[str, ...]:
    """A list of one or more different texts.

    Raises:
        InputError: it is something else, or one is blank or comes twice.
    """
    value = entry.value
    if not isinstance(value, list) or not value or not all(isinstance(one, str) and one.strip() for one in value):
        raise InputError(f"{entry.where}: no list of {what}; {remedy}")
    for number, one in enumerate(value):
        if one in value[:number]:
            raise InputError(f"{entry.where}: {one!r} comes twice; keep one")
    return tuple(value)


def _object(text: str, path: PathLike, remedy: str) -> Iterator[tuple[str, Entry]]:
    content = parse_json(text, str(path), remedy)
    if not isinstance(content, dict):
        raise InputError(f"{path}: no JSON object of ids; {remedy}")
    for key, value in content.items():
        yield key, Entry(value, f"{path}, {key!r}")


def _lines(text: str, path: PathLike, key: str, field: str, remedy: str) -> Iterator[tuple[str | int, Entry]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        record = parse_json(line, where, remedy)
        if not isinstance(record, dict):
            raise InputError(f"{where}: no JSON object; {remedy}")
        for name in (key, field):
            if name not in record:
                raise InputError(f'{where}: "{name}" is missing; {remedy}')
        identity = record[key]
        if isinstance(identity, bool) or not isinstance(identity, int | str) or identity == "":
            raise InputError(
                f'{where}: "{key}" holds {identity!r}, which is neither a whole number nor a name; {remedy}'
            )
        yield identity, Entry(record[field], where)

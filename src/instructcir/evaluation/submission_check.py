"""Would a server take this submission file? All faults of it, named.

CIRR's server takes {"version": "rc2", "metric": "recall" or "recall_subset", pair id: [names]}, of test1, at most 5 MB;
CIRCO's {query id: [50 picture ids]}. Sources: the makers' pages on their servers.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from instructcir.benchmarks.benchmark import Benchmark, Query
from instructcir.benchmarks.reading import plain_id
from instructcir.errors import InputError
from instructcir.files import PathLike

VERSION = "rc2"
LENGTHS = {"recall": 50, "recall_subset": 3}
CIRCO_LENGTH = 50
MOST_BYTES = 5_000_000
QUERIES = {"cirr": 4148, "circo": 800}
"""Queries of the splits that the servers score."""


def kind_of(path: PathLike) -> str:
    """Whose submission a file is: "cirr", which has a version or a metric, or names like theirs; otherwise "circo".

    Raises:
        InputError: the file cannot be read or holds no JSON object.
    """
    pairs = _pairs(Path(path))
    keys = {key for key, _ in pairs}
    names = [item for _, value in pairs if isinstance(value, list) for item in value[:1]]
    return "cirr" if keys & {"version", "metric"} or any("img" in str(name) for name in names) else "circo"


def faults(path: PathLike, benchmark: Benchmark | None = None, name: str | None = None) -> list[str]:
    """Everything that a server would refuse, or score as something else.

    Args:
        path: the submission file.
        benchmark: the split it is about; without it neither names nor ids are compared with those that exist.
        name: whose it is, where there is no benchmark: "cirr" or "circo".

    Returns:
        One sentence for each fault; none where the file is good.

    Raises:
        InputError: the file cannot be read or holds no JSON object.
    """
    file = Path(path)
    pairs = _pairs(file)
    whose = benchmark.name if benchmark else name or kind_of(file)
    found = [f"{key!r} is there {count} times" for key, count in Counter(key for key, _ in pairs).items() if count > 1]
    entries = dict(pairs)
    lists = entries
    if whose == "cirr":
        found += _header(entries, file)
        lists = {key: value for key, value in entries.items() if key not in ("version", "metric")}
    queries = {query.id: query for part in benchmark.parts for query in part.queries} if benchmark else {}
    found += _keys(lists, queries, whose)
    names = frozenset(benchmark.pictures) if benchmark else None
    length = _length(whose, str(entries.get("metric")), names)
    subset = entries.get("metric") == "recall_subset"
    for key, value in lists.items():
        query = queries.get(plain_id(key))
        allowed = frozenset(query.candidates) if subset and query is not None else names
        reference = query.reference if query is not None and whose == "cirr" else None
        found += [f"query {key}: {fault}" for fault in _list(value, length, allowed, reference, whose)]
    return found


def _length(whose: str, metric: str, names: frozenset[str] | None) -> int | None:
    """How many names each list must hold, fewer in a small gallery; None where the metric is not known."""
    length = LENGTHS.get(metric) if whose == "cirr" else CIRCO_LENGTH
    if length is None or names is None:
        return length
    return min(length, len(names) - (whose == "cirr"))


class _Pairs(list[tuple[str, Any]]):
    """The names and values of a JSON object, a name that comes twice too."""


def _pairs(path: Path) -> list[tuple[str, Any]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
        content = json.loads(text, object_pairs_hook=_Pairs)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{path}: not JSON ({error}); write it with a JSON library") from None
    if not isinstance(content, _Pairs):
        raise InputError(f"{path}: no JSON object of query ids; see docs/formats.md")
    return content


def _header(entries: Mapping[str, Any], path: Path) -> Iterator[str]:
    if entries.get("version") != VERSION:
        yield f'"version" is {entries.get("version")!r}, not "{VERSION}"'
    if entries.get("metric") not in LENGTHS:
        yield f'"metric" is {entries.get("metric")!r}, neither "recall" nor "recall_subset"'
    if (size := path.stat().st_size) > MOST_BYTES:
        yield f"it has {size:,} bytes; the server takes {MOST_BYTES:,}"


def _keys(lists: Mapping[str, Any], queries: Mapping[str, Query], whose: str) -> Iterator[str]:
    """Faults of the set of queries."""
    plain = Counter(plain_id(key) for key in lists)
    yield from (f"query {key} is there {count} times, written differently" for key, count in plain.items() if count > 1)
    if queries:
        yield from (f"query {key} has no list" for key in queries if key not in plain)
        yield from (f"{key!r} is no query of the split" for key in lists if plain_id(key) not in queries)
    else:
        yield from (f"{key!r} is no query id, which are numbers" for key in lists if not plain_id(key).isdecimal())
        if len(plain) != QUERIES[whose]:
            yield f"it has {len(plain):,} queries; the server's split has {QUERIES[whose]:,}"
        if whose == "circo":
            wanted = {str(number) for number in range(QUERIES[whose])}
            yield from (f"query {key} has no list" for key in sorted(wanted - plain.keys(), key=int)[:10])


def _list(
    value: Any, length: int | None, allowed: frozenset[str] | None, reference: str | None, whose: str
) -> Iterator[str]:
    """Faults of one list."""
    if not isinstance(value, list) or not all(isinstance(item, str | int) and item is not True for item in value):
        yield "no list of names"
        return
    names = [plain_id(item) for item in value]
    if length is not None and len(names) != length:
        yield f"{len(names)} names instead of {length}"
    yield from (f"{name} is there {count} times" for name, count in Counter(names).items() if count > 1)
    if whose == "circo":
        yield from (f"{name!r} is no picture id, which are numbers" for name in names if not name.isdecimal())
    if reference in names:
        yield f"holds the query's own reference {reference}"
    if allowed is not None:
        yield from (f"{name} is none of its pictures" for name in names if name not in allowed and name != reference)

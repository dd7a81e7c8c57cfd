"""The result card of a run: what was scored how, with what model, on which pictures, and what came out, as three files.

`NAME.json` holds everything, `NAME.md` the same for people, `NAME.parquet` the target's rank and every metric of each
query, from which two runs can be compared.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from instructcir.errors import InputError
from instructcir.evaluation.report import Report, plain
from instructcir.evaluation.sections import Section
from instructcir.files import PathLike, write_atomic
from instructcir.version import __version__

FORMAT = 1
_NO_FIGURES = ("protocol", "part", "query", "top")
_LIBRARIES = ("numpy", "torch", "transformers", "sentence-transformers", "pillow")


def write_card(
    report: Report,
    folder: PathLike,
    *,
    model: Mapping[str, Any],
    pictures: Mapping[str, str],
    seconds: Mapping[str, float],
    sections: Sequence[Section] = (),
) -> list[Path]:
    """Write a run's card; files of the same names are replaced, the JSON file last.

    Args:
        report: what came out.
        folder: which must exist.
        model: what is to be said of the model: name, fingerprint, prompts, device, number type.
        pictures: name -> SHA-256 of its file, of all pictures that were encoded.
        seconds: stage -> seconds; "encoding" among them.
        sections: what was found beside the scores.

    Returns:
        The three files.

    Raises:
        InputError: the folder does not exist, or the disk refuses.
    """
    if not Path(folder).is_dir():
        raise InputError(f"{folder}: no such folder; create it first")
    card = {
        "format": FORMAT,
        "benchmark": report.benchmark,
        "split": report.split,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": dict(model),
        "pictures": len(pictures),
        "image_set": image_set_hash(pictures),
        "seconds": {stage: round(took, 3) for stage, took in seconds.items()},
        "pictures_per_second": round(len(pictures) / max(seconds["encoding"], 1e-9), 2),
        "versions": versions(),
        "protocols": {one.protocol.id: f"{one.protocol.title} ({one.protocol.source})" for one in report.judged},
        "notes": list(report.notes),
        "rows": [plain(row) for row in report.rows(intervals=True)],
        "beside": {section.name: section.values for section in sections},
    }
    stem = Path(folder) / f"{report.benchmark}_{report.split}"
    table = pa.BufferOutputStream()
    pq.write_table(per_query(report), table)
    files = {
        stem.with_suffix(".parquet"): table.getvalue().to_pybytes(),
        stem.with_suffix(".md"): "\n".join(_markdown(card, sections)).encode(),
        stem.with_suffix(".json"): (json.dumps(card, indent=1, allow_nan=False) + "\n").encode(),
    }
    for path, content in files.items():
        write_atomic(path, content)
    return list(files)


def per_query(report: Report) -> Any:
    """A pyarrow table with a row for each query under each protocol.

    Columns: protocol, part, query, rank (the target's from 1; null where it was not found), one for each metric, null
    where the protocol lacks it, and top (the first names of the ranking; null where they were not kept).
    """
    names = list(dict.fromkeys(name for one in report.judged for name in one.values))
    columns: dict[str, list[Any]] = {name: [] for name in ("protocol", "part", "query", "rank", *names)}
    for one in report.judged:
        columns["protocol"] += [one.protocol.id] * len(one.ids)
        columns["part"] += [one.part] * len(one.ids)
        columns["query"] += one.ids
        columns["rank"] += [int(rank) if rank > 0 else None for rank in one.ranks_Q]
        for name in names:
            columns[name] += one.values[name].tolist() if name in one.values else [None] * len(one.ids)
        columns.setdefault("top", []).extend([list(names) for names in one.top] or [None] * len(one.ids))
    types = {
        "rank": pa.int64(),
        "top": pa.list_(pa.string()),
        **dict.fromkeys(("protocol", "part", "query"), pa.string()),
    }
    return pa.table({name: pa.array(values, types.get(name, pa.float64())) for name, values in columns.items()})


def image_set_hash(digests: Mapping[str, str]) -> str:
    """One hash for a set of pictures: of each one's name and the SHA-256 of its file, in the order of the names."""
    lines = "\n".join(f"{name} {digests[name]}" for name in sorted(digests))
    return hashlib.sha256(lines.encode()).hexdigest()


def versions() -> dict[str, str]:
    """Versions of Python, this package, and the libraries that a vector depends on."""
    found = {"python": platform.python_version(), "instructcir": __version__}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "absent"
    return found


def read_card(path: PathLike) -> dict[str, Any]:
    """A card that `write_card` wrote.

    Raises:
        InputError: the file is none.
    """
    try:
        card = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        raise InputError(f"{path}: no result card ({error})") from None
    if not isinstance(card, dict) or card.get("format") != FORMAT or "rows" not in card:
        raise InputError(f"{path}: no result card of this version; name the .json file that `evaluate --out` wrote")
    return card


def read_per_query(path: PathLike) -> dict[tuple[str, str], dict[str, dict[str, float | None]]]:
    """(protocol, part) -> query -> rank and metrics, from the Parquet file beside a card.

    Raises:
        InputError: the file is missing or is none.
    """
    found: dict[tuple[str, str], dict[str, dict[str, float | None]]] = {}
    for row in _rows(path):
        values = {name: value for name, value in row.items() if name not in _NO_FIGURES}
        found.setdefault((row["protocol"], row["part"]), {})[row["query"]] = values
    return found


def read_top(path: PathLike) -> dict[tuple[str, str, str], tuple[str, ...]]:
    """(protocol, part, query) -> the first names of its ranking, as far as the Parquet file beside a card has them.

    Raises:
        InputError: the file is missing or is none.
    """
    return {(row["protocol"], row["part"], row["query"]): tuple(row.get("top") or ()) for row in _rows(path)}


def _rows(path: PathLike) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: no file of per-query results ({error})") from None
    missing = [name for name in ("protocol", "part", "query", "rank") if rows and name not in rows[0]]
    if missing:
        raise InputError(f"{path}: no file of per-query results, it has no column {missing[0]}")
    return rows


def _markdown(card: Mapping[str, Any], sections: Sequence[Section]) -> list[str]:
    metrics = list(dict.fromkeys(name for row in card["rows"] for name in row["values"]))
    lines = [f"# {card['benchmark']}, {card['split']}", ""]
    lines += [f"- {key}: {value}" for key, value in card["model"].items()]
    lines += [f"- made: {card['made']}", f"- pictures: {card['pictures']:,}, their hash {card['image_set']}"]
    lines += [f"- {stage}: {seconds:.1f} s" for stage, seconds in card["seconds"].items()]
    lines += [f"- pictures per second: {card['pictures_per_second']}"]
    lines += [f"- {name} {version}" for name, version in card["versions"].items()]
    lines += ["", "In percent, with 95 % bootstrap intervals over queries; **bold**: official protocols.", ""]
    lines += [
        "| " + " | ".join(["protocol", "part", "queries", *metrics, ""]) + " |",
        "|---" * (len(metrics) + 4) + "|",
    ]
    for row in card["rows"]:
        name = f"**{row['protocol']}**" if row["official"] else row["protocol"]
        cells = [name, row["part"], f"{row['queries']:,}", *(_figure(row, metric) for metric in metrics), _gaps(row)]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", *(f"- {identity}: {title}" for identity, title in card["protocols"].items())]
    lines += [f"- note: {note}" for note in card["notes"]]
    for section in sections:
        lines += ["", f"## {section.title}"]
        for table in section.tables:
            lines += ["", f"{table.title}:", ""]
            lines += [f"| {' | '.join(row)} |" for row in (table.head, ("---",) * len(table.head), *table.rows)]
        lines += ["", *(f"- {note}" for note in section.notes)]
    return [*lines, ""]


def _figure(row: Mapping[str, Any], metric: str) -> str:
    if metric not in row["values"]:
        return ""
    low, high = row["intervals"][metric]
    return f"{row['values'][metric]:.2f} ({low:.1f}-{high:.1f})"


def _gaps(row: Mapping[str, Any]) -> str:
    images, queries = row["missing_images"], row["missing_queries"]
    return f"INCOMPLETE: {images:,} images and {queries:,} queries missing" if images or queries else ""

"""Files of triplets as they are looked at: of `instructcir synthesize`, and any other that training reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from instructcir.data.reading import files_of, read_triplets
from instructcir.data.records import Triplet
from instructcir.errors import InputError
from instructcir.files import PathLike
from instructcir.synthesis.stored import read_verdicts
from instructcir.synthesis.written import Picture, Provenance, Source, Verdict, Written

Row = tuple[Source, Verdict]


def read_inspected(path: PathLike) -> Iterator[Row]:
    """Triplets, one after the other in flat memory; of a file without provenance, with empty fields for it.

    Args:
        path: a file, a folder or a pattern, as `read_triplets` takes it.

    Raises:
        InputError: there is no such file, it cannot be read, or it holds no triplets.
    """
    if _is_of_synthesis(files_of(path)[0]):
        return read_verdicts(path)
    return (_row(triplet) for triplet in read_triplets(path))


def rejected_beside(path: PathLike) -> Path | None:
    """Where the rejected triplets of a run lie, told from the kept ones' place; None where there are none."""
    kept = Path(path)
    place = kept / "rejected" if kept.is_dir() else kept.with_suffix(".rejected.parquet")
    return place if place.exists() else None


def first_of(rows: Iterable[Row], path: PathLike) -> list[Row]:
    """All rows of a file in a list.

    Raises:
        InputError: there are none.
    """
    found = list(rows)
    if not found:
        raise InputError(f"{path}: holds no triplets")
    return found


def picture_key(picture: Picture | None) -> str:
    """What tells a source picture from others: its path, or the hash of its bytes; empty where there is none."""
    if picture is None:
        return ""
    return sha256(picture).hexdigest() if isinstance(picture, bytes) else picture


def _is_of_synthesis(file: str) -> bool:
    if not file.lower().endswith((".parquet", ".pq")):
        return False
    try:
        return "prompt" in pq.read_schema(file).names
    except (OSError, pa.ArrowException):
        return False  # the reader says what is wrong with it


def _row(triplet: Triplet) -> Row:
    image = triplet.image if isinstance(triplet.image, str | bytes) else None
    source = Source(triplet.id, image, triplet.caption)
    nobody = Provenance("", "", "")
    texts = triplet.instruction, triplet.modified_caption
    return source, Verdict(Written(triplet.id, 0, *texts, triplet.kind, "", (), nobody))

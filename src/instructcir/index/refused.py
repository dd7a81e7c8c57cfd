"""What LanceDB refuses, told as this package tells it: one type of error, one line, with the remedy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from instructcir.errors import StoreError
from instructcir.remote import Place


@contextmanager
def one_error_type(folder: Place, where: str | None = None, columns: Sequence[str] = ()) -> Iterator[None]:
    """Errors of LanceDB as StoreError, in one line with the remedy."""
    # lancedb raises built-in types for everything: a full disk, a missing file, a condition that does not parse.
    try:
        yield
    except (ValueError, RuntimeError, OSError, KeyError, NotImplementedError) as error:
        said = " ".join(str(error).split())
        said = said if len(said) <= 300 else said[:297] + "..."
        if where is not None and isinstance(error, ValueError):
            raise StoreError(f"where {where!r}: {said}; columns are {', '.join(columns)}") from error
        raise StoreError(f"{folder}: the table cannot be used: {said}{_remedy(said)}") from error


def _remedy(said: str) -> str:
    lowered = said.lower()
    if "no space" in lowered or "too large" in lowered or "quota" in lowered:
        return "; the disk is full: make room and run again, what was committed before is kept"
    if "permission" in lowered or "read-only" in lowered:
        return "; ask for the right to write there, or make the index elsewhere"
    if "not found" in lowered:
        return "; index the folders again, into a new name if files of the index are lost"
    return ""

"""What is found beside the scores, as tables under a heading: printed, put on a run's page and into its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text.

    Attributes:
        title: what is shown, in a few words.
        head: the columns; the first holds words, the others numbers.
        rows: as long as the head.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One thing that was found.

    Attributes:
        name: a word for machines: "audit".
        title: for people.
        tables: in percent where they hold scores.
        notes: sentences.
        values: the same as plain values for JSON, unrounded.
    """

    name: str
    title: str
    tables: tuple[Table, ...]
    notes: tuple[str, ...]
    values: Mapping[str, Any]


def lines(section: Section) -> list[str]:
    """A section as lines of text."""
    found = [section.title]
    for table in section.tables:
        found += [f"  {table.title}", *(f"    {line}" for line in _aligned([table.head, *table.rows]))]
    return [*found, *(f"  {note}" for note in section.notes)]


def _aligned(cells: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join([row[0].ljust(widths[0]), *_to_the_right(row[1:], widths[1:])]).rstrip() for row in cells]


def _to_the_right(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [cell.rjust(width) for cell, width in zip(cells, widths, strict=True)]

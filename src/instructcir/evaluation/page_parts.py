"""Sections of what was found beside the scores, as HTML."""

from __future__ import annotations

from instructcir.evaluation.sections import Section, Table
from instructcir.pages.parts import escaped, plain_table

_MOST_BESIDE = 7  # columns of a table that fits into half the page


def section(found: Section) -> str:
    """A section with its tables side by side."""
    cards = "".join(_card(table) for table in found.tables)
    notes = "".join(f'<p class="note">{escaped(note)}</p>' for note in found.notes)
    return f'<h2>{escaped(found.title)}</h2><div class="columns">{cards}</div>{notes}'


def _card(table: Table) -> str:
    wide = " wide" if len(table.head) > _MOST_BESIDE else ""
    return f'<div class="card{wide}"><h3>{escaped(table.title)}</h3>{plain_table(table.head, table.rows)}</div>'

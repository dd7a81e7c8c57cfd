"""What pages of HTML are made of: the document with its style, and tables. A page needs no other file."""

from __future__ import annotations

import html
from collections.abc import Sequence
from importlib import resources

from instructcir.evaluation.sections import Section, Table

_MOST_BESIDE = 7  # columns of a table that fits into half the page


def escaped(text: str) -> str:
    """Text that stands for itself, in quotation marks too."""
    return html.escape(text, quote=True)


def document(title: str, about: Sequence[str], body: Sequence[str]) -> str:
    """A whole page.

    Args:
        title: plain text.
        about: plain lines below it.
        body: HTML.
    """
    style = resources.files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    lines = "".join(f'<p class="note">{escaped(line)}</p>' for line in about)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escaped(title)}</title><style>{style}</style></head>"
        f"<body><main><h1>{escaped(title)}</h1>{lines}{''.join(body)}</main></body></html>\n"
    )


def plain_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of plain text whose first column holds words."""
    first = "".join(f"<th>{escaped(cell)}</th>" for cell in head)
    lines = ("".join(f"<td>{escaped(cell)}</td>" for cell in row) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="scroll"><table class="words1"><tr>{first}</tr>{body}</table></div>'


def section(found: Section) -> str:
    """A section with its tables side by side."""
    cards = "".join(_card(table) for table in found.tables)
    notes = "".join(f'<p class="note">{escaped(note)}</p>' for note in found.notes)
    return f'<h2>{escaped(found.title)}</h2><div class="columns">{cards}</div>{notes}'


def _card(table: Table) -> str:
    wide = " wide" if len(table.head) > _MOST_BESIDE else ""
    return f'<div class="card{wide}"><h3>{escaped(table.title)}</h3>{plain_table(table.head, table.rows)}</div>'

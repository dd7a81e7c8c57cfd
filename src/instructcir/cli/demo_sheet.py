"""The demo's sheet: each reference with its modification, and the hits, the right ones framed in green."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from instructcir.lettering import FAINT, INK, PAPER, Colour, Font, font, line_height, shortened, wrapped, write

_EDGE, _GAP, _CELL, _WORDS = 36, 16, 156, 190
_ARROW = 34
_NOTE_LINES = 2
_FRAME = 4
_RULE: Colour = (222, 224, 230)
_GREEN: Colour = (24, 138, 76)


@dataclass(frozen=True, slots=True)
class Cell:
    """A picture on the sheet.

    Attributes:
        image: the picture, square.
        name: what it shows, in a few words.
        note: what is to be said of it below that.
        is_right: whether it answers what was asked.
    """

    image: Image.Image
    name: str
    note: str = ""
    is_right: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A query on the sheet: its reference, what is asked of it, a note on how that went, and the hits, best first."""

    reference: Cell
    text: str
    note: str
    hits: Sequence[Cell]


def draw_sheet(rows: Sequence[Row], remark: str) -> Image.Image:
    """One row for each query: reference, modification, arrow, hits.

    Args:
        rows: at least one, each with at least one hit.
        remark: what the reader must know about the ranking.
    """
    title, body, small = font(24, bold=True), font(16), font(13)
    most = max(len(row.hits) for row in rows)
    width = 2 * _EDGE + _CELL + _GAP + _WORDS + _ARROW + most * (_CELL + _GAP) - _GAP
    heading = wrapped("A picture and a sentence, in; pictures, out", title, width - 2 * _EDGE, 2)
    told = wrapped(remark, body, width - 2 * _EDGE, 3)
    head = _EDGE + len(heading) * line_height(title) + 4 + len(told) * line_height(body) + 26
    row_height = _CELL + 8 + (1 + _NOTE_LINES) * line_height(small) + 2 * _GAP
    canvas = Image.new("RGB", (width, head + line_height(small) + 8 + len(rows) * row_height + _GAP), PAPER)
    below = write(canvas, (_EDGE, _EDGE), heading, title)
    write(canvas, (_EDGE, below + 4), told, body, FAINT)
    _columns(canvas, head, small)
    y = head + line_height(small) + 8
    for row in rows:
        _row(canvas, y, row, body)
        y += row_height
    return canvas


_HITS_AT = _EDGE + _CELL + _GAP + _WORDS + _ARROW


def _columns(canvas: Image.Image, y: int, small: Font) -> None:
    """What each column holds; the last one's words say what the green frame means, in green."""
    for x, column in ((_EDGE, "reference"), (_EDGE + _CELL + _GAP, "modification"), (_HITS_AT, "ranking, best first")):
        write(canvas, (x, y), [shortened(column, small, canvas.width - x - _EDGE)], small, FAINT)
    x = _HITS_AT + _CELL + _GAP
    if x + _CELL < canvas.width:
        write(canvas, (x, y), [shortened("green frame: right", small, canvas.width - x - _EDGE)], small, _GREEN)


def _row(canvas: Image.Image, y: int, row: Row, body: Font) -> None:
    ImageDraw.Draw(canvas).line((_EDGE, y, canvas.width - _EDGE, y), fill=_RULE)
    _cell(canvas, (_EDGE, y + _GAP), row.reference)
    words = wrapped(f"“{row.text}”", body, _WORDS - _GAP, 5)
    middle = y + _GAP + _CELL // 2
    below = write(canvas, (_EDGE + _CELL + _GAP, middle - len(words) * line_height(body) // 2), words, body)
    small = font(13)
    write(canvas, (_EDGE + _CELL + _GAP, below + 4), wrapped(row.note, small, _WORDS - _GAP, 2), small, FAINT)
    _arrow(canvas, _HITS_AT - _ARROW, middle)
    for place, hit in enumerate(row.hits):
        _cell(canvas, (_HITS_AT + place * (_CELL + _GAP), y + _GAP), hit)


def _cell(canvas: Image.Image, at: tuple[int, int], cell: Cell) -> None:
    """A picture in a frame, its name and its note below."""
    small = font(13)
    x, y = at
    canvas.paste(cell.image.resize((_CELL, _CELL), Image.Resampling.LANCZOS), at)
    colour, thick = (_GREEN, _FRAME) if cell.is_right else (_RULE, 1)
    out = thick - 1  # a thick frame grows outwards and hides nothing
    ImageDraw.Draw(canvas).rectangle(
        (x - out, y - out, x + _CELL - 1 + out, y + _CELL - 1 + out), outline=colour, width=thick
    )
    below = write(canvas, (x, y + _CELL + 8), [shortened(cell.name, small, _CELL)], small, INK)
    if cell.note:
        lines = wrapped(cell.note, small, _CELL, _NOTE_LINES)
        write(canvas, (x, below), lines, small, _GREEN if cell.is_right else FAINT)


def _arrow(canvas: Image.Image, x: int, y: int) -> None:
    draw = ImageDraw.Draw(canvas)
    draw.line((x - 6, y, x + 12, y), fill=FAINT, width=2)
    draw.polygon([(x + 18, y), (x + 10, y - 5), (x + 10, y + 5)], fill=FAINT)

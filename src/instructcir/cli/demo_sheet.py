"""The demo's sheet: each reference with its modification, and the hits with their scores."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from instructcir.cli.demo_pictures import Garment
from instructcir.lettering import FAINT, INK, PAPER, Colour, font, line_height, shortened, wrapped, write

_EDGE, _GAP, _CELL, _WORDS = 36, 16, 156, 190
_ARROW = 34
_RULE: Colour = (222, 224, 230)


def draw_sheet(
    garments: Sequence[Garment],
    asked: Sequence[tuple[Garment, str]],
    hits: Sequence[Sequence[tuple[int, float]]],
    remark: str,
) -> Image.Image:
    """One row for each query: reference, modification, arrow, hits.

    Args:
        garments: the gallery.
        asked: references and modifications.
        hits: for each query (number in the gallery, score), best first.
        remark: what the reader must know about the ranking.
    """
    title, body, small = font(24, bold=True), font(16), font(13)
    most = max(len(row) for row in hits)
    width = 2 * _EDGE + _CELL + _GAP + _WORDS + _ARROW + most * (_CELL + _GAP) - _GAP
    heading = wrapped("A picture and a sentence, in; pictures, out", title, width - 2 * _EDGE, 2)
    told = wrapped(remark, body, width - 2 * _EDGE, 2)
    head = _EDGE + len(heading) * line_height(title) + 4 + len(told) * line_height(body) + 26
    row_height = _CELL + 2 * line_height(small) + 12 + 2 * _GAP
    canvas = Image.new("RGB", (width, head + line_height(small) + 8 + len(asked) * row_height + _GAP), PAPER)
    below = write(canvas, (_EDGE, _EDGE), heading, title)
    write(canvas, (_EDGE, below + 4), told, body, FAINT)
    hits_at = _EDGE + _CELL + _GAP + _WORDS + _ARROW
    for x, column in (
        (_EDGE, "reference"),
        (_EDGE + _CELL + _GAP, "modification"),
        (hits_at, "ranking, best first, with its scores"),
    ):
        write(canvas, (x, head), [shortened(column, small, width - x - _EDGE)], small, FAINT)
    y = head + line_height(small) + 8
    for (reference, modification), row in zip(asked, hits, strict=True):
        ImageDraw.Draw(canvas).line((_EDGE, y, width - _EDGE, y), fill=_RULE)
        _cell(canvas, (_EDGE, y + _GAP), reference, "")
        words = wrapped(f"“{modification}”", body, _WORDS - _GAP, 5)
        middle = y + _GAP + _CELL // 2
        write(canvas, (_EDGE + _CELL + _GAP, middle - len(words) * line_height(body) // 2), words, body)
        _arrow(canvas, hits_at - _ARROW, middle)
        for place, (number, score) in enumerate(row):
            x = hits_at + place * (_CELL + _GAP)
            _cell(canvas, (x, y + _GAP), garments[number], f"{score:.4f}")
        y += row_height
    return canvas


def _cell(canvas: Image.Image, at: tuple[int, int], garment: Garment, score: str) -> None:
    """A picture in a frame, its name and, of a hit, its score below."""
    small = font(13)
    x, y = at
    canvas.paste(garment.image.resize((_CELL, _CELL), Image.Resampling.LANCZOS), at)
    ImageDraw.Draw(canvas).rectangle((x, y, x + _CELL - 1, y + _CELL - 1), outline=_RULE)
    below = write(canvas, (x, y + _CELL + 8), [shortened(garment.name, small, _CELL)], small, INK)
    if score:
        write(canvas, (x, below), [score], small, FAINT)


def _arrow(canvas: Image.Image, x: int, y: int) -> None:
    draw = ImageDraw.Draw(canvas)
    draw.line((x - 6, y, x + 12, y), fill=FAINT, width=2)
    draw.polygon([(x + 18, y), (x + 10, y - 5), (x + 10, y + 5)], fill=FAINT)

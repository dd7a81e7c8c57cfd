"""A contact sheet: pictures of a world in rows, each with what is said of it."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from instructcir.lettering import FAINT, INK, PAPER, Colour, font, line_height, wrapped, write

_EDGE, _GAP, _CELL = 36, 18, 176
_LINES = 3
_RULE: Colour = (222, 224, 230)


def contact_sheet(
    pictures: Sequence[Image.Image], captions: Sequence[str], *, title: str, remark: str = "", columns: int = 6
) -> Image.Image:
    """Pictures in rows, with a title above and up to three lines of caption beneath each.

    Args:
        pictures: square ones; shown 176 pixels wide.
        captions: one of each.
        title: what they are.
        remark: one more line below the title.
        columns: pictures in a row.
    """
    large, small = font(24, bold=True), font(13)
    columns = max(1, min(columns, len(pictures)))
    rows = -(-len(pictures) // columns)
    width = 2 * _EDGE + columns * (_CELL + _GAP) - _GAP
    heading = wrapped(title, large, width - 2 * _EDGE, 2)
    told = wrapped(remark, small, width - 2 * _EDGE, 2) if remark else []
    head = _EDGE + len(heading) * line_height(large) + 4 + len(told) * line_height(small) + _GAP
    row_height = _CELL + 8 + _LINES * line_height(small) + _GAP
    canvas = Image.new("RGB", (width, head + rows * row_height + _EDGE - _GAP), PAPER)
    below = write(canvas, (_EDGE, _EDGE), heading, large)
    write(canvas, (_EDGE, below + 4), told, small, FAINT)
    for number, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        x = _EDGE + number % columns * (_CELL + _GAP)
        y = head + number // columns * row_height
        canvas.paste(picture.resize((_CELL, _CELL), Image.Resampling.LANCZOS), (x, y))
        ImageDraw.Draw(canvas).rectangle((x, y, x + _CELL - 1, y + _CELL - 1), outline=_RULE)
        write(canvas, (x, y + _CELL + 8), wrapped(caption, small, _CELL, _LINES), small, INK)
    return canvas

"""What pages of HTML are made of: the document with its style, tables, pictures inside it."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from importlib import resources

from PIL import Image


def escaped(text: str) -> str:
    """Text that stands for itself, in quotation marks too."""
    return html.escape(text, quote=True)


def document(title: str, about: Sequence[str], body: Sequence[str], *, style: str = "", script: str = "") -> str:
    """A whole page.

    Args:
        title: plain text.
        about: plain lines below it.
        body: HTML.
        style: CSS behind that of all pages.
        script: JavaScript, run when the page is there; it must not hold the end of its own tag.
    """
    common = resources.files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    lines = "".join(f'<p class="note">{escaped(line)}</p>' for line in about)
    run = f"<script>{script}</script>" if script else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escaped(title)}</title><style>{common}{style}</style></head>"
        f"<body><main><h1>{escaped(title)}</h1>{lines}{''.join(body)}</main>{run}</body></html>\n"
    )


def plain_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of plain text whose first column holds words."""
    first = "".join(f"<th>{escaped(cell)}</th>" for cell in head)
    lines = ("".join(f"<td>{escaped(cell)}</td>" for cell in row) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="scroll"><table class="words1"><tr>{first}</tr>{body}</table></div>'


def picture_tag(image: Image.Image, alt: str, side: int) -> str:
    """A picture inside the page, as a small JPEG.

    Args:
        image: of `open_rgb`; it is made smaller in place.
        alt: what it is called.
        side: pixels of its longer side.
    """
    image.thumbnail((side, side))
    content = io.BytesIO()
    image.save(content, "JPEG", quality=80)
    data = base64.b64encode(content.getvalue()).decode()
    return f'<img alt="{escaped(alt)}" src="data:image/jpeg;base64,{data}">'

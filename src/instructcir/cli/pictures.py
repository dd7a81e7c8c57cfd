"""Hits as pictures in the terminal: in full where it can show them, else in half blocks where that is asked for.

Which terminal it is, its environment tells. Where that does not, the terminal is asked whether it speaks sixel.
"""

from __future__ import annotations

import base64
import io
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

import typer
from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.text import Text

from instructcir.cli.sixel import as_sixel, pixels_across, terminal_speaks_sixel
from instructcir.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

    from instructcir.search.answers import Answer
    from instructcir.search.searcher import Index

Full: TypeAlias = Literal["kitty", "iterm", "sixel"]
Way: TypeAlias = Full | Literal["blocks"]
_KITTY_CHUNK = 4096  # bytes that its protocol allows in one escape sequence
_ITERM = ("iTerm.app", "WezTerm", "mintty", "Tabby", "rio")
_SIXEL = re.compile(r"(foot|mlterm|contour|yaft)\b|.*sixel")
_SIXEL_PIXELS = 1000  # a side; xterm shows no more
_SHEET_CELLS, _CELL_PIXELS = 100, 9
_COLUMNS, _GAP = 16, 2  # characters of a picture in half blocks, which has as many pixels a side


def way_of(
    asked: bool | None,
    environment: Mapping[str, str],
    *,
    is_terminal: bool,
    colours: bool,
    speaks_sixel: Callable[[], bool],
) -> Way | None:
    """How pictures are to be shown; None for not at all.

    Args:
        asked: whether they were asked for or forbidden; None where nothing was said: then only terminals that show
            pictures in full get them.
        environment: the process's.
        is_terminal: whether the output is one.
        colours: whether it shows colours.
        speaks_sixel: asks the terminal; called only where nothing else tells.

    Raises:
        InputError: they were asked for, and this output cannot show any.
    """
    if asked is False:
        return None
    full = _shows_pictures(environment) if is_terminal else None
    if not full and is_terminal and colours and speaks_sixel():
        full = "sixel"
    if full or not asked:
        return full
    if is_terminal and colours:
        return "blocks"
    raise InputError(
        "--pictures: the output is no terminal with colours; leave it out, or write the hits with --sheet FILE.png"
    )


def _shows_pictures(environment: Mapping[str, str]) -> Full | None:
    term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    if "TMUX" in environment or term.startswith(("screen", "tmux")):
        return None  # they pass pictures on only where their user has said so; sixel they say they speak, or not
    if "kitty" in term or "ghostty" in term or "KITTY_WINDOW_ID" in environment or program == "ghostty":
        return "kitty"
    if program in _ITERM or environment.get("LC_TERMINAL") == "iTerm2":
        return "iterm"
    return "sixel" if _SIXEL.match(term) else None


def check_pictures(asked: bool | None, as_json: bool) -> Way | None:
    """How the hits are to be shown on this process's standard output; see `way_of`.

    Raises:
        InputError: pictures were asked for and cannot be shown, or stand beside --json.
    """
    if as_json:
        if asked:
            raise InputError("--pictures and --json: JSON lines are for programs; leave one of the two out")
        return None
    colours = Console(file=sys.stdout).color_system is not None
    return way_of(
        asked, os.environ, is_terminal=sys.stdout.isatty(), colours=colours, speaks_sixel=terminal_speaks_sixel
    )


def show_hits(index: Index, answer: Answer, title: str, references: Sequence[Image.Image], way: Way) -> None:
    """Show an answer that has hits, on standard output."""
    from instructcir.search.sheet import hits_sheet, thumbnails

    if way == "blocks":
        console = Console(file=sys.stdout)
        for line in in_half_blocks(thumbnails(index.gallery, answer), console.width):
            console.print(line, soft_wrap=True)
        return
    drawn = hits_sheet(index.gallery, answer, title, references)
    most = min(_SHEET_CELLS, Console(file=sys.stdout).width)
    if way == "sixel":
        drawn.thumbnail((min(pixels_across(most, _CELL_PIXELS), _SIXEL_PIXELS), _SIXEL_PIXELS))
        typer.echo(as_sixel(drawn))
        return
    sheet = io.BytesIO()
    drawn.save(sheet, "PNG")
    cells = min(most, -(-drawn.width // _CELL_PIXELS))
    typer.echo((as_kitty if way == "kitty" else as_iterm)(sheet.getvalue(), cells))


def as_kitty(png: bytes, cells: int) -> str:
    """A PNG in kitty's graphics protocol, so many cells wide."""
    text = base64.b64encode(png).decode()
    parts = [text[start : start + _KITTY_CHUNK] for start in range(0, len(text), _KITTY_CHUNK)]
    found = []
    for number, part in enumerate(parts):
        first = f"a=T,f=100,q=2,c={cells}," if number == 0 else ""  # q=2: the terminal must not answer
        found.append(f"\x1b_G{first}m={int(number < len(parts) - 1)};{part}\x1b\\")
    return "".join(found)


def as_iterm(png: bytes, cells: int) -> str:
    """A PNG as iTerm2's inline image, so many cells wide."""
    text = base64.b64encode(png).decode()
    return f"\x1b]1337;File=inline=1;size={len(png)};width={cells};preserveAspectRatio=1:{text}\x07"


def in_half_blocks(pictures: Sequence[Image.Image], width: int) -> Iterator[Text]:
    """Lines that show pictures side by side and their ranks below, as many in a row as a width has room for.

    A character is two pixels: its upper half in one colour, on the other.
    """
    from PIL import ImageOps

    abreast = max((width + _GAP) // (_COLUMNS + _GAP), 1)
    for start in range(0, len(pictures), abreast):
        row = [
            ImageOps.pad(picture.convert("RGB"), (_COLUMNS, _COLUMNS), color=(255, 255, 255))
            for picture in pictures[start : start + abreast]
        ]
        for top in range(0, _COLUMNS, 2):
            line = Text()
            for number, picture in enumerate(row):
                line.append(" " * _GAP if number else "")
                for left in range(_COLUMNS):
                    upper, lower = _colour(picture, left, top), _colour(picture, left, top + 1)
                    line.append("▀", Style(color=upper, bgcolor=lower))
            yield line
        labels = (f"{start + number + 1:^{_COLUMNS}}" for number in range(len(row)))
        yield Text((" " * _GAP).join(labels).rstrip())


def _colour(picture: Image.Image, left: int, top: int) -> Color:
    found = picture.getpixel((left, top))
    assert isinstance(found, tuple)
    return Color.from_rgb(*found)

"""Text on pictures: a font wherever one is found, lines broken to a width, a sign for what the font lacks."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TypeAlias

from PIL import Image, ImageDraw, ImageFont

Font: TypeAlias = ImageFont.FreeTypeFont | ImageFont.ImageFont
Colour: TypeAlias = tuple[int, int, int]

INK: Colour = (32, 36, 44)
FAINT: Colour = (110, 116, 128)
PAPER: Colour = (255, 255, 255)

# The common free fonts of Linux, macOS and Windows that cover the most scripts; Pillow's own covers Latin only.
_FONTS = {
    False: ("NotoSans-Regular.ttf", "DejaVuSans.ttf", "Arial Unicode.ttf", "segoeui.ttf", "Arial.ttf"),
    True: ("NotoSans-Bold.ttf", "DejaVuSans-Bold.ttf", "Arial Bold.ttf", "segoeuib.ttf"),
}
_LACKING = "?"


@cache
def font(size: int, *, bold: bool = False) -> Font:
    """A font of a size in pixels: the first that the system has, else Pillow's own."""
    for name in _FONTS[bold]:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)


def drawable(text: str, face: Font) -> str:
    """`text` in one line, with `?` for every character that the font has no shape for; never fails.

    White space becomes one space; control characters and halves of surrogate pairs count as lacking.
    """
    return "".join(_shown(character, face) for character in " ".join(text.split()))


@cache
def _shown(character: str, face: Font) -> str:
    if character == " " or (character.isascii() and character.isprintable()):
        return character
    category = unicodedata.category(character)
    if category in ("Mn", "Me", "Cf"):  # accents and joiners have no shape of their own
        return character
    if category[0] == "C":
        return _LACKING
    try:
        return _LACKING if bytes(face.getmask(character)) == bytes(face.getmask("\U0010ffff")) else character
    except (UnicodeEncodeError, OSError, ValueError):  # Pillow's bitmap font knows Latin-1 only
        return _LACKING


def width_of(text: str, face: Font) -> int:
    """Width of a line in pixels."""
    return int(face.getlength(text) + 0.999)


def line_height(face: Font) -> int:
    """Pixels from one line to the next."""
    top, bottom = face.getbbox("Ag")[1::2]
    return int((bottom - top) * 1.4 + 0.999)


def wrapped(text: str, face: Font, width: int, lines: int) -> list[str]:
    """A text broken into at most `lines` lines of at most `width` pixels; what does not fit ends in `…`.

    Lines break at spaces, and within a word that is longer than a line.
    """
    found: list[str] = []
    line = ""
    words = drawable(text, face).split(" ")
    while words:
        word = words.pop(0)
        longer = f"{line} {word}" if line else word
        if width_of(longer, face) <= width:
            line = longer
        elif line:
            found.append(line)
            line = ""
            words.insert(0, word)
        else:
            fits = max(1, next((n for n in range(len(word), 0, -1) if width_of(word[:n], face) <= width), 1))
            found.append(word[:fits])
            words[:0] = [word[fits:]] if word[fits:] else []
        if len(found) > lines:
            break
    found += [line] if line else []
    return found if len(found) <= lines else [*found[: lines - 1], shortened(found[lines - 1] + "…", face, width)]


def shortened(text: str, face: Font, width: int) -> str:
    """One line of at most `width` pixels; a longer one ends in `…`."""
    ending = _ending(face)
    text = drawable(text.replace("…", ending), face) if ending != "…" else drawable(text, face)
    if width_of(text, face) <= width:
        return text
    while text and width_of(text + ending, face) > width:
        text = text[:-1]
    return text.rstrip() + ending


def _ending(face: Font) -> str:
    return "…" if drawable("…", face) == "…" else "..."


def write(
    canvas: Image.Image, at: tuple[int, int], lines: list[str], face: Font, colour: Colour = INK, *, centre: int = 0
) -> int:
    """Write lines below one another and return the y below the last.

    Args:
        canvas: the picture to write on.
        at: left top corner.
        lines: made by `wrapped`, `shortened` or `drawable`.
        face: the font.
        colour: of the letters.
        centre: a width to centre each line in; 0 for flush left.
    """
    draw = ImageDraw.Draw(canvas)
    x, y = at
    for line in lines:
        indent = max(0, centre - width_of(line, face)) // 2
        draw.text((x + indent, y - face.getbbox("Ag")[1]), line, font=face, fill=colour)
        y += line_height(face)
    return y

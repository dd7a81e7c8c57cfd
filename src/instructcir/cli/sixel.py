"""Sixel, the graphics of DEC's VT340: whether a terminal speaks it, and pictures written in it.

A terminal says what it speaks when it is asked for its primary device attributes (DA1); 4 among them is sixel. Sources:
DEC, VT330/VT340 Programmer Reference Manual, volume 1 (device attributes) and volume 2 (chapter 14, sixel graphics).
"""

from __future__ import annotations

import os
import re
import select
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL import Image

_COLOURS = 256
_BAND = 6  # rows of pixels that one line of sixels holds
_EMPTY = 63  # the character of a sixel without a pixel: "?"
_ANSWER = re.compile(rb"\x1b\[\?([\d;]*)c")
_ASK = b"\x1b[c"


def terminal_speaks_sixel(seconds: float = 1.0) -> bool:
    """Ask the terminal of standard output; no where it does not answer, or must not be asked.

    Only a process in the foreground of its own terminal may ask: another one would be stopped, or take the answer from
    a program that waits for it.

    Args:
        seconds: to wait for the answer at most.
    """
    try:
        handle = os.open(os.ttyname(sys.stdout.fileno()), os.O_RDWR | getattr(os, "O_NOCTTY", 0))
    except (AttributeError, OSError, ValueError):  # Windows; no terminal; no file at all
        return False
    try:
        return os.tcgetpgrp(handle) == os.getpgrp() and says_sixel(handle, seconds)
    except OSError:
        return False
    finally:
        os.close(handle)


def says_sixel(handle: int, seconds: float) -> bool:
    """Ask a terminal for its device attributes; whether sixel is among them.

    What was typed before stays where it is: the terminal is then not asked, for the answer would stand behind it.

    Args:
        handle: open to the terminal for reading and writing.
        seconds: to wait for the answer at most.

    Raises:
        OSError: it is no terminal, or it is gone.
    """
    import termios

    try:
        before = termios.tcgetattr(handle)
    except termios.error as error:
        raise OSError(*error.args) from error
    asking = [*before[:6], list(before[6])]
    asking[3] &= ~(termios.ICANON | termios.ECHO)  # answers come without a line's end, and are not shown
    asking[6][termios.VMIN], asking[6][termios.VTIME] = 0, 0
    try:
        termios.tcsetattr(handle, termios.TCSANOW, asking)
        if select.select([handle], [], [], 0)[0]:
            return False
        os.write(handle, _ASK)
        return _attributes(handle, time.monotonic() + seconds) >= {b"4"}
    except termios.error as error:
        raise OSError(*error.args) from error
    finally:
        with suppress(termios.error):
            termios.tcsetattr(handle, termios.TCSANOW, before)


def _attributes(handle: int, until: float) -> set[bytes]:
    """The attributes of an answer; none if none comes in time."""
    said = b""
    while (left := until - time.monotonic()) > 0 and select.select([handle], [], [], left)[0]:
        part = os.read(handle, 256)
        said += part
        if found := _ANSWER.search(said):
            return set(found[1].split(b";")[1:])  # the first is the terminal's class
        if not part:
            break
    return set()


def pixels_across(columns: int, cell: int) -> int:
    """Pixels that a number of columns of standard output has: as its terminal says, else `cell` pixels each."""
    try:
        import fcntl
        import struct
        import termios

        told = fcntl.ioctl(sys.stdout.fileno(), termios.TIOCGWINSZ, bytes(8))
        _, across, pixels, _ = struct.unpack("HHHH", told)
    except (ImportError, OSError, ValueError):
        across = pixels = 0
    return columns * pixels // across if across and pixels else columns * cell


def as_sixel(picture: Image.Image) -> str:
    """A picture as sixels, one for each of its pixels, in the 256 colours that suit it best; each in whole percent."""
    import numpy as np

    reduced = picture.convert("RGB").quantize(_COLOURS)
    palette = reduced.getpalette() or []
    numbers_HW = np.asarray(reduced)
    height, width = numbers_HW.shape
    used = np.unique(numbers_HW).tolist()
    # P2 = 1: what no sixel colours stays as it is; pixels are as wide as high
    parts = [f'\x1bP0;1;0q"1;1;{width};{height}']
    for one in used:
        red, green, blue = (round(value / 2.55) for value in palette[3 * one : 3 * one + 3])
        parts.append(f"#{one};2;{red};{green};{blue}")
    across = np.arange(width)
    for top in range(0, height, _BAND):
        bits_CW = np.zeros((_COLOURS, width), dtype=np.uint8)
        for row, numbers_W in enumerate(numbers_HW[top : top + _BAND]):
            bits_CW[numbers_W, across] |= 1 << row
        there = np.flatnonzero(bits_CW.any(axis=1))
        lines = zip(there.tolist(), _lines(bits_CW[there]), strict=True)
        parts.append("$".join(f"#{one}{line}" for one, line in lines))  # $: back to the line's beginning
        parts.append("-")  # on to the next
    return "".join(parts) + "\x1b\\"


def _lines(bits_CW: npt.NDArray[np.uint8]) -> Iterator[str]:
    """Lines of sixels, run by run; empty sixels at a line's end are left out."""
    import numpy as np

    width = bits_CW.shape[1]
    starts_CW = np.ones(bits_CW.shape, dtype=np.bool_)  # where a run begins: at each line's beginning, and at changes
    starts_CW[:, 1:] = bits_CW[:, 1:] != bits_CW[:, :-1]
    starts = np.flatnonzero(starts_CW)
    lengths = np.diff(starts, append=bits_CW.size)
    values = bits_CW.reshape(-1)[starts]
    lengths[(values == 0) & ((starts + lengths) % width == 0)] = 0
    runs = list(map(_run, values.tolist(), lengths.tolist()))
    ends = [*np.flatnonzero(starts % width == 0).tolist(), len(runs)]
    return ("".join(runs[begin:end]) for begin, end in pairwise(ends))


@lru_cache(maxsize=2**16)
def _run(value: int, length: int) -> str:
    """So many times the same sixel; from four on, !count and the sixel is shorter or as short."""
    sixel = chr(_EMPTY + value)
    return f"!{length}{sixel}" if length > 3 else sixel * length

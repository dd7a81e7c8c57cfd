"""Sixels read back as a terminal reads them, one character after the other; and a terminal that says what it speaks."""

from __future__ import annotations

import os
import re
import threading

import numpy as np
import numpy.typing as npt

DATA = re.compile(r"#(\d+);2;(\d+);(\d+);(\d+)|#(\d+)|!(\d+)([?-~])|([?-~])|([$-])|(.)", re.DOTALL)


def decoded(text: str) -> npt.NDArray[np.int64]:
    """The pixels that a sixel sequence paints, height x width x 3, in percent; -1 where it paints none."""
    head = re.match(r'\x1bP\d*;\d*;\d*q"1;1;(\d+);(\d+)', text)
    assert head
    assert text.endswith("\x1b\\")
    width, height = int(head[1]), int(head[2])
    painted = np.full((-(-height // 6) * 6, width, 3), -1)
    colours: dict[int, tuple[int, int, int]] = {}
    colour, left, top = -1, 0, 0
    for found in DATA.finditer(text[head.end() : -2]):
        new, red, green, blue, chosen, count, repeated, single, move, strange = found.groups()
        assert strange is None, repr(found[0])
        if new:
            assert max(int(red), int(green), int(blue)) <= 100
            colours[int(new)] = int(red), int(green), int(blue)
        elif chosen:
            colour = int(chosen)
        elif move:
            left, top = 0, top + (6 if move == "-" else 0)
        else:
            end = left + int(count or 1)
            for row in range(6):
                if ord(repeated or single) - 63 >> row & 1:
                    assert end <= width
                    painted[top + row, left:end] = colours[colour]
            left = end
    assert (painted[height:] == -1).all()
    return painted[:height]


class Answering(threading.Thread):
    """The other end of a terminal, which answers a question for its attributes; keeps all that is written to it."""

    def __init__(self, end: int, answer: bytes) -> None:
        super().__init__(daemon=True)
        self.end, self.answer, self.said = end, answer, b""
        self.start()

    def run(self) -> None:
        while True:
            try:
                part = os.read(self.end, 65536)
            except OSError:  # Linux: nobody has the terminal open any more
                return
            if not part:
                return
            asked = (self.said[-2:] + part).count(b"\x1b[c")
            self.said += part
            if asked and self.answer:
                os.write(self.end, self.answer)

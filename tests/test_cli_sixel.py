"""Sixels: what is written is the picture, and a terminal is asked so that neither it nor its user is disturbed."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from instructcir.cli.sixel import as_sixel, says_sixel, terminal_speaks_sixel
from served import make_index
from sixels import Answering, decoded


@pytest.mark.parametrize(("width", "height"), [(1, 1), (5, 6), (7, 13), (300, 17), (64, 24)])
def test_sixels_are_the_picture(width: int, height: int) -> None:
    generator = np.random.default_rng(width)
    colours = generator.integers(0, 256, (200, 3), dtype=np.uint8)
    pixels = colours[generator.integers(0, 200, (height, width))]
    pixels[height // 2, width // 4 :] = colours[0]  # a run that is told as its length
    shown = decoded(as_sixel(Image.fromarray(pixels)))
    np.testing.assert_array_equal(shown, np.round(pixels / 2.55).astype(int))


def test_of_more_colours_the_nearest_are_shown() -> None:
    across, down = np.meshgrid(np.arange(160), np.arange(90))
    pixels = np.stack([across * 255 // 159, down * 255 // 89, (across + down) % 256], axis=2).astype(np.uint8)
    shown = decoded(as_sixel(Image.fromarray(pixels))) * 2.55
    assert shown.min() >= 0, "each pixel is painted"
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) <= 256
    assert np.abs(shown - pixels).mean() < 12


def test_a_plain_picture_takes_few_bytes() -> None:
    assert len(as_sixel(Image.new("RGB", (900, 600), (10, 200, 30)))) < 2000


@pytest.fixture
def ends() -> Iterator[tuple[int, int]]:
    ours, theirs = pty.openpty()
    yield ours, theirs
    os.close(theirs)
    os.close(ours)


@pytest.mark.parametrize(
    ("answer", "speaks"),
    [
        (b"\x1b[?62;4;22c", True),
        (b"\x1b[?1;2;4c", True),
        (b"keys\x1b[?63;1;2;4c", True),
        (b"\x1b[?4;6c", False),  # the class of a VT132, and no sixel
        (b"\x1b[?64;1;44;14c", False),
        (b"\x1b[?6c", False),
        (b"what?", False),
        (b"", False),
    ],
)
def test_a_terminal_is_asked_and_left_as_it_was(answer: bytes, speaks: bool) -> None:
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    terminal = Answering(ours, answer)
    assert says_sixel(theirs, 30.0 if answer.endswith(b"c") else 0.2) is speaks
    assert termios.tcgetattr(theirs) == before
    assert not select.select([theirs], [], [], 0)[0], "of the answer nothing is left for the shell"
    os.close(theirs)
    terminal.join()
    os.close(ours)
    assert terminal.said == b"\x1b[c", "it was asked once, and what it answered was not shown on it"


def test_what_was_typed_before_is_kept(ends: tuple[int, int]) -> None:
    ours, theirs = ends
    os.write(ours, b"ls -l\n")
    assert says_sixel(theirs, 30.0) is False
    assert os.read(theirs, 100) == b"ls -l\n"


def test_no_terminal_is_not_asked(ends: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull, "w") as nowhere:
        monkeypatch.setattr(sys, "stdout", nowhere)
        assert not terminal_speaks_sixel()
    ours, theirs = ends
    with open(theirs, "w", closefd=False) as another:  # of another session than this process
        monkeypatch.setattr(sys, "stdout", another)
        assert not terminal_speaks_sixel()
    assert not select.select([ours], [], [], 0)[0], "nothing was written to it"
    with pytest.raises(OSError, match="ioctl"), open(os.devnull, "r+b") as nothing:
        says_sixel(nothing.fileno(), 0.1)


STARTED = "import fcntl, os, sys, termios; fcntl.ioctl(1, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
"""Makes the terminal the program's own, as a shell's programs have it."""


@pytest.mark.parametrize(("answer", "shown"), [(b"\x1b[?62;4c", True), (b"\x1b[?62;22c", False)])
def test_a_search_shows_its_hits(
    tmp_path: Path, loaded: Callable[..., Any], built: Callable[..., Path], answer: bytes, shown: bool
) -> None:
    index = make_index(tmp_path, loaded("qwen2-vl"), built("qwen2-vl"), count=3)
    ours, theirs = pty.openpty()
    words = [sys.executable, "-c", STARTED, sys.executable, "-m", "instructcir", "search", str(index), "-", "red"]
    left_out = ("TMUX", "KITTY_WINDOW_ID", "TERM_PROGRAM", "LC_TERMINAL", "NO_COLOR")
    told = {key: value for key, value in os.environ.items() if key not in left_out}
    told |= {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "COLUMNS": "90", "TERM": "xterm-256color"}
    terminal = Answering(ours, answer)
    done = subprocess.run(
        [*words, "-k", "3", "--device", "cpu"], stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL, env=told,
        start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    terminal.join()
    os.close(ours)
    said = terminal.said.decode()
    assert done.returncode == 0
    assert said.count("\x1b[c") == 1
    assert "  1  0." in said
    start, end = said.find("\x1bP"), said.find("\x1b\\") + 2
    assert (start > 0) is shown
    if shown:
        assert "  1  0." in said[end:]
        pixels = decoded(said[start:end])
        assert 3 * 150 < pixels.shape[1] <= 90 * 9
        assert pixels.min() >= 0
        assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20

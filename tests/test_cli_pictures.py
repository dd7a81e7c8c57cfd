"""Pictures in the terminal, by the bytes that come out: each protocol's, half blocks, and none where none belong."""

from __future__ import annotations

import base64
import io
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from rich.console import Console

from cli_runs import refused
from instructcir.cli.pictures import as_iterm, as_kitty, in_half_blocks, way_of
from instructcir.errors import InputError
from served import make_index


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "ghostty"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm"),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, "iterm"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "iterm"),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, None),
        ({"TERM": "screen-256color", "KITTY_WINDOW_ID": "1"}, None),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/tmux"}, None),
        ({"TERM": "foot"}, "sixel"),
        ({"TERM": "foot-extra"}, "sixel"),
        ({"TERM": "xterm-sixel"}, "sixel"),
        ({"TERM": "football"}, None),
        ({}, None),
    ],
)
def test_each_terminal_gets_what_it_can_show(environment: dict[str, str], told: str | None) -> None:
    asked: list[bool] = []

    def way(said: bool | None, answer: bool, is_terminal: bool = True) -> str | None:
        def asks() -> bool:
            asked.append(answer)
            return answer

        return way_of(said, environment, is_terminal=is_terminal, colours=is_terminal, speaks_sixel=asks)

    assert way(None, False) == told
    assert way(True, False) == (told or "blocks")
    assert way(None, True) == way(True, True) == (told or "sixel")
    assert len(asked) == (0 if told else 4), "a terminal whose environment tells is not asked"
    asked.clear()
    assert way(False, True) is None
    assert way(None, True, is_terminal=False) is None
    with pytest.raises(InputError, match="no terminal with colours"):
        way(True, True, is_terminal=False)
    assert asked == []


def noise(side: int) -> bytes:
    made = io.BytesIO()
    Image.effect_noise((side, side), 90).save(made, "PNG")
    return made.getvalue()


@pytest.mark.parametrize("side", [4, 80])
def test_kittys_bytes_are_the_picture_in_chunks(side: int) -> None:
    png = noise(side)
    parts = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", as_kitty(png, 40))
    assert "".join(f"\x1b_G{keys};{text}\x1b\\" for keys, text in parts) == as_kitty(png, 40)
    assert base64.b64decode("".join(text for _, text in parts)) == png
    assert all(len(text) <= 4096 for _, text in parts)
    assert [keys[-3:] for keys, _ in parts] == [*["m=1"] * (len(parts) - 1), "m=0"][-len(parts) :] or len(parts) == 1
    assert dict(key.split("=") for key in parts[0][0].split(",")).items() >= {("a", "T"), ("f", "100"), ("c", "40")}
    assert len(parts) == (1 if side == 4 else -(-len(base64.b64encode(png)) // 4096))


def test_iterms_bytes_are_the_picture() -> None:
    png = noise(9)
    found = re.fullmatch(
        r"\x1b\]1337;File=inline=1;size=(\d+);width=7;preserveAspectRatio=1:(.*)\x07", as_iterm(png, 7)
    )
    assert found
    assert (int(found[1]), base64.b64decode(found[2])) == (len(png), png)


def test_half_blocks_carry_two_pixels_each() -> None:
    picture = Image.new("RGB", (16, 16), (10, 20, 30))
    picture.putpixel((0, 1), (200, 100, 50))
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, color_system="truecolor", width=80)
    lines = list(in_half_blocks([picture] * 5, 80))
    for line in lines:
        console.print(line, soft_wrap=True)
    said = stream.getvalue().splitlines()
    assert said[0].startswith("\x1b[38;2;10;20;30;48;2;200;100;50m▀")
    assert [re.sub(r"\x1b\[[\d;]*m", "", line).count("▀") for line in said] == [64] * 8 + [0] + [16] * 8 + [0]
    assert said[8].split() == ["1", "2", "3", "4"]
    assert max(len(line) for line in lines) <= 80


def under_a_terminal(index: Path, **environment: str) -> bytes:
    """What a search writes to a terminal."""
    ours, theirs = pty.openpty()
    words = [sys.executable, "-m", "instructcir", "search", str(index), "-", "red", "-k", "3", "--device", "cpu"]
    kept = {key: value for key, value in os.environ.items() if key not in ("TMUX", "KITTY_WINDOW_ID", "TERM_PROGRAM")}
    told = {**kept, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "COLUMNS": "90", **environment}
    with subprocess.Popen(words, stdout=theirs, stderr=subprocess.DEVNULL, env=told) as running:
        os.close(theirs)
        found = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux: the other end is closed
                break
            if not part:
                break
            found += part
    os.close(ours)
    assert running.returncode == 0
    return found


def test_a_search_shows_its_hits(tmp_path: Path, loaded: Callable[..., Any], built: Callable[..., Path]) -> None:
    index = make_index(tmp_path, loaded("qwen2-vl"), built("qwen2-vl"), count=3)
    said = under_a_terminal(index, TERM="xterm-kitty")
    parts = re.findall(rb"\x1b_G[^;]*;([^\x1b]*)\x1b\\", said)
    sheet = Image.open(io.BytesIO(base64.b64decode(b"".join(parts))))
    assert sheet.format == "PNG"
    assert sheet.width > 3 * 150
    assert re.search(rb"  1  \d\.\d{3} ", said)
    assert "JSON lines are for programs" in refused("search", index, "-", "red", "--pictures", "--json")
    assert "no terminal with colours" in refused("search", index, "-", "red", "--pictures")

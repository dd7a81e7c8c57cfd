"""`instructcir explain` writes a picture, and says what stands in the way when it cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cli_runs import json_lines, refused, run
from instructcir.cli.explain import parse_layers
from instructcir.errors import InputError

Built = Callable[..., Path]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "ü b.png"
    Image.effect_noise((120, 80), 70).convert("RGB").save(path)
    return path


def test_a_picture_and_its_figures(built: Built, picture: Path, tmp_path: Path) -> None:
    out = tmp_path / "map.png"
    options = ("--model", built("qwen2-vl"), "--out", out)
    [record] = json_lines(run("explain", picture, "make it blue", *options, "--json"))
    assert record["layers"] == [1]
    assert np.sum(record["query_map"]) == pytest.approx(record["query_share"], abs=1e-5)
    with Image.open(out) as drawn:
        assert drawn.format == "PNG"
    said = run("explain", picture, "make it blue", *options, "--layers", "all").stdout
    assert said.startswith(f"{out}: ")
    assert "of attention on the picture" in said


def test_tiles_are_said(built: Built, picture: Path, tmp_path: Path) -> None:
    said = run("explain", picture, "x", "--model", built("idefics3"), "--out", tmp_path / "map.png").stdout
    assert "the map shows the overview tile" in said


def test_bad_input_is_one_line(built: Built, picture: Path, tmp_path: Path) -> None:
    model = ("--model", built("qwen2-vl"), "--out", tmp_path / "map.png")
    assert "layer 7 does not exist" in refused("explain", picture, "x", *model, "--layers", "7")
    assert "write 12, 8-15" in refused("explain", picture, "x", *model, "--layers", "x")
    assert "none.png" in refused("explain", tmp_path / "none.png", "x", *model)
    assert "does not exist" in refused("explain", picture, "x", *model[:3], tmp_path / "no" / "map.png")
    assert not (tmp_path / "map.png").exists()


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("12", [12]), ("8-10", [8, 9, 10]), ("3, 7,11", [3, 7, 11]), ("0,2-3", [0, 2, 3]), ("all", None)],
)
def test_layers(text: str, numbers: list[int] | None) -> None:
    assert parse_layers(text) == numbers


@pytest.mark.parametrize("text", ["", "-", "3-", "-3", "3-1", "a", "1,,2", "1.5", "0-99999999", "²"])
def test_no_layers(text: str) -> None:
    with pytest.raises(InputError, match="--layers"):
        parse_layers(text)

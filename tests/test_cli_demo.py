"""The demo runs offline, tells the truth about its model, and leaves its pictures behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cli_runs import json_lines, process, refused, run
from instructcir.cli.demo import ASKED, RANDOM
from instructcir.cli.demo_pictures import COLOURS, catalogue
from instructcir.cli.demo_sheet import draw_sheet
from instructcir.model.embedder import Embedder
from instructcir.model.untrained import write_untrained

Built = Callable[..., Path]


def test_end_to_end(tmp_path: Path) -> None:
    done = process("demo", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == 1
    for words in ("24 drawn pictures", "pictures/s", "12 modifications", "times as fast", RANDOM, "demo --model PATH"):
        assert words in done.stdout
    assert len(list((tmp_path / "instructcir-demo").glob("*.png"))) == 25
    with Image.open(tmp_path / "instructcir-demo" / "rankings.png") as sheet:
        assert sheet.width > 800


def test_a_model_of_ones_own(built: Built, tmp_path: Path) -> None:
    arguments = ("--model", built("qwen2-vl"), "--out", tmp_path / "deep" / "demo")
    [record] = json_lines(run("demo", *arguments, "--json"))
    assert record["random_weights"] is False
    assert record["largest_difference"] < 1e-5
    assert record["shares_image_work"]
    assert record["pictures"] == 24
    assert RANDOM not in run("demo", *arguments).stdout  # and the folder may be there already


def test_a_family_that_cannot_share_says_so(built: Built, tmp_path: Path) -> None:
    shown = run("demo", "--model", built("gemma3"), "--out", tmp_path / "demo").stdout
    assert "cannot share" in shown


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot be made" in refused("demo", "--out", tmp_path / "file")
    assert "no such folder" in refused("demo", "--out", tmp_path / "demo", "--model", tmp_path / "none")


def test_the_catalogue_is_of_distinct_pictures() -> None:
    garments = catalogue()
    assert len({garment.name for garment in garments}) == len({g.image.tobytes() for g in garments}) == 24
    for garment in garments:  # the colour named is the colour most of the garment has
        pixels = np.asarray(garment.image).reshape(-1, 3).astype(int)
        near = {name: (np.abs(pixels - colour).sum(axis=1) < 30).sum() for name, colour in COLOURS.items()}
        assert max(near, key=near.__getitem__) == garment.colour
        assert near[garment.colour] > 0.05 * len(pixels)


@pytest.mark.parametrize("hits", [1, 5])
def test_any_ranking_can_be_drawn(hits: int) -> None:
    garments = catalogue()
    asked = [(garments[number], text * repeats) for number, text in ASKED for repeats in (1, 40)]
    rows = [[(number, 0.5) for number in range(hits)]] * len(asked)
    sheet = np.asarray(draw_sheet(garments, asked, rows, RANDOM))
    assert (sheet[:, :30] == 255).all()
    assert (sheet[:, -30:] == 255).all()


def test_the_untrained_model_is_the_same_each_time_and_tells_inputs_apart(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_untrained(tmp_path / name)
    one, two = Embedder.load(tmp_path / "one"), Embedder.load(tmp_path / "two")
    images = [garment.image for garment in catalogue()[:4]]
    vectors = one.embed_images(images)
    np.testing.assert_array_equal(vectors, two.embed_images(images))
    cosines = vectors @ vectors.T
    assert cosines[~np.eye(4, dtype=bool)].max() < 0.999
    texts = one.embed_texts(["blue", "green 更短 🎉"])
    assert float(texts[0] @ texts[1]) < 0.999
    assert one.prompts.name == "instructcir"

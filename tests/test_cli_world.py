"""`instructcir world`: folders that are complete or absent, equal for equal numbers, readable as training data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from cli_runs import json_lines, refused, run
from instructcir.data.reading import read_pairs, read_triplets
from instructcir.worlds.registry import NAMES, world
from instructcir.worlds.splits import belongs, drawing_of

worlds = pytest.mark.parametrize("name", NAMES)


@worlds
def test_what_is_drawn_can_be_trained_on(tmp_path: Path, name: str) -> None:
    out = tmp_path / "data"
    [record] = json_lines(run("world", "draw", name, "--count", 20, "--side", 48, "--out", out, "--json"))
    assert record["pictures"] == 20
    pairs, triplets = list(read_pairs(out / "pairs.jsonl")), list(read_triplets(out / "triplets.jsonl"))
    assert len(pairs) == len(list((out / "images").iterdir())) == 20
    assert len(triplets) == record["triplets"] >= 18
    captions = {pair.image: pair.caption for pair in pairs}
    for triplet in triplets:
        assert captions[triplet.image] == triplet.caption
        assert triplet.modified_caption != triplet.caption
        assert triplet.kind
    lines = (out / "attributes.jsonl").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        told, drawing = json.loads(line), drawing_of(world(name), "train", number)
        assert told["facts"] == drawing.facts
        assert told["look"] == drawing.look
        assert belongs(world(name), told["facts"]) == "train"
        with Image.open(out / told["image"]) as picture:
            assert picture.size == (48, 48)
    assert len({Path(str(pair.image)).read_bytes() for pair in pairs}) == 20


@worlds
def test_the_same_numbers_are_the_same_pictures(tmp_path: Path, name: str) -> None:
    for out, count, first in (("all", 6, 0), ("late", 3, 3)):
        arguments = ("--count", count, "--seed-from", first, "--side", 32, "--split", "dev")
        run("world", "draw", name, "--out", tmp_path / out, *arguments)
    lines = {out: (tmp_path / out / "triplets.jsonl").read_text().splitlines() for out in ("all", "late")}
    assert set(lines["late"]) <= set(lines["all"])
    for path in (tmp_path / "late" / "images").iterdir():
        assert path.read_bytes() == (tmp_path / "all" / "images" / path.name).read_bytes()


@worlds
def test_a_sheet(tmp_path: Path, name: str) -> None:
    shown = run("world", "sheet", name, "--count", 7, "--out", tmp_path / "a.png").stdout
    assert "7 pictures" in shown
    with Image.open(tmp_path / "a.png") as sheet:
        assert sheet.width > 1000
        assert len(sheet.getcolors(1 << 24) or ()) > 500
    run("world", "sheet", name, "--count", 1, "--out", tmp_path / "b.png")


def test_an_export(tmp_path: Path) -> None:
    arguments = ("--queries", 3, "--gallery", 20, "--side", 32, "--out", tmp_path / "cirr")
    shown = run("world", "export", "wardrobe", "cirr", *arguments).stdout
    assert "40 pictures" in shown
    assert "cap.rc2.val.json" in shown
    assert len(list((tmp_path / "cirr" / "dev").iterdir())) == 20


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert "did you mean wardrobe" in refused("world", "draw", "wardrobes", "--out", out)
    assert "is no split" in refused("world", "draw", "wardrobe", "--split", "val", "--out", out)
    assert "does not exist" in refused("world", "draw", "wardrobe", "--out", out / "deep")
    assert "is no layout" in refused("world", "export", "wardrobe", "coco", "--out", out)
    assert "twice as many" in refused(
        "world", "export", "wardrobe", "cirr", "--queries", 30, "--gallery", 50, "--out", out
    )
    assert "garments" in refused("world", "export", "landscapes", "fashioniq", "--out", out)
    assert not out.exists()
    out.mkdir()
    (out / "a").write_text("")
    assert "not empty" in refused("world", "draw", "wardrobe", "--count", 1, "--out", out)

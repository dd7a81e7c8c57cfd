"""The demo runs offline, knows what is right, claims nothing of a model it does not know, and leaves its pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cli_runs import json_lines, process, refused, run
from instructcir.cli.demo import BUNDLED, CLAIM, HITS, RANDOM
from instructcir.cli.demo_pictures import ASKED, FEWEST, SPLIT, catalogue, faults, name_of, name_of_scene, scenes
from instructcir.cli.demo_sheet import Cell, Row, draw_sheet
from instructcir.model import loading
from instructcir.model.embedder import Embedder
from instructcir.model.untrained import write_untrained
from instructcir.worlds.rasterise import rasterise
from instructcir.worlds.registry import world
from instructcir.worlds.splits import belongs

Built = Callable[..., Path]


@pytest.mark.skipif(loading.bundled(BUNDLED) is None, reason="this checkout lacks the bundled weights")
def test_the_bundled_model_finds_what_is_asked_for(tmp_path: Path) -> None:
    done = process("demo", "--pictures", 200, cwd=tmp_path)  # 100 garments, 100 scenes
    assert done.returncode == 0, done.stderr
    for words in ("200 drawn pictures", "pictures/s", "12 modifications", "times as fast", CLAIM):
        assert words in done.stdout
    right, of = done.stdout.splitlines()[-1].split(" queries:")[0].split(" of ")
    assert int(right) > int(of) / 2  # chance: fewer than one in ten


def test_a_model_of_ones_own(built: Built, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "demo"
    arguments = ("--model", built("qwen2-vl"), "--out", folder, "--pictures", FEWEST)
    [record] = json_lines(run("demo", *arguments, "--json"))
    assert record["bundled"] is False
    assert record["largest_difference"] < 1e-5
    assert record["shares_image_work"]
    assert record["pictures"] == FEWEST
    assert [asked["text"] for asked in record["asked"]] == [wish.text for wish in ASKED]
    ranks = [asked["first_right"] for asked in record["asked"]]
    assert all(1 <= rank < FEWEST for rank in ranks)
    assert record["right_among_first"] == sum(rank <= HITS for rank in ranks)
    assert len(list(folder.glob("*.png"))) == len(ASKED) * (1 + HITS) + 1
    assert len(list((folder / "catalogue").glob("*.png"))) == FEWEST
    asked = (record["index"], folder / "catalogue" / "wardrobe-00000.png", "in red", "-k", 1)
    [hit] = json_lines(run("search", *asked, "--json"))
    assert hit["values"]["world"] == "wardrobe"
    with Image.open(folder / "rankings.png") as sheet:
        assert sheet.width > 800

    shown = run("demo", *arguments).stdout  # and the folder may be there already
    assert CLAIM not in shown
    assert "Nothing is claimed" in shown
    said = f"{record['right_among_first']} of {len(ASKED)} queries: a right picture among the first {HITS}"
    assert shown.splitlines()[-1] == said


def test_a_family_that_cannot_share_says_so(built: Built, tmp_path: Path) -> None:
    arguments = ("--model", built("gemma3"), "--out", tmp_path / "demo", "--pictures", FEWEST)
    assert "cannot share" in run("demo", *arguments).stdout


def test_the_claim_is_made_of_the_bundled_weights_only(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = built("llava-clip-llama")
    monkeypatch.setattr(loading, "bundled", lambda name: own if name == BUNDLED else None)
    monkeypatch.chdir(tmp_path)
    assert CLAIM in run("demo", "--pictures", FEWEST).stdout
    (tmp_path / BUNDLED).symlink_to(built("qwen2-vl"))  # a folder of that name comes first, and is another model
    assert CLAIM not in run("demo", "--pictures", FEWEST).stdout


def test_without_bundled_weights_random_ones_rank_and_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "bundled", lambda name: None)
    monkeypatch.chdir(tmp_path)
    assert RANDOM in run("demo", "--pictures", FEWEST).stdout


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot be made" in refused("demo", "--out", tmp_path / "file")
    assert "no such folder" in refused("demo", "--out", tmp_path / "demo", "--model", tmp_path / "none")
    assert f"take {FEWEST} or more" in refused("demo", "--out", tmp_path / "demo", "--pictures", FEWEST - 1)


@pytest.mark.parametrize("pictures", [FEWEST, 61, 300])
def test_the_catalogue_holds_a_right_answer_to_every_query(pictures: int) -> None:
    wardrobe = world("wardrobe")
    drawings, queries = catalogue(wardrobe, pictures)
    assert (drawings, queries) == catalogue(wardrobe, pictures)
    assert len(drawings) == pictures
    assert all(wardrobe.is_possible(drawing.facts) for drawing in drawings)
    assert {belongs(wardrobe, drawing.facts) for drawing in drawings} == {SPLIT}
    assert [query.wish for query in queries] == list(ASKED)
    for query in queries:
        reference = drawings[query.reference].facts
        assert query.wish.shown.items() <= reference.items()
        right = [n for n, drawing in enumerate(drawings) if not faults(query.change, reference, drawing.facts)]
        assert query.relevant
        assert query.reference not in query.relevant
        assert right == list(query.relevant)


def test_the_references_are_the_same_whatever_the_size() -> None:
    few, many = (catalogue(world("wardrobe"), pictures) for pictures in (FEWEST, 80))
    for one, other in zip(few[1], many[1], strict=True):
        assert few[0][one.reference].facts == many[0][other.reference].facts
        assert one.change == other.change


def test_faults_and_names_are_told_in_words() -> None:
    drawings, queries = catalogue(world("wardrobe"), FEWEST)
    [query] = [query for query in queries if query.wish.text.startswith("with long sleeves")]
    reference = drawings[query.reference].facts
    assert faults(query.change, reference, reference) == ["short sleeve", "belt"]
    half = {**query.change.target, "sleeve": "sleeveless", "colour": "pink"}
    assert faults(query.change, reference, half) == ["sleeveless", "pink"]
    assert faults(query.change, {**reference, "closure": "zip"}, query.change.target) == ["no closure"]
    assert name_of({"garment": "dress", "colour": "red", "pattern": "plain"}) == "red dress"
    assert name_of({"garment": "dress", "colour": "red", "pattern": "stars"}) == "red dress, stars"


@pytest.mark.parametrize("hits", [1, 5])
def test_any_ranking_can_be_drawn(hits: int) -> None:
    picture = Image.new("RGB", (64, 64), (200, 30, 30))
    rows = [
        Row(
            Cell(picture, "reference " * repeats),
            "words " * repeats,
            "note",
            [Cell(picture, "hit", "but " * repeats)] * hits,
        )
        for repeats in (1, 40)
    ]
    sheet = np.asarray(draw_sheet(rows, "remark " * 60))
    assert (sheet[:, :30] == 255).all()
    assert (sheet[:, -30:] == 255).all()


def test_right_hits_are_framed_in_green() -> None:
    picture = Image.new("RGB", (64, 64), (128, 128, 128))

    def green(is_right: bool) -> int:
        hits = [Cell(picture, "", is_right=is_right)]
        pixels = np.asarray(draw_sheet([Row(Cell(picture, ""), "", "", hits)], "")).astype(int)
        return int(((pixels[..., 1] - pixels[..., 0] > 90) & (pixels[..., 1] - pixels[..., 2] > 50)).sum())

    assert green(is_right=False) == 0  # with one hit there is no room for the legend
    assert green(is_right=True) > 4 * 156 * 3


def test_the_untrained_model_is_the_same_each_time_and_tells_inputs_apart(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_untrained(tmp_path / name)
    one, two = Embedder.load(tmp_path / "one"), Embedder.load(tmp_path / "two")
    wardrobe = world("wardrobe")
    images = [rasterise(wardrobe.svg(drawing), 224) for drawing in catalogue(wardrobe, FEWEST)[0][:4]]
    vectors = one.embed_images(images)
    np.testing.assert_array_equal(vectors, two.embed_images(images))
    cosines = vectors @ vectors.T
    assert cosines[~np.eye(4, dtype=bool)].max() < 0.999
    texts = one.embed_texts(["blue", "green 更短 🎉"])
    assert float(texts[0] @ texts[1]) < 0.999
    assert one.prompts.name == "instructcir"


def test_names_tell_pictures_apart() -> None:
    shown = [name_of_scene(one.facts) for one in scenes(world("landscapes"), 300)]
    garments = [name_of(one.facts) for one in catalogue(world("wardrobe"), 300)[0]]
    for names in (shown, garments):
        assert len(set(names)) > 0.8 * len(names)  # the setting alone left eight
        assert max(map(len, names)) < 60, "the page leaves longer ones out"
    assert name_of_scene({"setting": "lake", "time": "night", "weather": "fog", "season": "winter", **dogs("2")}) == (
        "lake, winter night, 2 brown dogs"
    )
    assert name_of_scene({"setting": "sea", "time": "day", "weather": "clear", **dogs("1")}) == (
        "sea, clear day, brown dog"
    )
    assert name_of_scene({"setting": "room", **dogs("1")}) == "room, brown dog"


def dogs(count: str) -> dict[str, str]:
    return {"dog.count": count, "dog.colour": "brown", "dog.size": "big", "dog.position": "left"}

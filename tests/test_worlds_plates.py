"""Fashion plates: a style and words that no recipe teaches, over facts that are the wardrobe's."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from cli_runs import json_lines, run
from instructcir.training import recipe
from instructcir.worlds.phrasing import slots_of
from instructcir.worlds.plates import words
from instructcir.worlds.plates.drawing import DYES
from instructcir.worlds.rasterise import rasterise
from instructcir.worlds.registry import NAMES, UNTRAINED, world
from instructcir.worlds.splits import change_into, drawing_of, facts_of
from instructcir.worlds.wardrobe.draw_palette import PALETTE
from instructcir.worlds.wardrobe.words import phrases as wardrobe_phrases

PLATES, WARDROBE = world("plates"), world("wardrobe")


def test_no_recipe_learns_from_them() -> None:
    assert not set(UNTRAINED) & set(NAMES)
    for name in recipe.names():
        assert not set(recipe.load(name).data.worlds) & set(UNTRAINED), name


def test_they_are_drawn_in_another_style() -> None:
    for number in range(6):
        drawing = drawing_of(PLATES, "train", number)
        assert PLATES.svg(drawing) == PLATES.svg(drawing)
        plate = np.asarray(rasterise(PLATES.svg(drawing), 64), dtype=np.float64)
        garment = np.asarray(rasterise(WARDROBE.svg(drawing), 64), dtype=np.float64)
        assert np.abs(plate - garment).mean() > 12  # of 255
        assert not PLATES.boxes(drawing)


def test_every_dye_is_another_colour_and_none_is_like_another() -> None:
    assert DYES.keys() == PALETTE.keys()
    for name, dye in DYES.items():
        assert np.abs(np.subtract(dye, PALETTE[name])).sum() >= 18, name
        assert all(np.abs(np.subtract(dye, other)).sum() >= 40 for key, other in DYES.items() if key != name), name


def test_a_fact_that_changes_changes_the_picture() -> None:
    rng = random.Random(3)
    for number in range(30):
        drawing = drawing_of(PLATES, "train", number)
        change = change_into(PLATES, drawing.facts, rng, 1, "train")
        assert PLATES.svg(drawing) != PLATES.svg(type(drawing)(change.target, drawing.look)), change.edits


def test_its_lists_have_the_slots_of_those_that_they_replace() -> None:
    own, others = words.phrases(), wardrobe_phrases()
    replaced = [path for path in own if own[path] != others[path]]
    assert len(replaced) > 60
    for path in replaced:
        for part, other in zip(own[path], others[path], strict=True):
            assert {slots_of(one) for one in part} <= {slots_of(one) for one in other} | {frozenset()}, path


@pytest.mark.parametrize("unseen", [False, True])
def test_its_words_are_its_own(unseen: bool) -> None:
    rng = random.Random(1)
    told = " ".join(PLATES.caption(facts_of(PLATES, "train", number), rng, unseen=unseen) for number in range(600))
    asked = []
    for number in range(600):
        facts = facts_of(PLATES, "train", number)
        change = change_into(PLATES, facts, rng, 1 + number % 2, "train")
        asked.append(PLATES.modification(facts, change, rng, unseen=unseen).text.lower())
    for said in (told, " ".join(asked)):
        assert all(word in said for word in ("capuchin" if not unseen else "mantle", "saffron", "verdigris"))
        assert all(word not in said for word in ("hoodie", "t-shirt", "sweater", "polka", "shop window", "{"))
    question, answer = PLATES.question(facts_of(PLATES, "train", 3), rng)
    assert question.endswith("?")
    assert answer


def test_a_folder_of_them_is_drawn_by_command(tmp_path: Path) -> None:
    [found] = json_lines(run("world", "draw", "plates", "--out", tmp_path / "p", "--count", 3, "--side", 48, "--json"))
    assert found["pictures"] == 3
    pairs = [json.loads(line) for line in (tmp_path / "p" / "pairs.jsonl").read_text().splitlines()]
    assert all((tmp_path / "p" / pair["image"]).exists() and pair["caption"] for pair in pairs)

"""Teaching a tower to look: facts as numbers and back, where things are, and a run that learns and resumes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from instructcir.errors import InputError
from instructcir.model.embedder import Embedder
from instructcir.model.untrained import Shape
from instructcir.training import fresh
from instructcir.training.facts import UNASKED, FactTable, share_right
from instructcir.training.fresh import write_fresh
from instructcir.training.recipe import Recipe, from_dict
from instructcir.training.run import _lesson, load_start, train
from instructcir.training.trainer import read_log
from instructcir.training.tuned import part_of
from instructcir.worlds.rasterise import rasterise
from instructcir.worlds.registry import NAMES, world
from instructcir.worlds.splits import drawing_of
from instructcir.worlds.world import Drawing

SMALL = Shape(side=32, patch=16, stages=((16, 1), (24, 1), (32, 1)), width=32, inner=48, layers=2, heads=2)


def named_values(table: FactTable, labels: torch.Tensor) -> dict[tuple[str, str], str]:
    """Labels read back as (world, attribute) -> value, "" where it does not apply; what is not asked is left out."""
    pairs = zip(table.names, table.values, labels.tolist(), strict=True)
    return {name: values[label] for name, values, label in pairs if label != UNASKED}


@pytest.fixture
def table() -> FactTable:
    return FactTable([world(name) for name in NAMES])


@pytest.mark.parametrize("name", NAMES)
def test_labels_read_back_as_the_facts(table: FactTable, name: str) -> None:
    for number in range(30):
        facts = drawing_of(world(name), "train", number).facts
        found = named_values(table, table.labels(name, facts))
        assert {attribute: value for (owner, attribute), value in found.items() if value} == dict(facts)
        assert {owner for owner, _ in found} == {name}


def test_of_an_absent_thing_only_its_presence_is_asked(table: FactTable) -> None:
    facts = next(
        facts
        for facts in (drawing_of(world("landscapes"), "train", number).facts for number in range(50))
        if "dog.count" not in facts
    )
    found = named_values(table, table.labels("landscapes", facts))
    assert [name for _, name in found if name.startswith("dog.")] == ["dog.count"]


def test_squares_show_what_covers_their_middles_nearer_things_in_front(table: FactTable) -> None:
    dog, cat = 1 + table.things.index("dog"), 1 + table.things.index("cat")
    boxes = [("dog", (0.0, 0.0, 0.5, 0.5)), ("cat", (0.25, 0.25, 0.75, 0.75)), ("dog", (0.95, 0.95, 0.97, 0.97))]
    squares = table.squares(boxes, 4).reshape(4, 4).tolist()
    assert squares == [[dog, dog, 0, 0], [dog, cat, cat, 0], [0, cat, cat, 0], [0, 0, 0, dog]]


def test_every_thing_has_a_box_in_the_third_that_its_position_names() -> None:
    landscapes = world("landscapes")
    for number in range(12):
        drawing = drawing_of(landscapes, "train", number)
        boxes = landscapes.boxes(drawing)
        kinds = {name.partition(".")[0]: int(value) for name, value in drawing.facts.items() if name.endswith("count")}
        assert {kind: [k for k, _ in boxes].count(kind) for kind in kinds} == kinds
        for kind, (left, top, right, bottom) in boxes:
            assert 0 <= left < right <= 1, kind
            assert 0 <= top < bottom <= 1, kind
            middle = (left + right) / 2
            said = drawing.facts[f"{kind}.position"]
            assert {"left": middle < 0.45, "centre": 0.2 < middle < 0.8, "right": middle > 0.55}[said]


def test_a_thing_of_another_colour_changes_the_picture_in_its_boxes_alone() -> None:
    landscapes, side, seen = world("landscapes"), 128, 0
    for number in range(20):
        drawing = drawing_of(landscapes, "train", number)
        kind = landscapes.boxes(drawing)[0][0]
        name = f"{kind}.colour"
        other = next(value for value in landscapes.attributes[name] if value != drawing.facts[name])
        changed = Drawing({**drawing.facts, name: other}, drawing.look)
        one, two = (np.asarray(rasterise(landscapes.svg(each), side), dtype=int) for each in (drawing, changed))
        differs = np.abs(one - two).max(axis=2) > 24
        inside = np.zeros((side, side), dtype=bool)
        for left, top, right, bottom in (box for owner, box in landscapes.boxes(drawing) if owner == kind):
            rows = slice(max(0, int(top * side) - 3), int(bottom * side) + 4)
            inside[rows, max(0, int(left * side) - 3) : int(right * side) + 4] = True
        if differs.sum() > 20:  # a small thing in the fog may hardly change
            seen += 1
            assert (differs & inside).sum() > 0.95 * differs.sum(), (number, kind)
    assert seen > 10


def test_share_right_counts_what_was_asked() -> None:
    assert share_right(torch.tensor([1, 2, 3]), torch.tensor([1, UNASKED, 4])) == 0.5
    assert share_right(torch.tensor([1]), torch.tensor([UNASKED])) == 0.0


def recipe(**optimiser: object) -> Recipe:
    return from_dict(
        {
            "name": "look",
            "about": "a test",
            "start": {"model": "fresh:tiny", "prompts": "instructcir", "dtype": "float32"},
            "data": {"source": "drawn", "pool": 24, "side": 32},
            "objective": {"facts": 0.1},
            "optimiser": {"kind": "muon", "global_batch": 8, "steps": 12, "learning_rate": 3e-3, **optimiser},
            "running": {"save_every": 6, "log_every": 3, "workers": 0},
        }
    )


def test_a_tower_learns_and_the_decoder_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(fresh.SHAPES, "tiny", SMALL)
    monkeypatch.setattr(fresh, "_PICTURES", 40)
    made = train(recipe(), tmp_path / "run")
    log = read_log(tmp_path / "run" / "log.jsonl")
    assert log[-1]["facts"] < log[0]["facts"]
    assert 0 <= log[-1]["facts right"] <= 1
    before = load_file(tmp_path / "run" / "start" / "model.safetensors")
    after = load_file(made / "model.safetensors")
    changed = {name for name in after if not np.array_equal(before[name], after[name])}
    assert changed
    assert all("vision_tower" in name or "multi_modal_projector" in name for name in changed)
    assert Embedder.load(made, "cpu").embed_texts(["a red square"]).shape == (1, 32)


@torch.no_grad()
def test_levelled_tokens_have_the_size_of_words_and_tell_the_same_facts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(fresh.SHAPES, "tiny", SMALL)
    monkeypatch.setattr(fresh, "_PICTURES", 40)
    write_fresh(tmp_path / "fresh", "tiny", 1, ["wardrobe"])
    settings = recipe(steps=1)
    checkpoint, _ = load_start(settings, tmp_path / "fresh")
    looker, _, collate, looks = _lesson(settings, checkpoint, tmp_path / "run")
    for weight in part_of(checkpoint.model, "projector").parameters():
        weight.mul_(300)
    pixels = collate([looks[number] for number in range(6)])["pixels"]
    before = looker(pixels)
    assert looker.tokens(pixels).pow(2).mean().sqrt() > 1
    looker.level(pixels)
    assert looker.tokens(pixels).pow(2).mean().sqrt().item() == pytest.approx(0.1, rel=1e-4)
    for one, other in zip(before, looker(pixels), strict=True):
        assert torch.allclose(one, other, atol=2e-2)


def test_facts_stand_alone() -> None:
    with pytest.raises(InputError, match="stands alone"):
        from_dict(recipe().to_dict() | {"objective": {"facts": 1.0, "pairs": 1.0}})

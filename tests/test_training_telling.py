"""Telling facts from vectors: a closed form, what things share, what is not asked, a run that the next goes on from."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

from instructcir.errors import InputError
from instructcir.model.untrained import Shape
from instructcir.training import fresh
from instructcir.training.drawn import DrawnSamples, Pool
from instructcir.training.facts import UNASKED, FactTable
from instructcir.training.learner import Vectors, told_facts
from instructcir.training.passes import Laid
from instructcir.training.recipe import Recipe, from_dict
from instructcir.training.run import train
from instructcir.training.samples import Chunk
from instructcir.training.telling import Telling
from instructcir.training.trainer import read_log
from instructcir.worlds.registry import NAMES, world
from instructcir.worlds.splits import facts_of

SMALL = Shape(side=32, patch=16, stages=((16, 1), (24, 1), (32, 1)), width=32, inner=48, layers=2, heads=2)


@pytest.fixture
def table() -> FactTable:
    return FactTable([world(name) for name in NAMES])


def random_labels(table: FactTable, count: int) -> torch.Tensor:
    rows = [table.labels(name, facts_of(world(name), "train", n)) for n in range(count) for name in NAMES]
    return torch.stack(rows[:count])


@torch.no_grad()
def test_the_loss_is_the_naive_sum_of_cross_entropies(table: FactTable) -> None:
    torch.manual_seed(0)
    telling, unit = Telling(table, 24), F.normalize(torch.randn(7, 24), dim=-1)
    torch.nn.init.normal_(telling.bias)
    labels = random_labels(table, 7)
    losses, told_right = telling(unit, labels)
    owners, expected, right, seen, column = ["", *table.things], 0.0, 0, 0, 0
    for place, (values, (_, name)) in enumerate(zip(table.values, table.names, strict=True)):
        owner = owners.index(name.rpartition(".")[0])
        ids = telling.value_of[column : column + len(values)]
        scores = unit @ (telling.value[ids] * telling.gate[owner]).T * math.sqrt(24)
        scores = scores + telling.bias[column : column + len(values)]
        column += len(values)
        for row in range(7):
            label = int(labels[row, place])
            if label != UNASKED:
                expected -= float(scores[row].log_softmax(0)[label])
                seen += label > 0
                right += label > 0 and int(scores[row].argmax()) == label
    share = told_right[labels > 0].float().mean().item()
    assert losses.sum().item() == pytest.approx(expected, rel=1e-5)
    assert not losses[labels == UNASKED].any()
    assert share == pytest.approx(right / seen)
    assert 0 < share < 1


def test_equal_values_of_two_things_share_a_vector_and_those_of_two_worlds_do_not(table: FactTable) -> None:
    telling, place_of = Telling(table, 8), {name: place for place, name in enumerate(table.names)}
    starts = torch.tensor([0, *telling.sizes]).cumsum(0)

    def vector_of(name: tuple[str, str], value: str) -> int:
        place = place_of[name]
        return int(telling.value_of[starts[place] + table.values[place].index(value)])

    red = vector_of(("landscapes", "boat.colour"), "red")
    assert red == vector_of(("landscapes", "car.colour"), "red")
    assert red != vector_of(("wardrobe", "colour"), "red")
    assert len(telling.value) < len(telling.bias)


def test_a_samples_labels_are_its_pictures_facts_and_its_wishes_targets(table: FactTable, tmp_path: Path) -> None:
    pools = [Pool(tmp_path, name, 12, 32) for name in NAMES]
    left_open = 0
    for sample in (DrawnSamples(pools, 40, seed=1, wishes=2, table=table)[n] for n in range(40)):
        name, _, number = sample.id.split("/")
        assert sample.labels is not None
        assert sample.labels.shape == (3, len(table.names))
        assert torch.equal(sample.labels[0], table.labels(name, facts_of(world(name), "train", int(number))))
        for labels in sample.labels[1:]:
            assert not torch.equal(labels, sample.labels[0])
            left_open += int((labels == UNASKED).sum() > (sample.labels[0] == UNASKED).sum())
    assert left_open > 0


def test_of_a_thing_that_is_taken_away_all_is_asked_that_it_had(table: FactTable) -> None:
    before = {"setting": "sea", "dog.count": "2", "dog.colour": "brown", "boat.count": "1"}
    after = {"setting": "sea", "boat.count": "1"}
    place = {name: table.names.index(("landscapes", name)) for name in ("dog.count", "dog.colour", "dog.size")}
    alone, taken = table.labels("landscapes", after), table.labels("landscapes", after, before=before)
    assert [int(alone[place[name]]) for name in place] == [0, UNASKED, UNASKED]
    assert [int(taken[place[name]]) for name in place] == [0, 0, UNASKED]  # its size was not known before either
    assert int((alone != taken).sum()) == 1
    left_open = table.labels("landscapes", after, frozenset({"dog.colour"}), before)
    assert int(left_open[place["dog.colour"]]) == UNASKED


def test_only_what_a_modification_changes_weighs_more(table: FactTable, tmp_path: Path) -> None:
    torch.manual_seed(3)
    pictures = random_labels(table, 2)
    owners = torch.tensor([0, 0, 1])
    wishes = pictures[owners].clone()
    places = [[int(p) for p in (row > 0).nonzero().flatten()[:2]] for row in wishes]
    for row, chosen in zip(wishes, places, strict=True):
        row[chosen] = 0  # what was there is gone
    unit = F.normalize(torch.randn(3, 24), dim=-1)
    none = unit[:0]
    vectors = Vectors(none, unit, none, none, none)
    chunk = Chunk(
        2, Laid([], owners), 0, 3, None, owners, owners, owners, owners, owners, [], pictures, wishes
    )  # fmt: skip
    telling = Telling(table, 24)
    even, weighed = (told_facts(telling, vectors, chunk, weight) for weight in (1.0, 5.0))
    losses = telling(unit, wishes)[0]
    changed = torch.stack([losses[row, chosen] for row, chosen in enumerate(places)]).sum() / 3
    assert weighed[0].item() == pytest.approx(even[0].item() + 4 * changed.item(), rel=1e-5)
    assert weighed[1] == even[1]
    assert 0 <= even[1]["right of changes"] <= 1


def told(name: str, start: str, steps: int, **objective: Any) -> Recipe:
    return from_dict(
        {
            "name": name, "about": "a test",
            "start": {"model": start, "prompts": "instructcir", "dtype": "float32"},
            "data": {"source": "drawn", "worlds": ["wardrobe"], "pool": 24, "side": 32, "answers": 1},
            "objective": {"told": 0.2, **objective},
            "optimiser": {"kind": "muon", "global_batch": 8, "steps": steps, "learning_rate": 1e-2},
            "running": {"log_every": 1, "workers": 0},
        }
    )  # fmt: skip


def test_facts_are_learned_and_the_next_run_goes_on_telling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(fresh.SHAPES, "small", SMALL)
    train(told("first", "fresh:small", 30, answers=0.3), tmp_path / "first")
    log = read_log(tmp_path / "first" / "log.jsonl")
    assert log[-1]["told"] < 0.9 * log[0]["told"]
    assert log[-1]["right of queries"] > log[0]["right of queries"]
    kept = load_file(tmp_path / "first" / "telling.safetensors")
    train(told("next", "recipe:first", 1, pairs=1.0), tmp_path / "next")
    train(told("elsewhere", str(tmp_path / "first" / "model"), 1, pairs=1.0), tmp_path / "elsewhere")
    ahead = read_log(tmp_path / "next" / "log.jsonl")[0]
    assert ahead["told"] < 0.9 * read_log(tmp_path / "elsewhere" / "log.jsonl")[0]["told"]
    assert kept.keys() == load_file(tmp_path / "next" / "telling.safetensors").keys()


def test_facts_are_told_of_drawn_pictures_only() -> None:
    values = told("a", "fresh:small", 1).to_dict()
    values["data"] = {"source": "pairs"}
    with pytest.raises(InputError, match=r"objective\.told needs data\.source 'drawn'"):
        from_dict(values)

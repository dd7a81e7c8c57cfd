"""The test of one's own pictures, the verdict, the chosen recipe; and a whole adaptation of a tiny model."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from filter_samples import triplet
from instructcir.adapting.choosing import OLD_SHARE, Machine, Material, chosen_recipe
from instructcir.adapting.negatives import neighbourhood, says_it_too
from instructcir.adapting.old_worlds import worlds_learned
from instructcir.adapting.own_test import FEWEST, TEXT_TO_PICTURE, TO_CAPTIONS, TO_PICTURES, own_test, score_own
from instructcir.adapting.run import Options, adapt, parted
from instructcir.adapting.verdict import change, changes, verdict
from instructcir.errors import InputError, StoreError
from instructcir.items import ComposedQuery
from instructcir.synthesis.written import Source, Verdict

COLOURS = ["red", "green", "blue", "yellow", "black"]
THINGS = ["ball", "cube", "hat", "cup", "kite", "book", "lamp", "tent"]


def sources(folder: Path) -> list[Source]:
    found = []
    for number, (colour, thing) in enumerate((colour, thing) for colour in COLOURS for thing in THINGS):
        shade = Image.new("RGB", (30, 30), colour)
        shade.putpixel((number % 30, 3), (number, 1, 2))
        shade.save(folder / f"{number}.png")
        found.append(Source(f"p{number}", str(folder / f"{number}.png"), f"A {colour} {thing} on a table."))
    return found


def rows(some: Sequence[Source]) -> list[tuple[Source, Verdict]]:
    """Each is to become the next colour; where that one is among the pictures, it is the target."""
    made = []
    for number, source in enumerate(some):
        colour = next(one for one in COLOURS if one in source.caption)
        new = COLOURS[(COLOURS.index(colour) + 1) % len(COLOURS)]
        written = triplet("", f"make it {new}", source.caption.replace(colour, new).replace("A ", "the "), number)[1]
        made.append((source, Verdict(written)))
    return made


class Perfect:
    """Knows what every picture shows: one dimension for each colour and each thing."""

    def __init__(self, some: Sequence[Source], follows: bool = True) -> None:
        self.caption = {source.image: source.caption for source in some}
        self.follows = follows

    def vector(self, text: str) -> np.ndarray[Any, Any]:
        found = np.array([word in text for word in (*COLOURS, *THINGS)], dtype=np.float32)
        return found / max(1.0, float(np.linalg.norm(found)))

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray[Any, Any]:
        return np.stack([self.vector(text) for text in texts])

    def embed_mixed(self, images: Sequence[Any], queries: Sequence[ComposedQuery]) -> tuple[Any, Any]:
        asked = []
        for query in queries:
            caption = self.caption[query.reference]  # type: ignore[index]
            old = next(one for one in COLOURS if one in caption)
            new = query.modification.split()[-1]
            asked.append(caption.replace(old, new) if self.follows else caption)
        return self.embed_texts([self.caption[image] for image in images]), self.embed_texts(asked)


def test_a_model_that_follows_is_right_and_one_that_does_not_is_wrong(tmp_path: Path) -> None:
    some = sources(tmp_path)
    test = own_test(some, rows(some))
    assert len(test.queries) == len(some) == 40
    assert all(len(right) == 1 for right in test.relevant)
    assert test.deciding == TO_PICTURES
    good, bad = (score_own(Perfect(some, follows), test) for follows in (True, False))
    assert {name: values["recall@1"].mean() for name, values in bad.items()} == {
        TO_CAPTIONS: 0.0, TO_PICTURES: pytest.approx(0.2, abs=0.21), TEXT_TO_PICTURE: 1.0,
    }  # fmt: skip
    assert good[TO_PICTURES]["recall@1"].mean() == good[TEXT_TO_PICTURE]["recall@1"].mean() == 1.0
    assert good[TO_CAPTIONS]["recall@10"].mean() == 1.0


def test_without_pictures_that_fit_captions_decide(tmp_path: Path) -> None:
    some = sources(tmp_path)
    odd = [
        (source, Verdict(triplet("", "make it odd", f"odd {source.caption}", n)[1]))
        for n, (source, _) in enumerate(rows(some))
    ]
    test = own_test(some, odd)
    assert (test.deciding, any(test.relevant)) == (TO_CAPTIONS, False)
    with pytest.raises(InputError, match=f"a test needs {FEWEST} triplets"):
        own_test(some, odd[: FEWEST - 1])


def test_pictures_are_parted_by_content(tmp_path: Path) -> None:
    some = sources(tmp_path)
    train, test = parted(some, 0.3)
    assert sorted([*train, *test], key=lambda one: one.id) == sorted(some, key=lambda one: one.id)
    copies = [Source(f"c{n}", Path(str(one.image)).read_bytes(), one.caption) for n, one in enumerate(some)]
    assert [one.caption for one in parted(copies, 0.3)[1]] == [one.caption for one in test]
    with pytest.raises(InputError, match="a share above 0"):
        parted(some, 1.0)
    with pytest.raises(InputError, match="cannot be parted"):
        parted(some[:1], 0.5)


def values(mean: float, count: int = 400, seed: int = 0) -> np.ndarray[Any, Any]:
    return (np.random.default_rng(seed).random(count) < mean).astype(np.float64)


def test_the_difference_is_paired() -> None:
    before = values(0.5)
    same = change("m", "recall@1", before, before)
    assert (same.gain, same.low, same.high) == (0.0, 0.0, 0.0)
    better = before.copy()
    better[np.flatnonzero(before == 0)[:40]] = 1
    found = change("m", "recall@1", before, better)
    assert found.gain == pytest.approx(10.0)
    assert 6.5 < found.low < 8 < 12 < found.high < 13.5  # 40 of 400: a standard error of 1.5 points
    with pytest.raises(ValueError, match="before and"):
        change("m", "recall@1", before, before[:-1])


@pytest.mark.parametrize(
    ("own", "old", "switch", "said"),
    [
        (0.8, 0.5, True, "Switch: recall@1"),
        (0.2, 0.5, False, "the new model is worse"),
        (0.5, 0.5, False, "a gain is not proved"),
        (0.8, 0.4, False, "Do not switch: old lost"),
    ],
)
def test_the_verdict_is_one_careful_line(own: float, old: float, switch: bool, said: str) -> None:
    before = {"own": {"recall@1": values(0.5), "recall@10": values(0.9)}, "old": {"recall@1": values(0.5, seed=1)}}
    after = {"own": {"recall@1": values(own), "recall@10": values(0.9)}, "old": {"recall@1": values(old, seed=1)}}
    found = verdict(changes(before, after), "own")
    assert found.switch is switch
    assert said in found.line
    assert "\n" not in found.line


@pytest.mark.parametrize(("count", "gpu"), [(2, False), (300, False), (300, True), (500_000, True)])
def test_the_recipe_fits_pictures_and_machine(count: int, gpu: bool) -> None:
    material = Material(Path("t"), 4 * count, count)
    recipe = chosen_recipe(Path("m"), material, Machine(gpu, 8 * 2**30), width=2048, layers=28)
    assert recipe.optimiser.global_batch <= count
    assert 1 <= recipe.optimiser.micro_batch <= recipe.optimiser.global_batch
    assert recipe.tune.mode == "lora"
    assert recipe.objective.reference_image_negatives
    assert recipe.objective.pairs > 0
    assert (recipe.data.together, recipe.data.drawn_share) == (3, 0)
    assert 1 <= recipe.running.save_every <= max(1, recipe.optimiser.steps // 5)
    small = chosen_recipe(Path("m"), material, Machine(gpu, 2 * 2**30), width=2048, layers=28)
    assert small.optimiser.micro_batch <= recipe.optimiser.micro_batch
    with pytest.raises(InputError, match="nothing can be learned"):
        chosen_recipe(Path("m"), Material(Path("t"), 4, 1), Machine(gpu, 1), width=64, layers=2)


def test_the_only_step_of_a_training_has_a_rate() -> None:
    def warmup(steps: int) -> float:
        material = Material(Path("t"), 900, 300)
        machine = Machine(False, 8 * 2**30)
        return chosen_recipe(Path("m"), material, machine, width=64, layers=2, steps=steps).optimiser.warmup

    assert warmup(1) == 0 < warmup(2) == warmup(100)


def test_what_the_base_knew_is_mixed_in() -> None:
    known = Material(Path("t"), 900, 300, old_worlds=("wardrobe", "landscapes"))
    recipe = chosen_recipe(Path("m"), known, Machine(False, 8 * 2**30), width=192, layers=5)
    assert (recipe.data.drawn_share, recipe.data.worlds) == (OLD_SHARE, ("wardrobe", "landscapes"))
    assert 2 * recipe.data.pool >= OLD_SHARE * recipe.optimiser.steps * recipe.optimiser.global_batch
    alone = chosen_recipe(Path("m"), Material(Path("t"), 900, 300), Machine(False, 8 * 2**30), width=192, layers=5)
    assert recipe.optimiser.steps > alone.optimiser.steps  # one's own pictures are seen as often


def test_worlds_are_known_of_the_bundled_model_and_of_own_runs_only(tmp_path: Path) -> None:
    from instructcir.model.loading import find_folder

    assert worlds_learned(find_folder("tiny")) == ("wardrobe", "landscapes")
    (tmp_path / "model").mkdir()
    assert worlds_learned(tmp_path / "model") == ()
    for source, expected in (("drawn", ("landscapes",)), ("pairs", ())):
        (tmp_path / "recipe.json").write_text(json.dumps({"data": {"source": source, "worlds": ["landscapes"]}}))
        assert worlds_learned(tmp_path / "model") == expected


def test_captions_that_say_it_too_are_no_negatives() -> None:
    right = "a red dress with a belt, in a garden"
    assert says_it_too(right, "In a garden: the red dress with a belt and pockets")
    assert says_it_too(right, "a dress in a garden")  # vaguer, and true of it
    assert not says_it_too(right, "a blue dress with a belt, in a garden")
    assert not says_it_too(right, "a red dress with a zip, in a garden")


def test_vectors_of_an_index_are_those_computed_now(
    loaded: Callable[..., Any], built: Callable[..., Path], tmp_path: Path
) -> None:
    from instructcir.index.manifest import identity_of
    from instructcir.index.update import update_index

    (tmp_path / "pictures").mkdir()
    some, base = sources(tmp_path / "pictures"), loaded("llava-clip-llama")
    identity = identity_of(base, str(built("llava-clip-llama")))
    update_index(tmp_path / "index", [tmp_path / "pictures"], base, identity)
    Image.new("RGB", (30, 30), "pink").save(tmp_path / "new.png")
    copied = Source("copy", Path(str(some[3].image)).read_bytes(), "a copy")  # known by its content
    asked = [*some[:5], Source("new", str(tmp_path / "new.png"), "not in the index"), copied]
    found, now = neighbourhood(base, asked, str(tmp_path / "index")), neighbourhood(base, asked, None)
    assert found.captions == tuple(one.caption for one in asked if one.id != "new")
    assert np.allclose(found.vectors_GD, now.vectors_GD[[0, 1, 2, 3, 4, 6]], atol=2e-3)  # stored in half precision
    with pytest.raises(InputError, match="holds none of the pictures"):
        neighbourhood(base, [asked[5]], str(tmp_path / "index"))
    with pytest.raises(StoreError, match="made by"):
        neighbourhood(loaded("qwen2-vl"), some, str(tmp_path / "index"))


def test_a_tiny_model_is_adapted_from_pictures_to_verdict(
    loaded: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from instructcir.synthesis.rules import RuleWriter

    (tmp_path / "pictures").mkdir()
    base = loaded("llava-clip-llama")
    some = sources(tmp_path / "pictures")
    before = base.embed_texts(["a red ball"])
    options = Options(held_out=0.4, per_source=4, steps=3, hard_negatives=1)
    told: list[str] = []
    guards = {"old": lambda model: {"recall@1": np.ones(40)}}
    outcome = adapt(some, base, RuleWriter(), tmp_path / "out", options, guards=guards, tell=told.append)
    assert (outcome.adapter / "adapter_config.json").exists()
    assert {one.measure for one in outcome.changes} >= {TO_CAPTIONS, TEXT_TO_PICTURE, "old"}
    stored = json.loads((tmp_path / "out" / "report.json").read_text())
    assert (stored["line"], stored["switch"]) == (outcome.verdict.line, outcome.verdict.switch)
    assert np.array_equal(base.embed_texts(["a red ball"]), before)  # the base is as it was
    assert told

    def no_training(*_: object, **__: object) -> None:
        raise AssertionError("a finished training was done again")

    monkeypatch.setattr("instructcir.training.run.make_trainer", no_training)
    again = adapt(some, base, RuleWriter(), tmp_path / "out", options, guards=guards)
    assert again == outcome

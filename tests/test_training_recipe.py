"""Recipes: read, checked, put over, and the same after a round trip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from instructcir.errors import InputError
from instructcir.training import recipe as recipes
from instructcir.training.recipe import from_dict


def values(**more: Any) -> dict[str, Any]:
    return {
        "name": "r",
        "about": "",
        "start": {"model": "m"},
        "data": {"source": "drawn"},
        "objective": {"triplets": 1.0},
        "optimiser": {"global_batch": 8, "steps": 4, "learning_rate": 0.1},
        **more,
    }


@pytest.mark.parametrize("name", recipes.names())
def test_every_recipe_of_the_package_is_sound_and_survives_a_round_trip(name: str) -> None:
    chosen = recipes.load(name)
    assert chosen.name == name
    assert len(chosen.about) > 50
    assert from_dict(chosen.to_dict()) == chosen


def test_the_papers_stage_two_is_the_papers_loss_and_nothing_else() -> None:
    objective = recipes.load("paper-llava-phi35-stage2").objective
    assert (objective.pairs, objective.answers, objective.triplets) == (0, 0, 1)
    assert objective.temperature == 0.05
    assert objective.original_caption_negatives
    extras = (
        objective.learnable_temperature, objective.reference_image_negatives, objective.both_directions,
        objective.equal_texts_are_right, objective.same_kind_negatives, bool(objective.matryoshka),
    )  # fmt: skip
    assert not any(extras)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"optimizer": {}}, "did you mean 'optimiser'"),
        ({"objective": {"triplet": 1.0}}, "did you mean 'triplets'"),
        ({"objective": {"triplets": "much"}}, "expected float, found 'much'"),
        ({"objective": {"triplets": True}}, "expected float"),
        ({"objective": {}}, "nothing to learn"),
        ({"tune": {"close_gap": True}, "objective": {"triplets": 1.0}}, "tune.close_gap needs objective.pairs"),
        ({"data": {"source": "pairs", "path": "p"}}, "needs triplets"),
        ({"data": {"source": "drawn", "caption_details": [1, 2]}}, "caption_details is three weights"),
        ({"data": {"source": "drawn", "caption_details": [1, 2, -1]}}, "caption_details is three weights"),
        ({"data": {"source": "triplets", "path": "p", "caption_details": [1, 1, 1]}}, "need drawn samples"),
        ({"data": {"source": "drawn", "invented_words": 1.0}}, "data.invented_words is a probability"),
        ({"data": {"source": "triplets", "path": "p", "invented_words": 0.1}}, "need drawn samples"),
        ({"data": {"source": "hub"}}, "none of 'drawn'"),
        ({"start": {}}, "'model' is missing"),
        ({"optimiser": {"global_batch": 0, "steps": 1, "learning_rate": 1.0}}, "must be positive"),
        ({"tune": {"freeze": "vision"}}, "expected a list"),
        ({"running": 3}, "expected a table"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(change: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        from_dict(values(**change), "file.toml")


def test_settings_are_put_over_a_recipe() -> None:
    chosen = recipes.load(
        "tiny-stage2", ["optimiser.steps=7", "start.model=other", "data.worlds=['wardrobe']", "running.seed=9"]
    )
    assert (chosen.optimiser.steps, chosen.start.model, chosen.running.seed) == (7, "other", 9)
    assert chosen.data.worlds == ("wardrobe",)
    with pytest.raises(InputError, match=r"section\.key=value"):
        recipes.load("tiny-stage2", ["optimiser.steps"])
    with pytest.raises(InputError, match="did you mean 'steps'"):
        recipes.load("tiny-stage2", ["optimiser.step=3"])


def test_files_that_are_no_recipes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="tiny-stage0"):
        recipes.load(str(tmp_path / "none.toml"))
    (tmp_path / "odd.toml").write_text("name = [")
    with pytest.raises(InputError, match="not TOML"):
        recipes.load(str(tmp_path / "odd.toml"))

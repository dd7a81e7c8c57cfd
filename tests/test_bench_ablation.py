"""The bench of the ablation: its rows are recipes that can be trained, in an order in which each finds its start."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from instructcir.training.recipe import load

BENCH = Path(__file__).parents[1] / "bench"


@pytest.fixture
def ablation(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCH))
    import ablation

    return ablation


def test_every_row_is_a_valid_recipe_and_starts_from_an_earlier_one(ablation: Any) -> None:
    known: set[str] = set()
    for row in ablation.ROWS:
        recipe = load(row.recipe, row.settings)
        before = row.start or recipe.start.model.removeprefix("recipe:")
        assert before in known or before == "tiny-tower2", row.folder
        known.add(row.folder)


def test_the_papers_objective_has_nothing_beyond_the_paper(ablation: Any) -> None:
    for row in (*ablation.STRICT[1:], *ablation.SHARES):
        recipe = load(row.recipe, row.settings)
        objective, data = recipe.objective, recipe.data
        assert not recipe.tune.close_gap
        assert (objective.answers, objective.told, data.hard_negatives) == (0, 0, 0)
        assert (objective.pairs > 0) != (objective.triplets > 0)
        assert objective.original_caption_negatives
        assert not objective.reference_image_negatives
        assert not objective.both_directions


def test_without_being_asked_it_starts_nothing(ablation: Any, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, BENCH / "ablation.py", "--runs", tmp_path / "runs"], capture_output=True, text=True, check=True
    )
    assert sum(line.startswith("instructcir train") for line in done.stdout.splitlines()) == len(ablation.ROWS)
    assert not (tmp_path / "runs").exists()


def test_its_table_and_picture_hold_the_rows_that_have_scores(ablation: Any, tmp_path: Path) -> None:
    for number, row in enumerate((*ablation.STRICT, *ablation.SHARES)):
        score = {"recall@1": [40.0 + number, 30.0, 60.0], "recall@10": [90.0, 80.0, 95.0]}
        test = {"test": {"composed": score, "text to image": score}}
        (tmp_path / row.folder).mkdir()
        row.scores(tmp_path).write_text(json.dumps({"wardrobe": test, "landscapes": test}))
    lines = list(ablation.table(ablation.STRICT, tmp_path))
    assert len(lines) == 2 + len(ablation.STRICT)
    assert "| stages 0, 1, 2 | 43.0 / 90.0 (30.0 to 60.0) |" in lines[-1]
    assert len(list(ablation.table(ablation.BUNDLED, tmp_path))) == 2
    rows, amounts = ablation.drawn(tmp_path).axes
    assert len(rows.get_yticks()) == len((*ablation.STRICT, *ablation.SHARES))
    assert [label.get_text() for label in amounts.get_xticklabels()] == ["1/16", "1/4", "all"]

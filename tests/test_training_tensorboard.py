"""Event files tell what the log tells, and are read back by TensorBoard's own reader."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from instructcir.errors import DependencyError
from instructcir.training.recipe import Recipe, from_dict
from instructcir.training.run import train
from instructcir.training.trainer import event_files, read_log

needs_tensorboard = pytest.mark.skipif(
    importlib.util.find_spec("tensorboard") is None,
    reason="tensorboard is not installed (pip install 'instructcir[tensorboard]')",
)


@pytest.fixture
def recipe(built: Callable[..., Path]) -> Recipe:
    values: dict[str, dict[str, Any]] = {
        "start": {"model": str(built("llava-clip-llama")), "prompts": "instructcir", "dtype": "float32"},
        "data": {"source": "drawn", "worlds": ["wardrobe"], "pool": 8, "wishes": 1},
        "objective": {"pairs": 0.5, "triplets": 1.0, "told": 0.2},
        "optimiser": {"global_batch": 4, "steps": 3, "learning_rate": 1e-3},
        "running": {"save_every": 3, "log_every": 1, "workers": 0, "tensorboard": True},
    }
    return from_dict({"name": "test", "about": "a test", **values})


def read_events(folder: Path) -> dict[str, list[tuple[int, float]]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return {name: [(one.step, one.value) for one in events.Scalars(name)] for name in events.Tags()["scalars"]}


@needs_tensorboard
def test_event_files_hold_what_the_log_holds(recipe: Recipe, tmp_path: Path) -> None:
    train(recipe, tmp_path / "run")
    log = read_log(tmp_path / "run" / "log.jsonl")
    found = read_events(tmp_path / "run" / "tensorboard")
    assert [line["step"] for line in log] == [1, 2, 3]
    told = {"loss", "pairs", "triplets", "told", "samples_per_second", "right of pictures", "right of queries"}
    assert told <= log[0].keys()
    for name in log[0].keys() - {"step"}:
        expected = [(line["step"], pytest.approx(line[name], rel=1e-5)) for line in log]
        assert found[f"train/{name}"] == expected, name


@needs_tensorboard
def test_steps_that_come_again_are_told_once(tmp_path: Path) -> None:
    def write(steps: range) -> None:
        callback: Any = event_files(tmp_path)
        for step in steps:
            callback.tb_writer.add_scalar("train/loss", step, step)
        callback.tb_writer.close()

    write(range(1, 7))  # killed at step 6, its last checkpoint at step 4
    (tmp_path / "checkpoints" / "checkpoint-4").mkdir(parents=True)
    (tmp_path / "checkpoints" / "checkpoint-4" / "whole").touch()
    write(range(5, 9))
    steps = [step for step, _ in read_events(tmp_path / "tensorboard")["train/loss"]]
    assert steps == list(range(1, 9))


def test_without_tensorboard_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DependencyError, match="tensorboard"):
        event_files(tmp_path)

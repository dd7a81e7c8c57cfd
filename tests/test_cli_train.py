"""`instructcir train` and `instructcir world score` as people run them."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from cli_runs import json_lines, process, refused, run
from instructcir.cli import train
from instructcir.training.trainer import Step


def test_recipes_are_listed() -> None:
    listed = run("train", "--list").stdout
    assert all(name in listed for name in ("tiny-stage0", "paper-llava-phi35-stage2", "qwen3-vl-2b-stage1"))
    assert {line["recipe"] for line in json_lines(run("train", "--list", "--json"))} >= {"tiny-stage1"}


def test_a_dry_run_tells_what_it_takes_and_starts_nothing(tmp_path: Path) -> None:
    result = run("train", "tiny-tower", "--into", tmp_path / "run", "--dry-run", "--json")
    (found,) = json_lines(result)
    assert 4_000_000 < found["weights"] < 4_100_000
    assert 1_200_000 < found["trainable"] < 1_350_000  # tower and projector; the decoder takes no part
    assert found["hours"] > 0
    assert not (tmp_path / "run").exists()
    assert "GiB" in run("train", "tiny-tower", "--into", tmp_path / "run", "--dry-run").stdout


def test_a_dry_run_counts_what_adapters_learn(built: Callable[..., Path], tmp_path: Path) -> None:
    settings = ["--set", f"start.model={built('llava-clip-llama')}", "--set", "tune.rank=4"]
    result = run("train", "paper-llava-phi35-stage1", "--into", tmp_path / "run", "--dry-run", "--json", *settings)
    (found,) = json_lines(result)
    assert 0 < found["trainable"] < found["weights"] / 2


def test_what_cannot_be_trained_is_said_in_one_line(tmp_path: Path) -> None:
    assert "--list" in refused("train")
    assert "did you mean 'steps'" in refused("train", "tiny-stage0", "--set", "optimiser.stepz=3")
    assert "train tiny-stage0 first" in refused("train", "tiny-stage1", "--into", tmp_path / "tiny-stage1")
    without = refused("train", "paper-llava-phi35-stage2", "--into", tmp_path / "x", "--set", f"start.model={tmp_path}")
    assert str(tmp_path) in without


def test_without_a_terminal_lines_tell_the_speed_and_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "_SECONDS_BETWEEN_LINES", -1.0)
    said = StringIO()
    with train.training_bar(900, Console(file=said, width=200)) as report:
        report(Step(60, 900, 1.25, 10.0, 840 * 64 / 10))
    assert said.getvalue() == "step 60 of 900: loss 1.250, 10 samples/s, 90 minutes left\n"


def test_a_short_training_from_nothing_and_its_score(tmp_path: Path) -> None:
    small = ["data.pool=16", "data.worlds=['wardrobe']", "optimiser.steps=2", "optimiser.global_batch=4"]
    settings = [word for setting in small for word in ("--set", setting)]
    for name in ("tiny-tower", "tiny-tower2", "tiny-stage0"):
        done = process("train", name, "--into", f"runs/{name}", *settings, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert f"trained by {name}" in done.stdout
    model = tmp_path / "runs" / "tiny-stage0" / "model"
    again = refused("train", "tiny-stage0", "--into", tmp_path / "runs" / "tiny-stage0", *settings)
    assert "--resume" in again
    sizes = ["--queries", "4", "--gallery", "24", "--world", "wardrobe", "--test", "test-phrasings"]
    run("world", "score", model, *sizes, "--out", tmp_path / "scores.json")
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["wardrobe"]["test-phrasings"]["composed"]["queries"] == 4
    assert "there are test" in refused("world", "score", model, "--test", "exam")

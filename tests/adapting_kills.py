"""Adapts a tiny model in forks that are killed at every stage and at random moments: run by test_adapting_kills.

What is left must be gone on with, and end with the report of a run that nobody killed.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from index_kills import in_a_fork
from instructcir.adapting import run as adapting
from instructcir.adapting.run import Options, adapt
from instructcir.model.embedder import Embedder
from instructcir.synthesis.rules import RuleWriter
from instructcir.training.trainer import Step
from test_adapting import sources

OPTIONS = Options(held_out=0.4, per_source=4, hard_negatives=1, steps=20)
STAGES = ("writing", "looking", "training", "step", "testing", "report")
KILLED = -signal.SIGKILL
RANDOM_KILLS = 6


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def old(model: Any) -> dict[str, Any]:
    """A guard that depends on the weights."""
    return {
        "recall@1": (model.embed_texts(["a red ball", "a blue hat", "two cups"])[:, :8] > 0).astype(np.float64)[:, 0]
    }


def work(base: Embedder, pictures: Path, folder: Path, stage: str = "") -> None:
    """Adapt, and die at a stage."""

    def tell(line: str) -> None:
        if stage and line.startswith(stage):
            die()

    def report(step: Step) -> None:
        if stage == "step" and step.step >= 15:
            die()

    if stage == "report":
        adapting.write_atomic = die
    adapt(sources(pictures), base, RuleWriter(), folder, OPTIONS, guards={"old": old}, tell=tell, report=report)


def reported(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())
    assert Path(found.pop("adapter")).parent.parent == folder
    return found


def main(place: Path, model: str, seed: int) -> None:
    torch.set_num_threads(1)
    (place / "pictures").mkdir()
    base, pictures = Embedder.load(model, "cpu"), place / "pictures"

    def at(name: str, stage: str = "") -> Callable[[], None]:
        return partial(work, base, pictures, place / name, stage)

    assert in_a_fork(at("whole"), None) == 0
    expected = reported(place / "whole")
    for stage in STAGES:
        assert in_a_fork(at("staged", stage), None) == KILLED, f"nobody died at {stage}"
        assert not (place / "staged" / "report.json").exists()
    assert in_a_fork(at("staged"), None) == 0
    assert reported(place / "staged") == expected, "killed at every stage"
    chance = random.Random(seed)
    kills = sum(in_a_fork(at("random"), chance.uniform(0.05, 2.0)) == KILLED for _ in range(RANDOM_KILLS))
    assert kills, "no kill hit a run"
    assert in_a_fork(at("random"), None) == 0
    assert reported(place / "random") == expected, "killed at random"


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))

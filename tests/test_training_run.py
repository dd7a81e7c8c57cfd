"""Whole runs on a tiny model: files in, model out; bad samples named; resumed, and in two processes, the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image
from safetensors.numpy import load_file

from instructcir.errors import InputError
from instructcir.model.embedder import Embedder
from instructcir.training.claiming import claim, only_training
from instructcir.training.recipe import Recipe, from_dict
from instructcir.training.run import train
from instructcir.training.stream import count_left_out
from instructcir.training.trainer import last_checkpoint, read_log

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 220)}


@pytest.fixture(scope="module")
def triplets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty triplets about plain colours, with a missing, a broken and an empty one among them."""
    folder = tmp_path_factory.mktemp("triplets")
    lines: list[dict[str, str]] = []
    for number in range(60):
        old, new = list(COLOURS)[number % 3], list(COLOURS)[(number // 3) % 3]
        shade = np.full((30, 30, 3), COLOURS[old], dtype=np.uint8) + np.uint8(number % 20)
        Image.fromarray(shade).save(folder / f"{number}.png")
        lines.append(
            {"id": str(number), "image": f"{number}.png", "instruction": f"make it {new}",
             "modified_caption": f"a {new} square {number}", "caption": f"a {old} square {number}"}
        )  # fmt: skip
    (folder / "broken.png").write_bytes(b"no picture")
    lines.insert(5, lines[5] | {"id": "missing", "image": "nowhere.png"})
    lines.insert(9, lines[5] | {"id": "broken", "image": "broken.png"})
    lines.insert(20, lines[5] | {"id": "empty", "image": "0.png", "instruction": ""})
    (folder / "triplets.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder / "triplets.jsonl"


def recipe(model: Path, data: Path, *, steps: int = 12, batch: int = 8, **tables: dict[str, Any]) -> Recipe:
    values: dict[str, dict[str, Any]] = {
        "start": {"model": str(model), "prompts": "instructcir", "dtype": "float32"},
        "data": {"source": "triplets", "path": str(data)},
        "objective": {"triplets": 1.0},
        "optimiser": {"global_batch": batch, "steps": steps, "learning_rate": 2e-3},
        "running": {"save_every": 4, "log_every": 2, "workers": 0},
    }
    for name, table in tables.items():
        values[name] = values.get(name, {}) | table
    return from_dict({"name": "test", "about": "a test", **values})


def weights(folder: Path) -> dict[str, Any]:
    return load_file(folder / "model.safetensors")


def test_a_run_leaves_model_log_and_curve_and_names_bad_samples(
    built: Callable[..., Path], triplets: Path, tmp_path: Path
) -> None:
    made = train(recipe(built("llava-clip-llama"), triplets), tmp_path / "run")
    log = read_log(tmp_path / "run" / "log.jsonl")
    assert log[-1]["step"] == 12
    assert log[-1]["loss"] < log[0]["loss"]
    with Image.open(tmp_path / "run" / "loss.png") as curve:
        assert curve.size[0] > 500
    named = [json.loads(line) for line in (tmp_path / "run" / "left_out.jsonl").read_text().splitlines()]
    assert {line["id"] for line in named} == {"missing", "broken", "empty"}
    assert count_left_out(tmp_path / "run" / "left_out.jsonl") == 3
    vectors = Embedder.load(made, "cpu").embed_texts(["a red square"])
    assert np.linalg.norm(vectors[0]) == pytest.approx(1, abs=1e-5)


def test_a_folder_of_another_run_is_left_alone(built: Callable[..., Path], triplets: Path, tmp_path: Path) -> None:
    short = recipe(built("llava-clip-llama"), triplets, steps=2)
    train(short, tmp_path / "run")
    with pytest.raises(InputError, match="--resume"):
        train(short, tmp_path / "run")
    with pytest.raises(InputError, match="other settings"):
        train(recipe(built("llava-clip-llama"), triplets, steps=3), tmp_path / "run", resume=True)
    kept = json.loads((tmp_path / "run" / "recipe.json").read_text())
    del kept["running"]["mixed_precision"]  # as a version wrote it that had no such setting
    (tmp_path / "run" / "recipe.json").write_text(json.dumps(kept))
    assert train(short, tmp_path / "run", resume=True) == tmp_path / "run" / "model"
    (tmp_path / "run" / "recipe.json").write_text(json.dumps(kept | {"later": {}}))
    with pytest.raises(InputError, match="other settings"):
        train(short, tmp_path / "run", resume=True)
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="other files"):
        train(short, tmp_path / "else")


_HOLD = """
import os, pathlib, sys, time
from instructcir.training.claiming import only_training
with only_training(pathlib.Path(sys.argv[1])):
    if os.fork() == 0:  # as a trainer's workers
        time.sleep(60)
        os._exit(0)
    print("held", flush=True)
    time.sleep(60)
"""


def test_two_trainings_in_one_folder_are_refused_until_one_is_dead(
    built: Callable[..., Path], triplets: Path, tmp_path: Path
) -> None:
    settings = recipe(built("llava-clip-llama"), triplets, steps=2)
    claim(settings, tmp_path / "run", resume=False)
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path / "run")], stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(InputError, match=f"process {holder.pid} is training there"):
            train(settings, tmp_path / "run", resume=True)
        holder.kill()
        holder.wait()
        assert (train(settings, tmp_path / "run", resume=True) / "model.safetensors").exists()
    finally:
        os.killpg(holder.pid, signal.SIGKILL)  # its child lives on
        holder.communicate()


def test_micro_batches_change_nothing(built: Callable[..., Path], triplets: Path, tmp_path: Path) -> None:
    model = built("llava-clip-llama")
    whole = train(recipe(model, triplets, steps=4), tmp_path / "whole")
    parts = train(recipe(model, triplets, steps=4, optimiser={"micro_batch": 3}), tmp_path / "parts")
    one, other = weights(whole), weights(parts)
    assert all(np.abs(one[name] - other[name]).max() < 2e-4 for name in one)


def test_in_mixed_precision_weights_stay_exact_and_losses_close(
    built: Callable[..., Path], triplets: Path, tmp_path: Path
) -> None:
    model = built("llava-clip-llama")
    logs = []
    for precision in ("no", "bf16"):
        slow = {
            "kind": "muon",
            "matrix_rate": 1e-3,
            "learning_rate": 2e-4,
        }  # faster, differences grow
        settings = recipe(model, triplets, optimiser=slow, running={"mixed_precision": precision})
        made = train(settings, tmp_path / precision)
        assert all(array.dtype == np.float32 for array in weights(made).values())
        logs.append([line["loss"] for line in read_log(tmp_path / precision / "log.jsonl")])
    exact, mixed = np.array(logs)
    assert not np.array_equal(exact, mixed)
    assert exact[-1] < exact[0]
    assert np.abs(exact - mixed).max() < 0.05 * exact.max()


def test_frozen_parts_and_adapters(built: Callable[..., Path], triplets: Path, tmp_path: Path) -> None:
    model = built("llava-clip-llama")
    frozen = train(recipe(model, triplets, steps=3, tune={"freeze": ["vision"]}), tmp_path / "frozen")
    before, after = weights(model), weights(frozen)
    moved = {name for name in after if name in before and not np.array_equal(before[name], after[name])}
    assert moved
    assert not any("vision" in name for name in moved)
    lora = {"mode": "lora", "rank": 4, "alpha": 8}
    adapter = train(recipe(model, triplets, steps=3, tune=lora), tmp_path / "test")
    effect = Embedder.load(adapter, "cpu").adapter
    assert effect is not None
    assert effect.vector_change > 0
    further = recipe(model, triplets, steps=6, tune=lora, start={"model": "recipe:test"})
    second = Embedder.load(train(further, tmp_path / "further"), "cpu").adapter
    assert second is not None
    assert second.base == effect.base  # the same adapters, trained on
    assert second.largest_change > effect.largest_change


_RUN = """
import sys, torch
torch.set_num_threads(1)
import json, pathlib
from instructcir.training.recipe import from_dict
from instructcir.training.run import train
values = json.loads(pathlib.Path(sys.argv[1]).read_text())
made = train(from_dict(values), pathlib.Path(sys.argv[2]), resume=True)
assert (made / "model.safetensors").exists()  # in every process
"""


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", **more}


@pytest.mark.parametrize("freeze", [[], ["vision"]])
def test_killed_and_resumed_it_ends_with_the_same_weights(
    built: Callable[..., Path], triplets: Path, tmp_path: Path, freeze: list[str]
) -> None:
    chosen = recipe(built("llava-clip-llama"), triplets, steps=40, tune={"freeze": freeze})
    expected = weights(train(chosen, tmp_path / "whole"))
    (tmp_path / "recipe.json").write_text(json.dumps(chosen.to_dict()))
    command = [sys.executable, "-c", _RUN, str(tmp_path / "recipe.json"), str(tmp_path / "killed")]
    process = subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (tmp_path / "killed" / "checkpoints" / "checkpoint-12").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed" / "model").exists()
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    found = weights(tmp_path / "killed" / "model")
    assert all(np.array_equal(found[name], expected[name]) for name in expected)
    steps = [line["step"] for line in read_log(tmp_path / "killed" / "log.jsonl")]
    assert steps == sorted(set(steps))
    assert steps[-1] == 40


@pytest.mark.parametrize(("kind", "micro", "learned"), [("adamw", 2, False), ("muon", 0, True), ("adamw", 2, True)])
def test_two_processes_have_the_losses_of_one(
    kind: str, micro: int, learned: bool, built: Callable[..., Path], triplets: Path, tmp_path: Path
) -> None:
    chosen = recipe(
        built("llava-clip-llama"), triplets, steps=6, batch=8,
        optimiser={"micro_batch": micro, "kind": kind}, objective={"learnable_temperature": learned},
    )  # fmt: skip
    train(chosen, tmp_path / "one")
    (tmp_path / "recipe.json").write_text(json.dumps(chosen.to_dict()))
    script = tmp_path / "run.py"
    script.write_text(_RUN)
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--master-port=0"]
    launch += ["--rdzv-backend=c10d", "--rdzv-endpoint=localhost:0"]
    done = subprocess.run(
        [*launch, str(script), str(tmp_path / "recipe.json"), str(tmp_path / "two")],
        env=environment(), capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    one, two = read_log(tmp_path / "one" / "log.jsonl"), read_log(tmp_path / "two" / "log.jsonl")
    assert [line["step"] for line in one] == [line["step"] for line in two]
    assert [line["loss"] for line in two] == pytest.approx([line["loss"] for line in one], rel=1e-3)
    assert [line["grad_norm"] for line in two] == pytest.approx([line["grad_norm"] for line in one], rel=1e-2)
    if learned:
        assert one[0]["temperature"] != one[-1]["temperature"]
        assert [line["temperature"] for line in two] == pytest.approx([line["temperature"] for line in one], rel=1e-5)


def test_a_training_ends_when_its_launcher_is_killed(
    built: Callable[..., Path], triplets: Path, tmp_path: Path
) -> None:
    chosen = recipe(built("llava-clip-llama"), triplets, steps=100_000, batch=8)
    (tmp_path / "recipe.json").write_text(json.dumps(chosen.to_dict()))
    (tmp_path / "run.py").write_text(_RUN)
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--master-port=0"]
    launch += ["--rdzv-backend=c10d", "--rdzv-endpoint=localhost:0"]
    run = tmp_path / "run"
    launcher = subprocess.Popen(
        [*launch, str(tmp_path / "run.py"), str(tmp_path / "recipe.json"), str(run)],
        env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not last_checkpoint(run / "checkpoints") and time.monotonic() < deadline:
        time.sleep(0.05)
    first = int((run / "training.lock").read_text())
    assert psutil.pid_exists(first)
    launcher.kill()
    launcher.wait()
    while psutil.pid_exists(first) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(first)
    with only_training(run):  # it can be gone on with
        pass

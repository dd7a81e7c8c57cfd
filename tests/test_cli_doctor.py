"""The doctor says what it looked at, and exits with 1 when something is wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from cli_runs import json_lines, process, refused, run
from instructcir.model import versions
from tiny_models import build_lora

Built = Callable[..., Path]


def test_machine_and_versions() -> None:
    shown = run("doctor").stdout
    for name in ("versions", "device", "processor", "memory"):
        assert f"ok     {name}: " in shown
    assert "torch 2." in shown
    assert "threads" in shown
    assert shown.endswith("all well\n")
    assert all(record["passed"] for record in json_lines(run("doctor", "--json")))


def test_a_sound_model(built: Built, tmp_path: Path) -> None:
    run("save", built("qwen2-vl"), tmp_path / "saved")
    records = {record["check"]: record for record in json_lines(run("doctor", tmp_path / "saved", "--json"))}
    for name in ("memory needed", "padded = single", "shared image work = whole", "probe vectors reproduced"):
        assert records[name]["passed"], records[name]
    assert "0.4 million weights" in records["memory needed"]["detail"]


def test_an_adapter(built: Built, tmp_path: Path) -> None:
    adapter = build_lora(built("qwen2-vl"), tmp_path / "adapter")
    assert "ok     adapter applied: " in run("doctor", adapter).stdout


def test_changed_weights_are_found(built: Built, tmp_path: Path) -> None:
    run("save", built("qwen2-vl"), tmp_path / "saved")
    file = tmp_path / "saved" / "model.safetensors"
    weights = load_file(file)
    name = next(name for name in weights if name.endswith("layers.0.mlp.up_proj.weight"))
    weights[name] = -weights[name]
    save_file(weights, file, metadata={"format": "pt"})
    shown = run("doctor", tmp_path / "saved", rc=1).stdout
    assert "WRONG  model: " in shown
    assert "does not reproduce the vector saved with it" in shown
    assert "all well" not in shown


def test_changed_picture_weights_are_found(built: Built, tmp_path: Path) -> None:
    # texts alone, which are checked at every load, do not pass through these
    run("save", built("qwen2-vl"), tmp_path / "saved")
    file = tmp_path / "saved" / "model.safetensors"
    weights = load_file(file)
    name = next(name for name in weights if "visual" in name and name.endswith("patch_embed.proj.weight"))
    weights[name] = -weights[name]
    save_file(weights, file, metadata={"format": "pt"})
    [wrong] = [r for r in json_lines(run("doctor", tmp_path / "saved", "--json", rc=1)) if not r["passed"]]
    assert wrong["check"] == "probe vectors reproduced"


def test_a_model_that_does_not_fit_is_not_loaded(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    from instructcir.model import memory

    monkeypatch.setattr(memory, "estimate", lambda *_: memory.Need(10**15, 0))
    shown = run("doctor", built("qwen2-vl"), rc=1).stdout
    assert "WRONG  memory needed: 1000000.00 GB" in shown
    assert "padded" not in shown


def test_bad_versions_are_named_and_the_model_is_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(versions, "installed", lambda _: {"python": "3.12", "transformers": "5.23.0", "peft": "0.17.1"})
    result = run("doctor", tmp_path, rc=1)
    assert "WRONG  peft 0.17.1 with transformers 5.23.0: importing peft" in result.stdout
    assert "https://github.com/huggingface/peft/issues/3333" in result.stdout
    assert "not looked at" in result.stderr


def test_bad_input_is_one_line(built: Built, tmp_path: Path) -> None:
    for arguments, words in (
        ([tmp_path / "none"], "no such folder"),
        (["--device", "nonsense"], "device 'nonsense' cannot be used"),
    ):
        result = run("doctor", *arguments, rc=2)
        assert words in result.stderr
        assert len(result.stderr.splitlines()) == 1
    assert refused("prompt", "show", tmp_path / "none")


def test_a_broken_folder_is_a_finding(built: Built, tmp_path: Path) -> None:
    folder = shutil.copytree(built("qwen2-vl"), tmp_path / "model")
    (folder / "tokenizer_config.json").write_text("{}")
    (folder / "chat_template.json").unlink(missing_ok=True)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "no-such-type"}))
    assert "WRONG  model: " in run("doctor", folder, rc=1).stdout


def test_end_to_end(built: Built, tmp_path: Path) -> None:
    done = process("doctor", built("qwen2-vl"), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.startswith("device: ")
    assert len(done.stderr.splitlines()) == 1

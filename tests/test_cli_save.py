"""`instructcir save` writes a folder that gives the same vectors, prompts and adapter included."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from cli_runs import json_lines, refused, run
from instructcir.model.embedder import Embedder
from tiny_models import build_lora, pictures

Built = Callable[..., Path]


def test_the_folder_gives_the_same_vectors(built: Built, tmp_path: Path) -> None:
    [record] = json_lines(run("save", built("qwen2-vl"), tmp_path / "saved", "--prompts", "e5-v", "--json"))
    assert record["prompts"] == "e5-v"
    assert record["bytes"] > 1_000_000
    first = Embedder.load(built("qwen2-vl"), prompts="e5-v").embed_images(pictures()[:3])
    again = Embedder.load(tmp_path / "saved")
    assert again.prompts.name == "e5-v"
    np.testing.assert_allclose(again.embed_images(pictures()[:3]), first, atol=1e-6)


def test_an_adapter_is_merged(built: Built, tmp_path: Path) -> None:
    adapter = build_lora(built("qwen2-vl"), tmp_path / "adapter")
    result = run("save", adapter, tmp_path / "saved")
    assert "adapter: " in result.stderr
    assert "float32, 64 dimensions, prompts instructcir" in result.stdout
    merged = Embedder.load(tmp_path / "saved")
    np.testing.assert_allclose(merged.embed_texts(["a"]), Embedder.load(adapter).embed_texts(["a"]), atol=1e-6)


def test_another_type(built: Built, tmp_path: Path) -> None:
    [record] = json_lines(run("save", built("qwen2-vl"), tmp_path / "saved", "--dtype", "bfloat16", "--json"))
    assert record["dtype"] == "bfloat16"


def test_bad_input_is_one_line(built: Built, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    assert "not empty" in refused("save", built("qwen2-vl"), tmp_path / "full")
    assert "no prompt set" in refused("save", built("qwen2-vl"), tmp_path / "new", "--prompts", "none")
    assert "dtype 'int3' is unknown" in refused("save", built("qwen2-vl"), tmp_path / "new", "--dtype", "int3")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full"]

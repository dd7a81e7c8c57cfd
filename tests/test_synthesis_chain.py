"""The whole chain offline: pictures are drawn, triplets are written from them, and a model learns from the file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli_runs import json_lines, refused, run
from instructcir.data.reading import read_triplets


@pytest.mark.parametrize("into", ["triplets.parquet", "shards"])
def test_a_model_learns_from_what_synthesize_wrote(tmp_path: Path, into: str) -> None:
    run("world", "draw", "wardrobe", "--out", tmp_path / "drawn", "--count", 12, "--side", 48)
    file = tmp_path / into
    (told,) = json_lines(run("synthesize", tmp_path / "drawn" / "pairs.jsonl", "--into", file, "--json"))
    assert told["kept"] == len(list(read_triplets(str(file)))) > 40
    settings = {"start.model": "tiny", "data.source": "triplets", "data.path": file, "optimiser.steps": 2}
    settings |= {"optimiser.global_batch": 4, "running.log_every": 1, "data.hard_negatives": 0, "objective.told": 0}
    words = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    assert "set it to 0" in refused("train", "tiny-stage2", "--into", tmp_path / "run", *words[:-2])
    run("train", "tiny-stage2", "--into", tmp_path / "run", *words)
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2]
    assert all(line["loss"] > 0 for line in lines)
    assert not (tmp_path / "run" / "left_out.jsonl").exists()
    assert (tmp_path / "run" / "model" / "modules.json").exists()

"""`instructcir adapt` and `instructcir triplets judge` from the command line, on a tiny model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cli_runs import json_lines, refused, run
from filter_samples import GOOD, triplet
from instructcir.synthesis.stored import read_verdicts, verdict_file
from instructcir.synthesis.written import Source, Verdict
from test_adapting import sources
from tiny_pictures import pictures


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    lines = ({"image": str(one.image), "caption": one.caption, "id": one.id} for one in sources(tmp_path))
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path / "pairs.jsonl"


def test_a_dry_run_tells_and_makes_nothing(built: Callable[..., Path], pairs: Path, tmp_path: Path) -> None:
    model = built("llava-clip-llama")
    arguments = ("adapt", pairs, "--model", model, "--into", tmp_path / "out", "--held-out", 0.4, "--dry-run")
    [found] = json_lines(run(*arguments, "--json"))
    assert found["learn_from"] + found["held_out"] == 40
    assert found["triplets_at_most"] == 4 * found["learn_from"]
    assert found["recipe"]["tune"]["mode"] == "lora"
    assert 0 < found["trainable"] < found["weights"]
    assert "nothing was started" in run(*arguments).stdout
    assert not (tmp_path / "out").exists()


def test_an_adaptation_ends_with_its_line(built: Callable[..., Path], pairs: Path, tmp_path: Path) -> None:
    model = built("llava-clip-llama")
    options = ("--held-out", 0.4, "--steps", 2, "--old-worlds", 4)
    told = run("adapt", pairs, "--model", model, "--into", tmp_path / "out", *options).stdout
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["line"] in told
    assert report["adapter"] in told
    assert {"old world, wardrobe", "old world, landscapes"} <= {one["measure"] for one in report["changes"]}


def test_what_cannot_be_adapted_is_refused(built: Callable[..., Path], pairs: Path, tmp_path: Path) -> None:
    model = built("llava-clip-llama")
    said = refused("adapt", pairs, "--model", model, "--into", tmp_path / "no" / "out")
    assert "create it first" in said
    assert "above 0" in refused("adapt", pairs, "--model", model, "--into", tmp_path / "out", "--held-out", 1)


def test_judge_keeps_what_scores_high_enough(built: Callable[..., Path], tmp_path: Path) -> None:
    pictures()[0].save(tmp_path / "a.png")
    with verdict_file(tmp_path / "t.parquet") as file:
        for number in range(3):
            source, written = triplet(*GOOD[number], number)
            file.add(Source(source.id, str(tmp_path / "a.png"), source.caption), Verdict(written))
    for threshold, kept in ((-2.0, 3), (2.0, 0)):
        out = tmp_path / f"{kept}.parquet"
        arguments = ("triplets", "judge", built("qwen2-vl"), tmp_path / "t.parquet", "--into", out)
        [found] = json_lines(run(*arguments, f"--threshold={threshold}", "--json"))
        assert (found["kept"], found["rejected"]) == (kept, 3 - kept)
        assert len(list(read_verdicts(out))) == kept

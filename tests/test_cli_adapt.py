"""`instructcir adapt` and `instructcir triplets judge` from the command line, on a tiny model."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from cli_runs import json_lines, refused, run
from filter_samples import GOOD, triplet
from instructcir.synthesis.stored import read_verdicts, verdict_file
from instructcir.synthesis.written import Source, Verdict
from language_server import Reply, completion, serving
from test_adapting import COLOURS, THINGS, sources
from tiny_pictures import pictures


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    lines = ({"image": str(one.image), "caption": one.caption, "id": one.id} for one in sources(tmp_path))
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path / "pairs.jsonl"


def test_a_dry_run_tells_and_makes_nothing(built: Callable[..., Path], pairs: Path, tmp_path: Path) -> None:
    model = built("llava-clip-llama")
    arguments = ("adapt", pairs, "--base", model, "--into", tmp_path / "out", "--held-out", 0.4, "--dry-run")
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
    told = run("adapt", pairs, "--base", model, "--into", tmp_path / "out", *options).stdout
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["line"] in told
    assert report["adapter"] in told
    assert {"old world, wardrobe", "old world, landscapes"} <= {one["measure"] for one in report["changes"]}


def test_what_cannot_be_adapted_is_refused(built: Callable[..., Path], pairs: Path, tmp_path: Path) -> None:
    model = built("llava-clip-llama")
    said = refused("adapt", pairs, "--base", model, "--into", tmp_path / "no" / "out")
    assert "create it first" in said
    assert "above 0" in refused("adapt", pairs, "--base", model, "--into", tmp_path / "out", "--held-out", 1)


def test_bare_pictures_are_captioned_first(
    built: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    (tmp_path / "photos" / "below").mkdir(parents=True)
    for number in range(40):
        shade = Image.new("RGB", (64, 64), (6 * number, 90, 200 - 5 * number))
        shade.save(tmp_path / "photos" / ("below" if number % 2 else ".") / f"{number}.png")
    said = itertools.cycle([f"A {colour} {thing} on a table." for colour in COLOURS for thing in THINGS])
    model, out = built("llava-clip-llama"), tmp_path / "out"
    arguments = ("adapt", tmp_path / "photos", "--base", model, "--into", out, "--held-out", 0.4)
    assert "give --captioner" in refused(*arguments)
    with serving(lambda body, _: Reply(completion(next(said)))) as server:
        captioned = (*arguments, "--captioner", "openai:m", "--base-url", server.url, "--steps", 3, "--old-worlds", 0)
        [found] = json_lines(run(*captioned, "--dry-run", "--json"))
        assert found["learn_from"] + found["held_out"] == 40
        assert not server.bodies
        assert not out.exists()
        run(*captioned)
        assert len(server.bodies) == 40
        assert len((out / "pairs.jsonl").read_text().splitlines()) == 40
        first = (out / "report.json").read_text()
        (out / "report.json").unlink()
        run(*captioned)
        assert len(server.bodies) == 40  # no answer is asked for twice
        assert (out / "report.json").read_text() == first


def test_pairs_of_a_drawn_folder_are_found(built: Callable[..., Path], tmp_path: Path) -> None:
    run("world", "draw", "plates", "--out", tmp_path / "plates", "--count", 20, "--side", 48)
    arguments = ("adapt", tmp_path / "plates", "--base", built("llava-clip-llama"), "--into", tmp_path / "out")
    [found] = json_lines(run(*arguments, "--dry-run", "--json"))
    assert found["learn_from"] + found["held_out"] == 20


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

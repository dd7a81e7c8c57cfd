"""`instructcir evaluate`: the whole chain, from pictures on the disk to tables, on a tiny model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cli_runs import json_lines, refused, run
from instructcir.benchmarks.registry import NAMES, load_benchmark
from instructcir.errors import InputError
from instructcir.evaluation.card import read_card
from instructcir.model.embedder import Embedder
from instructcir.model.fingerprint import fingerprint
from tiny_benchmarks import FILES, paint, write

Built = Callable[..., Path]
SMALL = ("--queries", 3, "--gallery", 30)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("cirr", "circo"):
        paint(load_benchmark(name, write(tmp_path / name, FILES[name]())))
    paint(load_benchmark("circo", tmp_path / "circo", "test"))
    return tmp_path


def test_drawn_worlds_go_through_the_same_chain(built: Built) -> None:
    shown = run("evaluate", built("llava-clip-llama"), "--worlds", *SMALL).stdout
    for name in NAMES:
        assert f"*  {name}/official" in shown
    assert shown.count("in percent; * official protocol") == 4


def test_a_second_run_embeds_nothing(built: Built, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = (
        "evaluate",
        built("llava-clip-llama"),
        "cirr",
        "circo",
        "--root",
        root,
        "--cache",
        root / "cache",
        "--json",
    )
    first = json_lines(run(*arguments))
    assert {line["benchmark"] for line in first} == {"cirr", "circo"}

    def nothing(
        self: Embedder, images: list[object], queries: list[object], **_: object
    ) -> tuple[np.ndarray, np.ndarray]:
        assert not images
        assert not queries
        return np.zeros((0, 0), np.float32), np.zeros((0, 0), np.float32)

    monkeypatch.setattr(Embedder, "embed_mixed", nothing)
    assert json_lines(run(*arguments)) == first


def test_hidden_answers_give_submissions(built: Built, root: Path) -> None:
    arguments = ("evaluate", built("llava-clip-llama"), "circo", "--root", root, "--split", "test")
    assert "its answers are not public" in refused(*arguments)
    run(*arguments, "--submission", root)
    assert "good" in run("submission", "check", root / "circo_test.json", "--root", root).stdout


def test_missing_pictures(built: Built, root: Path) -> None:
    (root / "cirr" / "dev" / "dev-7-0-img0.png").unlink()
    arguments = ("evaluate", built("llava-clip-llama"), "cirr", "--root", root)
    assert "1 of 8 pictures are missing" in refused(*arguments)
    shown = run(*arguments, "--allow-missing").stdout
    assert "INCOMPLETE: 1 images and 0 of 3 queries missing" in shown


def test_bad_input_is_one_line(root: Path) -> None:
    assert "give either --root" in refused("evaluate", "no", "cirr")
    assert "give either --root" in refused("evaluate", "no", "cirr", "--root", root, "--worlds")
    assert "--worlds goes with none" in refused("evaluate", "no", "--worlds", "--split", "val")
    assert "name a benchmark: fashioniq" in refused("evaluate", "no", "--root", root)
    assert "did you mean cirr" in refused("evaluate", "no", "CIRR", "--root", root)
    assert "no protocol 'x'" in refused("evaluate", "no", "cirr", "--root", root, "--protocol", "x")
    assert "no such folder; create" in refused("evaluate", "no", "cirr", "--root", root, "--submission", root / "no")
    (root / "file").write_text("")
    asked = ("evaluate", "no", "cirr", "--root", root, "--out")
    assert "exists and is no folder" in refused(*asked, root / "file")
    assert "the folder it is to be in does not exist; create it first" in refused(*asked, root / "no" / "deeper")


def test_a_run_that_fails_leaves_no_folder(built: Built, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> list[Path]:
        raise InputError("the disk is full")

    monkeypatch.setattr("instructcir.evaluation.card.write_card", full)
    before = set(root.iterdir())
    arguments = ("evaluate", built("llava-clip-llama"), "circo", "--root", root, "--out", root / "new")
    assert "the disk is full" in run(*arguments, rc=2).stderr
    assert set(root.iterdir()) == before


def test_a_fingerprint_tells_models_apart(loaded: Callable[..., Embedder], built: Built) -> None:
    first, other = loaded("llava-clip-llama"), loaded("qwen2-vl")
    assert fingerprint(first) == fingerprint(Embedder.load(built("llava-clip-llama"), device="cpu"))
    assert len({fingerprint(first), fingerprint(other)}) == 2
    assert fingerprint(Embedder.load(built("llava-clip-llama"), device="cpu", prompts="e5-v")) != fingerprint(first)
    changed = Embedder.load(built("llava-clip-llama"), device="cpu")
    name, weight = next(iter(changed.checkpoint.model.named_parameters()))
    weight.data.reshape(-1)[-1] += 1e-3
    assert fingerprint(changed) != fingerprint(first), name


def test_cards_are_written_and_equal_runs_compare_as_equal(built: Built, root: Path) -> None:
    cards = []
    (root / "b").mkdir()
    for name in ("a", "b"):  # a folder that is made, and one that is there
        run("evaluate", built("llava-clip-llama"), "circo", "--root", root, "--out", root / name)
        cards.append(root / name / "circo_val.json")
    assert {path.name for path in (root / "a").iterdir()} == {path.name for path in (root / "b").iterdir()}
    shown = run("compare", *cards).stdout
    assert "no query moved" in shown
    assert "moved most" not in shown
    lines = json_lines(run("compare", *cards, "--json"))
    assert lines
    assert all(line["one"] == line["other"] for line in lines)


def test_an_audit(built: Built, root: Path) -> None:
    arguments = ("evaluate", built("llava-clip-llama"), "circo", "--root", root, "--audit")
    assert "composition gap" in run(*arguments).stdout
    summary = json_lines(run(*arguments, "--json"))[-1]
    assert summary["audit"] == "summary"
    assert "circo/official" in summary["gaps"]
    assert "--audit goes with none" in refused(*arguments, "--allow-missing")


def test_what_is_asked_beside_the_scores(built: Built, root: Path) -> None:
    names = [f"dev-{number}-0-img0" for number in range(8)]
    content = {
        "paraphrases": {"70": ["in red", "red, please"]},
        "negatives": {"70": [names[2]], "71": [names[7]]},
        "captions": {"70": "a", "71": "b", "72": "c"},
    }
    arguments: list[object] = ["evaluate", built("llava-clip-llama"), "cirr", "--root", root, "--audit"]
    for name, value in content.items():
        (root / f"{name}.json").write_text(json.dumps(value))
        arguments += [f"--{name}", root / f"{name}.json"]
    shown = run(*arguments).stdout
    for title in ("Audit: ", "Paraphrases: ", "Negatives: ", "Captions: "):
        assert title in shown
    (root / "out").mkdir()
    lines = json_lines(run(*arguments, "--out", root / "out", "--json"))
    beside = read_card(root / "out" / "cirr_val.json")["beside"]
    for name in ("audit", *content):
        [summary] = [line for line in lines if line.get(name) == "summary"]
        assert {key: value for key, value in summary.items() if key not in ("benchmark", name)} == beside[name]
    assert beside["paraphrases"]["cirr/official, cirr"]["wordings"] == 2
    page = (root / "out" / "cirr_val.html").read_text(encoding="utf-8")
    for title in ("Audit: ", "Paraphrases: ", "Negatives: ", "Captions: ", "image only"):
        assert title in page
    # the shared pass gave the same scores as a run without the files
    plain = json_lines(run("evaluate", built("llava-clip-llama"), "cirr", "--root", root, "--json"))
    assert [line["values"] for line in lines if "values" in line and "audit" not in line] == [
        line["values"] for line in plain
    ]


def test_options_that_say_nothing_together(root: Path) -> None:
    arguments = ("evaluate", "no", "cirr", "--root", root)
    assert "go together; give both" in refused(*arguments, "--captions-from", "http://127.0.0.1:9/v1")
    written = (*arguments, "--captions-from", "127.0.0.1:9", "--captions-model", "m")
    assert "name it with --captions FILE.json" in refused(*written)
    assert "no http address" in refused(*written, "--captions", root / "c.json")
    assert "is for the model" in refused(*arguments, "--reference-captions", root / "r.json")
    assert "--captions is about one benchmark; name one, not 2" in refused(
        *arguments, "circo", "--captions", root / "c"
    )
    assert "--captions goes with none" in refused(*arguments, "--captions", root / "c", "--allow-missing")
    assert "--negatives" in refused("evaluate", "no", "--worlds", "--negatives", root / "c")
    assert "c.json: cannot be read" in refused(*arguments, "--captions", root / "c.json")

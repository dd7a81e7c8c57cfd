"""`instructcir score` and `instructcir submission check`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import evaluation_oracles as oracle
from cli_runs import json_lines, refused, run
from instructcir.benchmarks.registry import NAMES, load_benchmark
from tiny_benchmarks import FILES, write


def prepared(tmp_path: Path, name: str, split: str | None = None) -> tuple[Path, Path]:
    """The root of a tiny benchmark, and a file of vectors for it."""
    root = write(tmp_path / name, FILES[name]())
    oracle.save(tmp_path / "v.npz", *oracle.made_up(load_benchmark(name, root, split), 8))
    return root, tmp_path / "v.npz"


@pytest.mark.parametrize("name", NAMES)
def test_all_protocols_in_one_table(tmp_path: Path, name: str) -> None:
    root, vectors = prepared(tmp_path, name)
    shown = run("score", name, "--root", root, "--vectors", vectors).stdout
    for protocol in load_benchmark(name, root).protocols:
        assert f" {protocol.id} " in shown
    assert f"*  {name}/official " in shown
    lines = json_lines(run("score", name, "--root", root, "--vectors", vectors, "--json"))
    assert {line["protocol"] for line in lines} == {protocol.id for protocol in load_benchmark(name, root).protocols}
    for line in lines:
        for metric, value in line["values"].items():
            low, high = line["intervals"][metric]
            assert 0 <= low <= value + 1e-9
            assert value - 1e-9 <= high <= 100
    only = json_lines(
        run("score", name, "--root", root, "--vectors", vectors, "--json", "--protocol", f"{name}/official")
    )
    assert only == [line for line in lines if line["protocol"] == f"{name}/official"]


def test_incomplete_galleries(tmp_path: Path) -> None:
    root, vectors = prepared(tmp_path, "cirr")
    gallery, queries = oracle.made_up(load_benchmark("cirr", root), 8)
    oracle.save(vectors, dict(list(gallery.items())[:6]), queries)
    arguments = ("score", "cirr", "--root", root, "--vectors", vectors)
    assert "2 of 8 pictures have no vector" in refused(*arguments)
    shown = run(*arguments, "--allow-missing").stdout
    rows = [line for line in shown.splitlines() if "cirr/official" in line]
    assert all(row.endswith("INCOMPLETE: 2 images and 0 of 3 queries missing") for row in rows)


def test_rankings(tmp_path: Path) -> None:
    root, _ = prepared(tmp_path, "circo")
    path = tmp_path / "r.json"
    path.write_text(json.dumps({"0": [17, 42, 5, "900", 8, 77, 123456], "1": [5, 8, 17, 42, 77, 900, "000000123456"]}))
    lines = json_lines(run("score", "circo", "--root", root, "--ranking", path, "--json"))
    assert lines[0]["values"]["mAP@5"] == pytest.approx(75)
    removed = next(line for line in lines if line["protocol"] == "circo/removed")
    assert removed["values"]["mAP@5"] == pytest.approx(100)


def test_submissions_are_written_and_checked(tmp_path: Path) -> None:
    root, vectors = prepared(tmp_path, "cirr", "test1")
    arguments = ("score", "cirr", "--root", root, "--vectors", vectors, "--split", "test1")
    assert "its answers are not public" in refused(*arguments)
    shown = run(*arguments, "--submission", tmp_path).stdout
    assert shown.count("written, and checked as the server does") == 2
    path = tmp_path / "cirr_test1_recall.json"
    assert "good" in run("submission", "check", path, "--root", root).stdout
    found = run("submission", "check", path, rc=1)
    assert "query 70: 7 names instead of 50" in found.stdout
    assert "--root DIR" in found.stderr
    [told] = json_lines(run("submission", "check", path, "--root", root, "--json"))
    assert told == {"file": str(path), "benchmark": "cirr", "faults": [], "names_checked": True}
    path.write_text(path.read_text().replace("rc2", "rc9"))
    assert "\"version\" is 'rc9'" in run("submission", "check", path, "--root", root, rc=1).stdout


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    root, vectors = prepared(tmp_path, "cirr")
    assert "give either --vectors" in refused("score", "cirr", "--root", root)
    assert "give either --vectors" in refused(
        "score", "cirr", "--root", root, "--vectors", vectors, "--ranking", vectors
    )
    assert "goes with neither" in refused("score", "cirr", "--root", root, "--ranking", vectors, "--allow-missing")
    assert "no split 'test'" in refused("score", "cirr", "--root", root, "--vectors", vectors, "--split", "test")
    assert "no protocol 'x'" in refused("score", "cirr", "--root", root, "--vectors", vectors, "--protocol", "x")
    assert "not UTF-8" in refused("score", "cirr", "--root", root, "--ranking", vectors)
    assert "only cirr and circo" in refused("submission", "check", vectors, "--benchmark", "genecis")
    assert "--split needs --root" in refused("submission", "check", vectors, "--benchmark", "cirr", "--split", "val")
    assert "not JSON" in refused("submission", "check", vectors)


def test_negatives_of_vectors_made_elsewhere(tmp_path: Path) -> None:
    root, vectors = prepared(tmp_path, "circo")
    path = tmp_path / "n.json"
    path.write_text(json.dumps({"0": [900], "1": ["000000000077"]}))
    arguments = ("score", "circo", "--root", root, "--vectors", vectors, "--negatives", path)
    assert "negative recall" in run(*arguments).stdout
    summary = json_lines(run(*arguments, "--json"))[-1]
    assert summary["negatives"] == "summary"
    assert summary["circo/official, circo"]["recall"]["10"] == 100  # of seven pictures
    assert "--negatives goes with none" in refused(*arguments, "--allow-missing")
    ranked = ("score", "circo", "--root", root, "--ranking", path, "--negatives", path)
    assert "nor --negatives; give --vectors" in refused(*ranked)
    path.write_text(json.dumps({"0": [17]}))
    assert "n.json, '0': 17 is a correct answer of query 0; leave it out" in refused(*arguments)


@pytest.mark.parametrize("name", NAMES)
def test_published_results_are_shown_beside_with_their_sources(tmp_path: Path, name: str) -> None:
    root, vectors = prepared(tmp_path, name)
    shown = run("score", name, "--root", root, "--vectors", vectors, "--published").stdout
    assert "SEARLE (CLIP-L)" in shown
    assert "Baldrati et al., ICCV 2023" in shown
    assert "InstructCIR (" not in shown  # nobody here has read its table

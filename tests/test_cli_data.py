"""`instructcir data`: check, where, list."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli_runs import json_lines, refused, run
from instructcir.benchmarks.registry import NAMES, load_benchmark
from tiny_benchmarks import FILES, paint, write


def test_check_names_what_is_missing(tmp_path: Path) -> None:
    root = write(tmp_path, FILES["circo"]())
    paint(load_benchmark("circo", root))
    picture = root / "COCO2017_unlabeled/unlabeled2017/000000000042.jpg"
    picture.unlink()
    shown = run("data", "check", "circo", "--root", root, "--list", tmp_path / "bad.txt", rc=1)
    assert "WRONG  annotation files: 0 of 2" in shown.stdout
    assert "WRONG  unlabeled: 6 of 7 names, but officially there are 123,403" in shown.stdout
    assert "42: missing" in shown.stdout
    assert "instructcir data where circo" in shown.stderr
    assert "42\tmissing\n" in (tmp_path / "bad.txt").read_text()
    found = json_lines(run("data", "check", "circo", "--root", root, "--quick", "--json", rc=1))
    assert found[-1]["bad"] == {"42": "missing"}


@pytest.mark.parametrize("name", NAMES)
def test_where(name: str) -> None:
    shown = run("data", "where", name).stdout
    assert "licence: " in shown
    assert "https://github.com/" in shown
    assert ".json" in shown
    [told] = json_lines(run("data", "where", name, "--json"))
    assert told["page"] in shown


def test_list_tells_everything_that_needs_a_vector(tmp_path: Path) -> None:
    root = write(tmp_path, FILES["genecis"]())
    lines = [json.loads(line) for line in run("data", "list", "genecis", "--root", root).stdout.splitlines()]
    pictures = [line for line in lines if "gallery_id" in line]
    queries = [line for line in lines if "query_id" in line]
    assert {tuple(line["box"]) for line in pictures if line["gallery_id"].startswith("12@-3.5")} == {
        (-3.5, 2.25, 20, 30)
    }
    assert len(queries) == 8
    assert all(query["reference"] in {line["gallery_id"] for line in pictures} for query in queries)


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    assert "did you mean circo" in refused("data", "where", "CIRCO")
    assert "no such folder" in refused("data", "check", "cirr", "--root", tmp_path / "no")
    assert "no cirr here" in refused("data", "check", "cirr", "--root", tmp_path)
    write(tmp_path, FILES["cirr"]())
    assert "no pictures 'test'" in refused("data", "check", "cirr", "--root", tmp_path, "--split", "test")

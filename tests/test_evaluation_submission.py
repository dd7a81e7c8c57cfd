"""Submission files: what is written passes, ranks what the protocol says, and every fault of others is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evaluation_oracles as oracle
from instructcir.benchmarks.benchmark import Benchmark
from instructcir.benchmarks.registry import load_benchmark
from instructcir.errors import InputError
from instructcir.evaluation import submission_check
from instructcir.evaluation.submission import write_submissions
from instructcir.evaluation.submission_check import faults, kind_of
from instructcir.evaluation.vectors import BenchmarkVectors, read_vectors
from tiny_benchmarks import FILES, official, write

__all__ = ["official"]


def loaded(tmp_path: Path, name: str, split: str) -> tuple[Benchmark, BenchmarkVectors, dict, dict]:
    benchmark = load_benchmark(name, write(tmp_path / name, FILES[name]()), split)
    gallery, queries = oracle.made_up(benchmark, 8)
    oracle.save(tmp_path / "v.npz", gallery, queries)
    return benchmark, read_vectors(tmp_path / "v.npz", benchmark), gallery, queries


def test_cirr(tmp_path: Path) -> None:
    benchmark, vectors, gallery, queries = loaded(tmp_path, "cirr", "test1")
    [part] = benchmark.parts
    recall, subset = write_submissions(benchmark, vectors, tmp_path)
    assert (recall.name, subset.name) == ("cirr_test1_recall.json", "cirr_test1_recall_subset.json")
    lists = oracle.gallery_lists(part, "split", ["caption"], gallery, queries, removed=True)
    ids = [query.id for query in part.queries]
    assert json.loads(recall.read_text()) == {
        "version": "rc2",
        "metric": "recall",
        **dict(zip(ids, lists, strict=True)),
    }
    subsets = [names[:3] for names in oracle.cirr_subsets(part, lists)]
    assert json.loads(subset.read_text()) == {
        "version": "rc2",
        "metric": "recall_subset",
        **dict(zip(ids, subsets, strict=True)),
    }


@pytest.mark.parametrize(("protocol", "variant"), [(None, "caption"), ("circo/concept", "concept")])
def test_circo(tmp_path: Path, protocol: str | None, variant: str) -> None:
    benchmark, vectors, gallery, queries = loaded(tmp_path, "circo", "test")
    [part] = benchmark.parts
    [path] = write_submissions(benchmark, vectors, tmp_path, protocol=protocol)
    lists = oracle.gallery_lists(part, "unlabeled", [variant], gallery, queries, removed=False)
    expected = {query.id: [int(name) for name in names] for query, names in zip(part.queries, lists, strict=True)}
    assert json.loads(path.read_text()) == expected


def test_nothing_is_written_from_part_of_a_gallery(tmp_path: Path) -> None:
    benchmark, vectors, gallery, queries = loaded(tmp_path, "cirr", "test1")
    oracle.save(tmp_path / "v.npz", dict(list(gallery.items())[1:]), queries)
    with pytest.raises(InputError, match="1 of 8 pictures have no vector"):
        write_submissions(benchmark, read_vectors(tmp_path / "v.npz", benchmark), tmp_path)
    assert not list(tmp_path.glob("*.json"))
    with pytest.raises(InputError, match="no such folder"):
        write_submissions(benchmark, vectors, tmp_path / "no")
    other, other_vectors, _, _ = loaded(tmp_path, "genecis", "test")
    with pytest.raises(InputError, match="GeneCIS has no server"):
        write_submissions(other, other_vectors, tmp_path)


def good(tmp_path: Path, name: str, split: str, index: int = 0) -> tuple[Benchmark, dict[str, Any], Path]:
    benchmark, vectors, _, _ = loaded(tmp_path, name, split)
    path = write_submissions(benchmark, vectors, tmp_path)[index]
    assert faults(path, benchmark) == []
    return benchmark, json.loads(path.read_text()), path


def test_every_fault_of_a_recall_file_is_named(tmp_path: Path) -> None:
    benchmark, content, path = good(tmp_path, "cirr", "test1")
    names = content["70"]
    content |= {"version": "rc1", "metric": "recalls"}
    path.write_text(json.dumps(content))
    assert faults(path, benchmark) == [
        '"version" is \'rc1\', not "rc2"',
        '"metric" is \'recalls\', neither "recall" nor "recall_subset"',
    ]
    content |= {"version": "rc2", "metric": "recall", "70": names[:-1], "99": names, "71": "abc"}
    content["72"] = [*names[:-2], names[0], "test1-9"]
    path.write_text(json.dumps(content))
    found = faults(path, benchmark)
    assert "'99' is no query of the split" in found
    assert "query 70: 6 names instead of 7" in found
    assert "query 71: no list of names" in found
    assert f"query 72: {names[0]} is there 2 times" in found
    assert "query 72: test1-9 is none of its pictures" in found
    del content["70"]
    path.write_text(json.dumps(content)[:-1] + ', "99": []}')
    found = faults(path, benchmark)
    assert "query 70 has no list" in found
    assert "'99' is there 2 times" in found


def test_the_reference_and_strangers_to_the_image_set_are_named(tmp_path: Path) -> None:
    benchmark, content, path = good(tmp_path, "cirr", "test1", index=1)
    content["70"] = ["test1-0-0-img0", "test1-6-0-img0", "test1-1-0-img0"]
    path.write_text(json.dumps(content))
    assert faults(path, benchmark) == [
        "query 70: holds the query's own reference test1-0-0-img0",
        "query 70: test1-6-0-img0 is none of its pictures",
    ]


def test_every_fault_of_a_circo_file_is_named(tmp_path: Path) -> None:
    benchmark, content, path = good(tmp_path, "circo", "test")
    content["0"] = ["000000000900", "17", *content["0"][2:-1], "dog", 900]
    content["01"] = content.pop("1")
    path.write_text(json.dumps(content))
    found = faults(path, benchmark)
    assert "query 0: 8 names instead of 7" in found or "query 0: 900 is there 2 times" in found
    assert "query 0: 'dog' is no picture id, which are numbers" in found
    assert "query 0: dog is none of its pictures" in found
    assert not any("query 1 " in fault or "'01'" in fault for fault in found)
    content["1"] = content["01"]
    path.write_text(json.dumps(content))
    assert "query 1 is there 2 times, written differently" in faults(path, benchmark)


def test_a_large_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    benchmark, _, path = good(tmp_path, "cirr", "test1")
    monkeypatch.setattr(submission_check, "MOST_BYTES", 100)
    [fault] = faults(path, benchmark)
    assert fault.endswith("the server takes 100")


def test_without_the_benchmark_what_can_be_told_is_told(tmp_path: Path) -> None:
    _, content, path = good(tmp_path, "cirr", "test1")
    found = faults(path)
    assert "it has 3 queries; the server's split has 4,148" in found
    assert "query 70: 7 names instead of 50" in found
    assert kind_of(path) == "cirr"
    del content["version"], content["metric"]
    path.write_text(json.dumps(content))
    assert kind_of(path) == "cirr"
    lists = {str(number): list(range(50)) for number in range(800)}
    path.write_text(json.dumps(lists))
    assert kind_of(path) == "circo"
    assert faults(path) == []
    del lists["7"]
    path.write_text(json.dumps({**lists, "x": list(range(50))}))
    assert faults(path) == ["'x' is no query id, which are numbers", "query 7 has no list"]


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    for content, expected in [
        (b"[]", "no JSON object"),
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"3", "no JSON o"),
    ]:
        path.write_bytes(content)
        with pytest.raises(InputError, match=expected):
            faults(path)
    with pytest.raises(InputError, match="cannot be read"):
        faults(tmp_path / "no.json")


def test_the_makers_examples_pass(official: Path) -> None:
    test1, circo = load_benchmark("cirr", official, "test1"), load_benchmark("circo", official, "test")
    for name, benchmark in (
        ("test1_pred_ranks_recall.json", test1),
        ("test1_pred_ranks_recall_subset.json", test1),
        ("submission_test.json", circo),
    ):
        path = next(official.rglob(name))
        assert faults(path, benchmark) == []
        assert faults(path) == []


def test_files_of_the_official_size_are_taken(official: Path, tmp_path: Path) -> None:
    benchmark = load_benchmark("cirr", official, "test1")
    rng = np.random.default_rng(0)
    gallery = {name: rng.standard_normal(4).astype(np.float32) for name in benchmark.pictures}
    queries = {(query.id, "caption"): rng.standard_normal(4).astype(np.float32) for query in benchmark.parts[0].queries}
    oracle.save(tmp_path / "v.npz", gallery, queries)
    for path in write_submissions(benchmark, read_vectors(tmp_path / "v.npz", benchmark), tmp_path):
        assert path.stat().st_size < submission_check.MOST_BYTES

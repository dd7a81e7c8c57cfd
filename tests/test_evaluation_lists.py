"""Ranked lists: the same figures as from vectors, and none that a longer list could change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evaluation_oracles as oracle
from instructcir.benchmarks.benchmark import Benchmark
from instructcir.benchmarks.registry import NAMES, load_benchmark
from instructcir.errors import InputError
from instructcir.evaluation.lists import read_lists, score_lists
from instructcir.evaluation.scoring import score_vectors
from instructcir.evaluation.vectors import read_vectors
from tiny_benchmarks import FILES, official, write

__all__ = ["official"]


def tiny(tmp_path: Path, name: str) -> tuple[Benchmark, dict, dict]:
    benchmark = load_benchmark(name, write(tmp_path / name, FILES[name]()))
    return benchmark, *oracle.made_up(benchmark, 8)


def full_lists(benchmark: Benchmark, gallery: dict, queries: dict) -> dict[str, list[Any]]:
    """Rankings of the whole gallery; of GeneCIS places among the candidates."""
    found: dict[str, list[Any]] = {}
    for part in benchmark.parts:
        if not part.galleries:
            for query in part.queries:
                vector = oracle.query_vector(query, benchmark.official_wording, queries)
                scores = [float(oracle.normalised(gallery[name]) @ vector) for name in query.candidates]
                found[query.id] = sorted(range(len(scores)), key=lambda place: (-scores[place], place))
            continue
        over = next(iter(part.galleries))
        lists = oracle.gallery_lists(part, over, benchmark.official_wording, gallery, queries, removed=False)
        found |= {query.id: names for query, names in zip(part.queries, lists, strict=True)}
    return found


@pytest.mark.parametrize("name", NAMES)
def test_whole_rankings_give_what_vectors_give(tmp_path: Path, name: str) -> None:
    benchmark, gallery, queries = tiny(tmp_path, name)
    oracle.save(tmp_path / "v.npz", gallery, queries)
    expected = score_vectors(benchmark, read_vectors(tmp_path / "v.npz", benchmark))
    path = tmp_path / "r.json"
    path.write_text(json.dumps(full_lists(benchmark, gallery, queries)))
    report = score_lists(benchmark, read_lists(path, benchmark))
    same = {protocol.id for protocol in benchmark.protocols if protocol.wording == benchmark.official_wording}
    assert report.rows() == [row for row in expected.rows() if row.protocol in same]
    for one, other in zip(report.judged, (j for j in expected.judged if j.protocol.id in same), strict=True):
        assert one.ranks_Q.tolist() == other.ranks_Q.tolist()


def test_short_lists_give_no_more_than_they_can(tmp_path: Path) -> None:
    benchmark, gallery, queries = tiny(tmp_path, "cirr")
    lists = full_lists(benchmark, gallery, queries)
    path = tmp_path / "r.json"
    path.write_text(json.dumps({key: names[:3] for key, names in lists.items()}))
    report = score_lists(benchmark, read_lists(path, benchmark), protocols=["cirr/official", "cirr/kept"])
    official_row, kept = report.rows()
    assert set(kept.values) == {"recall@1", "recall@2"}
    assert set(official_row.values) == {"recall@1", "recall@2"}
    assert any("too short for recall@5, recall@10, recall@50" in note for note in report.notes)


def test_lists_of_the_image_set_are_not_taken_for_rankings_of_the_gallery(tmp_path: Path) -> None:
    benchmark, _, _ = tiny(tmp_path, "cirr")
    [part] = benchmark.parts
    path = tmp_path / "r.json"
    for header in ({"version": "rc2", "metric": "recall_subset"}, {}):
        path.write_text(json.dumps({**header, **{query.id: query.candidates[:3] for query in part.queries}}))
        report = score_lists(benchmark, read_lists(path, benchmark))
        assert {row.protocol for row in report.rows()} == {"cirr/subset", "cirr/soft-subset"}
        expected = 100 * np.mean([query.relevant[0] in query.candidates[:3] for query in part.queries])
        assert report.value("cirr/subset", "recall@3") == pytest.approx(expected)


def test_removed_references_are_suspected(tmp_path: Path) -> None:
    benchmark, gallery, queries = tiny(tmp_path, "circo")
    references = {query.id: query.reference for part in benchmark.parts for query in part.queries}
    path = tmp_path / "r.json"
    lists = full_lists(benchmark, gallery, queries)
    path.write_text(json.dumps({key: [n for n in names if n != references[key]] for key, names in lists.items()}))
    report = score_lists(benchmark, read_lists(path, benchmark), protocols=["circo/removed"])
    assert any("no list holds its own reference" in note for note in report.notes)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"71": ["dev-1-0-img0", "dev-99"]}, r"query 71: 'dev-99' is not a picture of CIRR's split val"),
        ({"71": ["dev-1-0-img0", "dev-1-0-img0"]}, r"query 71: 'dev-1-0-img0' comes twice"),
        ({"71": "dev-1-0-img0"}, r"query 71: no list of names"),
        ({"71": [1.5]}, r"query 71: no list of names"),
        ({"99": []}, r"'99' is no query of CIRR's split val"),
        ({"071": []}, r"query 71 comes twice, as '071' too"),
        ({"71": None}, r"query 71: no list of names"),
    ],
)
def test_broken_lists_are_named(tmp_path: Path, change: dict[str, Any], expected: str) -> None:
    benchmark, gallery, queries = tiny(tmp_path, "cirr")
    path = tmp_path / "r.json"
    path.write_text(json.dumps({**full_lists(benchmark, gallery, queries), **change}))
    with pytest.raises(InputError, match=f"r.json.*{expected}"):
        read_lists(path, benchmark)


def test_other_broken_files(tmp_path: Path) -> None:
    benchmark, _, _ = tiny(tmp_path, "genecis")
    path = tmp_path / "r.json"
    for content, expected in [
        ("[]", "no JSON object of query ids"),
        ("{", "not JSON"),
        ("{}", "8 of 8 queries have no list, the first focus_attribute/0"),
        ('{"focus_attribute/0": [5]}', "5 is not a place among its 5 candidates, counted from 0"),
        ('{"a": [], "a": []}', "holds 'a' twice"),
    ]:
        path.write_text(content)
        with pytest.raises(InputError, match=expected):
            read_lists(path, benchmark)


def test_the_makers_example_for_circo(official: Path) -> None:
    benchmark = load_benchmark("circo", official)
    path = next(official.rglob("submission_val.json"))
    report = score_lists(benchmark, read_lists(path, benchmark))
    [part] = benchmark.parts
    lists = [[str(name) for name in names] for names in json.loads(path.read_text()).values()]
    for k in (5, 10, 25, 50):
        expected = oracle.mean_average_precision(lists, part.queries, k)
        assert report.value("circo/official", f"mAP@{k}") == pytest.approx(expected)
        assert report.value("circo/official", f"recall@{k}") == pytest.approx(oracle.recall(lists, part.queries, k))

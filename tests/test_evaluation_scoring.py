"""Scores of vectors under every protocol, against slow oracles, on small files and on the official annotations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import evaluation_oracles as oracle
from instructcir.benchmarks.benchmark import Benchmark
from instructcir.benchmarks.registry import NAMES, load_benchmark
from instructcir.errors import InputError
from instructcir.evaluation.report import MEAN, Report
from instructcir.evaluation.scoring import score_vectors
from instructcir.evaluation.vectors import read_vectors
from tiny_benchmarks import FILES, official, write

__all__ = ["official"]


@pytest.fixture(params=["tiny", "official"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "official":
        folder: Path = request.getfixturevalue("official")
        return folder
    for name in NAMES:
        write(tmp_path / name, FILES[name]())
    return tmp_path


def scored(benchmark: Benchmark, path: Path, dimensions: int = 12) -> tuple[Report, dict, dict]:
    gallery, queries = oracle.made_up(benchmark, dimensions)
    oracle.save(path, gallery, queries)
    return score_vectors(benchmark, read_vectors(path, benchmark)), gallery, queries


def test_fashioniq(root: Path, tmp_path: Path) -> None:
    benchmark = load_benchmark("fashioniq", root)
    report, gallery, queries = scored(benchmark, tmp_path / "v.npz")
    wordings = {"official": ("and", "and-reversed"), "comma": ("comma",), "and": ("and",)}
    cases = [("official", "split", False), ("official", "union", False)]
    others = [("official", "split", True), ("and", "union", False), ("comma", "split", False)]
    for name, over, removed in cases if len(benchmark.pictures) > 1000 else [*cases, *others]:
        protocol = "/".join(["fashioniq", name, *(["union"] if over == "union" else []), *(["removed"] * removed)])
        recalls = []
        for part in benchmark.parts:
            lists = oracle.gallery_lists(part, over, wordings[name], gallery, queries, removed=removed)
            recalls.append([oracle.recall(lists, part.queries, k) for k in (10, 50)])
            for k, expected in zip((10, 50), recalls[-1], strict=True):
                assert report.value(protocol, f"recall@{k}", part.name) == pytest.approx(expected, abs=1e-9)
        assert report.value(protocol, "recall@10") == pytest.approx(np.mean([first for first, _ in recalls]))
        assert report.value(protocol, "recall@50", MEAN) == pytest.approx(np.mean([second for _, second in recalls]))


def test_cirr(root: Path, tmp_path: Path) -> None:
    benchmark = load_benchmark("cirr", root)
    [part] = benchmark.parts
    report, gallery, queries = scored(benchmark, tmp_path / "v.npz")
    removed = oracle.gallery_lists(part, "split", ["caption"], gallery, queries, removed=True)
    kept = oracle.gallery_lists(part, "split", ["caption"], gallery, queries, removed=False)
    subsets = oracle.cirr_subsets(part, removed)
    for k in (1, 2, 5, 10, 50):
        assert report.value("cirr/official", f"recall@{k}") == pytest.approx(oracle.recall(removed, part.queries, k))
        assert report.value("cirr/kept", f"recall@{k}") == pytest.approx(oracle.recall(kept, part.queries, k))
        soft = oracle.soft_recall(removed, part.queries, k)
        assert report.value("cirr/soft", f"soft_recall@{k}") == pytest.approx(soft)
    for k in (1, 2, 3):
        assert report.value("cirr/subset", f"recall@{k}") == pytest.approx(oracle.recall(subsets, part.queries, k))
        soft = oracle.soft_recall(subsets, part.queries, k)
        assert report.value("cirr/soft-subset", f"soft_recall@{k}") == pytest.approx(soft)


def test_circo(root: Path, tmp_path: Path) -> None:
    benchmark = load_benchmark("circo", root)
    [part] = benchmark.parts
    report, gallery, queries = scored(benchmark, tmp_path / "v.npz", dimensions=24)
    for protocol, variant, removed in (
        ("circo/official", "caption", False),
        ("circo/removed", "caption", True),
        ("circo/concept", "concept", False),
    ):
        lists = oracle.gallery_lists(part, "unlabeled", [variant], gallery, queries, removed=removed)
        for k in (5, 10, 25, 50):
            expected = oracle.mean_average_precision(lists, part.queries, k)
            assert report.value(protocol, f"mAP@{k}") == pytest.approx(expected)
            assert report.value(protocol, f"recall@{k}") == pytest.approx(oracle.recall(lists, part.queries, k))
        for aspect in {aspect for query in part.queries for aspect in query.aspects}:
            chosen = [number for number, query in enumerate(part.queries) if aspect in query.aspects]
            expected = oracle.mean_average_precision(
                [lists[number] for number in chosen], [part.queries[number] for number in chosen], 10
            )
            assert report.value(protocol, "mAP@10", f"aspect {aspect}") == pytest.approx(expected)


def test_genecis(root: Path, tmp_path: Path) -> None:
    benchmark = load_benchmark("genecis", root)
    report, gallery, queries = scored(benchmark, tmp_path / "v.npz")
    for k in (1, 2, 3):
        found = [oracle.genecis_recall(part, gallery, queries, k) for part in benchmark.parts]
        for part, expected in zip(benchmark.parts, found, strict=True):
            assert report.value("genecis/official", f"recall@{k}", part.name) == pytest.approx(expected)
        assert report.value("genecis/official", f"recall@{k}") == pytest.approx(np.mean(found))


def tiny(tmp_path: Path, name: str) -> tuple[Benchmark, dict, dict]:
    benchmark = load_benchmark(name, write(tmp_path / name, FILES[name]()))
    return benchmark, *oracle.made_up(benchmark, 8)


def test_ids_may_be_numbers_and_rows_in_any_order(tmp_path: Path) -> None:
    benchmark, gallery, queries = tiny(tmp_path, "circo")
    oracle.save(tmp_path / "a.npz", gallery, queries)
    backwards = dict(reversed(gallery.items()))
    numbers = np.array([int(name) for name in backwards])
    oracle.save(
        tmp_path / "b.npz", backwards, queries, gallery_ids=numbers, query_ids=np.array([int(q) for q, _ in queries])
    )
    padded = np.array([f"{int(name):012}" for name in gallery], dtype=np.bytes_)
    oracle.save(tmp_path / "c.npz", gallery, queries, gallery_ids=padded)
    rows = [score_vectors(benchmark, read_vectors(tmp_path / f"{name}.npz", benchmark)).rows() for name in "abc"]
    assert rows[0] == rows[1] == rows[2]


def test_scale_does_not_matter(tmp_path: Path) -> None:
    benchmark, gallery, queries = tiny(tmp_path, "fashioniq")
    oracle.save(tmp_path / "a.npz", gallery, queries)
    scaled = {key: vector * (3 + number) for number, (key, vector) in enumerate(queries.items())}
    oracle.save(tmp_path / "b.npz", {name: 7 * vector for name, vector in gallery.items()}, scaled)
    found = [score_vectors(benchmark, read_vectors(tmp_path / f"{name}.npz", benchmark)).rows() for name in "ab"]
    assert found[0] == found[1]


def test_several_rows_of_a_query_without_variants_are_averaged(tmp_path: Path) -> None:
    benchmark, gallery, queries = tiny(tmp_path, "fashioniq")
    oracle.save(tmp_path / "a.npz", gallery, queries)
    both = {key: vector for key, vector in queries.items() if key[1].startswith("and")}
    oracle.save(tmp_path / "b.npz", gallery, both, query_variants=None)
    variants, plain = (
        score_vectors(benchmark, read_vectors(tmp_path / f"{name}.npz", benchmark)) for name in ("a", "b")
    )
    official_rows = [row for row in variants.rows() if row.protocol.startswith("fashioniq/official")]
    assert plain.rows() == official_rows
    assert any("fashioniq/comma left out: no query vectors of comma" in note for note in plain.notes)


def test_parts_without_queries_are_left_out_and_there_is_no_mean(tmp_path: Path) -> None:
    benchmark, gallery, queries = tiny(tmp_path, "genecis")
    some = {key: vector for key, vector in queries.items() if key[0].startswith("focus")}
    oracle.save(tmp_path / "v.npz", gallery, some)
    report = score_vectors(benchmark, read_vectors(tmp_path / "v.npz", benchmark))
    assert {row.part for row in report.rows()} == {"focus_attribute", "focus_object"}
    assert any("change_attribute, change_object; so there is no mean" in note for note in report.notes)


def test_ties_are_told(tmp_path: Path) -> None:
    benchmark, gallery, queries = tiny(tmp_path, "cirr")
    same = dict.fromkeys(gallery, np.ones(8, dtype=np.float32))
    oracle.save(tmp_path / "v.npz", same, queries)
    report = score_vectors(benchmark, read_vectors(tmp_path / "v.npz", benchmark))
    assert any("in 3 queries another picture has the target's very score" in note for note in report.notes)


def test_nothing_is_scored_on_part_of_a_gallery_unless_asked_and_then_it_is_said(tmp_path: Path) -> None:
    benchmark, gallery, queries = tiny(tmp_path, "cirr")
    names = list(gallery)
    part = {name: gallery[name] for name in names if name not in (names[1], names[7])}
    fewer = {key: vector for key, vector in queries.items() if key[0] != "72"}
    oracle.save(tmp_path / "v.npz", part, fewer)
    vectors = read_vectors(tmp_path / "v.npz", benchmark)
    with pytest.raises(
        InputError, match=r"cirr: 2 of 8 pictures have no vector, the first dev-1-0-img0; 1 of 3 queries"
    ):
        score_vectors(benchmark, vectors)
    report = score_vectors(benchmark, vectors, allow_missing=True)
    row = report.rows()[0]
    assert (row.queries, row.gallery, row.missing_images, row.missing_queries) == (2, 6, 2, 1)
    assert row.remark == "INCOMPLETE: 2 images and 1 of 3 queries missing"
    # the first query's target has no vector: it is a miss, however many ranks count
    assert row.values["recall@50"] == 50
    subset = report.rows()[1]
    assert subset.missing_images == 1
    assert subset.values["recall@3"] <= 50


def test_protocols_by_name(tmp_path: Path) -> None:
    benchmark, gallery, queries = tiny(tmp_path, "fashioniq")
    over_union = {name for part in benchmark.parts for name in part.galleries["union"]}
    oracle.save(tmp_path / "v.npz", {name: gallery[name] for name in gallery if name in over_union}, queries)
    vectors = read_vectors(tmp_path / "v.npz", benchmark)
    with pytest.raises(InputError, match=r"dress: 1 of 4 pictures have no vector, the first 007.*--protocol"):
        score_vectors(benchmark, vectors)
    report = score_vectors(benchmark, vectors, protocols=["fashioniq/official/union"])
    assert {row.protocol for row in report.rows()} == {"fashioniq/official/union"}
    with pytest.raises(InputError, match="has no protocol 'VAL'; there are fashioniq/official, "):
        score_vectors(benchmark, vectors, protocols=["VAL"])


def test_hidden_answers_and_no_vectors(tmp_path: Path) -> None:
    benchmark, gallery, queries = tiny(tmp_path, "cirr")
    hidden = load_benchmark("cirr", tmp_path / "cirr", "test1")
    oracle.save(tmp_path / "v.npz", *oracle.made_up(hidden, 4))
    with pytest.raises(InputError, match="its answers are not public"):
        score_vectors(hidden, read_vectors(tmp_path / "v.npz", hidden))
    oracle.save(tmp_path / "w.npz", gallery, {("70", "caption"): queries["70", "caption"]})
    with pytest.raises(InputError, match="2 of 3 queries have no vector, the first 71"):
        score_vectors(benchmark, read_vectors(tmp_path / "w.npz", benchmark))

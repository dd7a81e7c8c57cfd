"""Pictures that must not come up, against plain recomputation."""

from __future__ import annotations

from pathlib import Path

import pytest

import evaluation_oracles as oracle
from instructcir.benchmarks.registry import load_benchmark
from instructcir.evaluation.negatives import score_negatives, section
from instructcir.evaluation.sections import lines
from instructcir.evaluation.vectors import read_vectors
from tiny_benchmarks import FILES, write


def test_circo(tmp_path: Path) -> None:
    benchmark = load_benchmark("circo", write(tmp_path / "circo", FILES["circo"]()))
    gallery, queries = oracle.made_up(benchmark, 8)
    oracle.save(tmp_path / "v.npz", gallery, queries)
    negatives = {"0": ("900", "8"), "1": ("123456", "77", "17")}
    found = score_negatives(benchmark, read_vectors(tmp_path / "v.npz", benchmark), negatives)
    assert list(found) == [("circo/official", "circo")]
    one = found["circo/official", "circo"]
    [part] = benchmark.parts
    lists = oracle.gallery_lists(part, next(iter(part.galleries)), ["caption"], gallery, queries, removed=False)
    clean = [
        [name for name in names if name not in negatives[query.id]]
        for query, names in zip(part.queries, lists, strict=True)
    ]
    assert (one.queries, one.negatives) == (2, 5)
    for k in (5, 10, 25, 50):
        came = [
            bool(set(names[:k]) & set(negatives[query.id])) for query, names in zip(part.queries, lists, strict=True)
        ]
        assert one.recall[k] == pytest.approx(100 * sum(came) / 2)
        assert one.precision[k] == pytest.approx(oracle.mean_average_precision(lists, part.queries, k))
        assert one.without[k] == pytest.approx(oracle.mean_average_precision(clean, part.queries, k))
        assert one.drop(k) >= 0
    assert max(one.drop(k) for k in one.recall) > 0
    shown = section(found)
    assert "negative recall" in "\n".join(lines(shown))
    assert shown.values["circo/official, circo"]["drop"]["5"] == pytest.approx(one.drop(5))


def test_only_what_a_protocol_ranks_counts(tmp_path: Path) -> None:
    benchmark = load_benchmark("cirr", write(tmp_path / "cirr", FILES["cirr"]()))
    gallery, queries = oracle.made_up(benchmark, 8)
    oracle.save(tmp_path / "v.npz", gallery, queries)
    vectors = read_vectors(tmp_path / "v.npz", benchmark)
    names = [f"dev-{number}-0-img0" for number in range(8)]
    # the first is query 70's reference, which is removed; the second is in no image set
    found = score_negatives(benchmark, vectors, {"70": (names[0],), "71": (names[7],), "72": (names[4],)})
    official, subset = found["cirr/official", "cirr"], found["cirr/subset", "cirr"]
    assert (official.queries, official.negatives) == (2, 2)
    assert (subset.queries, subset.negatives) == (1, 1)
    nothing = score_negatives(benchmark, vectors, {"70": (names[0],)})
    assert nothing == {}
    assert "no official protocol ranks" in "\n".join(lines(section(nothing)))


def test_genecis_ranks_a_picture_twice(tmp_path: Path) -> None:
    benchmark = load_benchmark("genecis", write(tmp_path / "g", FILES["genecis"]()))
    gallery, queries = oracle.made_up(benchmark, 8)
    oracle.save(tmp_path / "v.npz", gallery, queries)
    vectors = read_vectors(tmp_path / "v.npz", benchmark)
    found = score_negatives(benchmark, vectors, {"focus_object/0": ("3", "4")})
    one = found["genecis/official", "focus_object"]
    assert one.recall[3] == 100  # two of three candidates
    assert one.without[1] == 100  # only the target is left

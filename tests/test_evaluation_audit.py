"""The audit: single modalities, their mean, chance and lengths, against plain recomputation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import evaluation_oracles as oracle
from evaluation_oracles import Texts
from instructcir.benchmarks.benchmark import Benchmark
from instructcir.benchmarks.registry import load_benchmark
from instructcir.errors import InputError
from instructcir.evaluation.audit import AVERAGE, COMPOSED, IMAGE, TEXT, Audit, audit
from instructcir.evaluation.audit_section import section
from instructcir.evaluation.sections import lines
from instructcir.evaluation.vectors import read_vectors
from tiny_benchmarks import FILES, write


def audited(tmp_path: Path, name: str) -> tuple[Audit, Benchmark, dict, dict]:
    benchmark = load_benchmark(name, write(tmp_path / name, FILES[name]()))
    gallery, queries = oracle.made_up(benchmark, 8)
    oracle.save(tmp_path / "v.npz", gallery, queries)
    return audit(Texts(), benchmark, read_vectors(tmp_path / "v.npz", benchmark)), benchmark, gallery, queries


def test_cirr(tmp_path: Path) -> None:
    found, benchmark, gallery, queries = audited(tmp_path, "cirr")
    [part] = benchmark.parts
    single: dict[str, dict] = {COMPOSED: queries, IMAGE: {}, TEXT: {}, AVERAGE: {}}
    for query in part.queries:
        key = query.id, "caption"
        single[IMAGE][key] = gallery[query.reference]
        single[TEXT][key] = Texts.vector(query.modifications["caption"])
        single[AVERAGE][key] = oracle.normalised(gallery[query.reference]) + single[TEXT][key]
    recalls = {}
    for name, asked in single.items():
        lists = oracle.gallery_lists(part, "split", ["caption"], gallery, asked, removed=True)
        for k in (1, 2, 5):
            expected = oracle.recall(lists, part.queries, k)
            assert found.reports[name].value("cirr/official", f"recall@{k}") == pytest.approx(expected)
        recalls[name] = oracle.recall(lists, part.queries, 10)
        subset = oracle.cirr_subsets(part, lists)
        expected = oracle.recall(subset, part.queries, 1)
        assert found.reports[name].value("cirr/subset", "recall@1") == pytest.approx(expected)
    assert found.gaps["cirr/official"] == pytest.approx(recalls[COMPOSED] - max(recalls[IMAGE], recalls[TEXT]))
    assert found.bounds["cirr/official", "cirr"]["recall@1"].random == pytest.approx(100 / 7)  # without the reference
    assert found.bounds["cirr/subset", "cirr"]["recall@2"].random == pytest.approx(40)
    kept = oracle.gallery_lists(part, "split", ["caption"], gallery, queries, removed=False)
    first = [names[0] == query.reference for query, names in zip(part.queries, kept, strict=True)]
    assert found.reference_first["cirr"] == pytest.approx(100 * np.mean(first))
    assert sum(count for count, _ in found.by_length["cirr/official"].values()) == 3


@pytest.mark.parametrize("name", ["fashioniq", "circo", "genecis"])
def test_the_others(tmp_path: Path, name: str) -> None:
    found, benchmark, gallery, _ = audited(tmp_path, name)
    shown = "\n".join(lines(section(found)))
    for word in (
        f"{name}/official",
        COMPOSED,
        IMAGE,
        TEXT,
        AVERAGE,
        "composition gap",
        "at random",
        "an oracle",
        "words",
    ):
        assert word in shown
    assert found.edits == ("aspect" if name == "circo" else "kind of edit")
    if name == "circo":
        ranks = found.reports[COMPOSED].judged[0].ranks_Q
        right = 100 * float((ranks <= 10).mean())
        assert found.by_edit["circo/official"]["viewpoint"] == (2, pytest.approx(right))
    part = benchmark.parts[0]
    if part.galleries:
        over = next(iter(part.galleries))
        asked = {(query.id, "x"): gallery[query.reference] for query in part.queries}
        lists = oracle.gallery_lists(part, over, ["x"], gallery, asked, removed=False)
        expected = oracle.recall(lists, part.queries, 10)
        assert found.reports[IMAGE].value(f"{name}/official", "recall@10", part.name) == pytest.approx(expected)
    else:
        assert found.reference_first == {}


def test_references_need_vectors(tmp_path: Path) -> None:
    benchmark = load_benchmark("genecis", write(tmp_path / "g", FILES["genecis"]()))
    gallery, queries = oracle.made_up(benchmark, 8)
    del gallery["1"]
    oracle.save(tmp_path / "v.npz", gallery, queries)
    with pytest.raises(InputError, match="the reference 1 has no gallery vector"):
        audit(Texts(), benchmark, read_vectors(tmp_path / "v.npz", benchmark))

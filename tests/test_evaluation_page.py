"""The page of a run: well-formed, self-contained, true to the report, and safe against what is in the files."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import evaluation_oracles as oracle
from checked_html import Checked
from cli_runs import refused, run
from instructcir.benchmarks.benchmark import Benchmark
from instructcir.benchmarks.registry import NAMES, load_benchmark
from instructcir.evaluation.card import read_card, read_top, write_card
from instructcir.evaluation.charts import histogram, recall_curve
from instructcir.evaluation.compare import compare
from instructcir.evaluation.page import report_page
from instructcir.evaluation.report import Report
from instructcir.evaluation.scoring import score_vectors
from instructcir.evaluation.sections import Section, Table
from instructcir.evaluation.vectors import read_vectors
from tiny_benchmarks import FILES, paint, write

SECTION = Section("audit", "Audit", (Table("<how>", ("", "a"), (("x", "1"),)),), ("gap & all",), {})


@pytest.mark.parametrize("name", NAMES)
def test_the_page(tmp_path: Path, name: str) -> None:
    files = FILES[name]()
    if name == "cirr":
        files["cirr/captions/cap.rc2.val.json"][0]["caption"] = '<script>alert(1)</script> & "more"'
    benchmark = load_benchmark(name, write(tmp_path, files))
    paint(benchmark)
    next(iter(benchmark.pictures.values())).path.unlink()
    oracle.save(tmp_path / "v.npz", *oracle.made_up(benchmark, 8))
    report = score_vectors(benchmark, read_vectors(tmp_path / "v.npz", benchmark))
    page = report_page(report, benchmark, about=["model: <tiny>"], sections=[SECTION])
    checked = Checked()
    checked.feed(page)
    assert checked.open == []
    assert "<script" not in page
    assert "model: &lt;tiny&gt;" in page
    assert "gap &amp; all" in page
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    assert 'class="gone"' in page
    for row in report.rows():
        for value in row.values.values():
            assert f">{value:.2f}</td>" in page
    official = [one for one in report.judged if one.protocol.official]
    assert checked.count["svg"] == 2 * len(official)
    assert checked.count["figure"] == sum(2 + len(top) for one in official for top in one.top)
    targets = {query.id: query.relevant[0] for part in benchmark.parts for query in part.queries}
    for one in official:
        for query, top, rank in zip(one.ids, one.top, one.ranks_Q, strict=True):
            assert 1 <= rank <= len(top)
            assert top[rank - 1] == targets[query]


def test_charts_count_every_query() -> None:
    ranks = np.array([1, 1, 2, 4, 7, 60, 0, 0, 1500])
    bars = [int(n) for n in re.findall(r'class="tick">(\d+)</text><text[^>]*class="tick">', histogram(ranks))]
    assert sum(bars) == len(ranks)
    assert ">none<" in histogram(ranks)
    assert ">none<" not in histogram(np.array([1, 2]))
    assert histogram(np.zeros(3, dtype=np.int64)).count("<rect") == 2
    curve = recall_curve([("a", ranks), ("b", np.array([1]))])
    assert curve.count("<polyline") == 2


def pages_of(tmp_path: Path, name: str, seeds: tuple[int, int]) -> tuple[Benchmark, list[Report]]:
    benchmark = load_benchmark(name, write(tmp_path / name, FILES[name]()))
    paint(benchmark)
    reports = []
    for seed in seeds:
        oracle.save(tmp_path / "v.npz", *oracle.made_up(benchmark, 8, seed))
        reports.append(score_vectors(benchmark, read_vectors(tmp_path / "v.npz", benchmark)))
    return benchmark, reports


def test_the_queries_that_moved_most_from_one_way_of_asking(tmp_path: Path) -> None:
    benchmark, (composed, alone) = pages_of(tmp_path, "cirr", (0, 3))
    page = report_page(composed, benchmark, others={"image only": alone}, before="image only")
    checked = Checked()
    checked.feed(page)
    assert checked.open == []
    expected, parts = 0, set()
    for one, other in zip(composed.judged, alone.judged, strict=True):
        for before, after in zip(other.ranks_Q, one.ranks_Q, strict=True) if one.protocol.official else ():
            if before != after:
                expected += 1
                parts.add(one.protocol.id)
                kind = "up" if after < before else "down"
                assert f">image only: rank {before}</span>" in page
                assert f'<span class="chip {kind}">composed: rank {after}</span>' in page
    assert expected == len(re.findall("composed: rank", page)) > 0
    assert page.count("The queries that moved most from image only to composed") == len(parts)
    assert page.count("<polyline") == 4  # two curves for each of two official protocols
    assert '<i class="l1"></i>image only' in page


def test_the_target_the_other_answers_and_the_reference_are_marked(tmp_path: Path) -> None:
    benchmark, (report, _) = pages_of(tmp_path, "circo", (0, 1))
    page = report_page(report, benchmark)
    shown = re.findall(r'<figure(?: class="(\w+)")? title="([^"]*)">.*?<figcaption>(\d*)([^<]*)</figcaption>', page)
    hits = [(kind, name, said) for kind, name, rank, said in shown if rank]
    [part] = benchmark.parts
    official = next(one for one in report.judged if one.protocol.official)
    expected = []
    for number in np.argsort(official.ranks_Q, kind="stable"):
        query = part.queries[number]
        for name in official.top[number]:
            kind = "right" if name == query.relevant[0] else "also" if name in query.relevant else ""
            expected.append((kind or ("self" if name == query.reference else ""), name))
    assert [(kind, name) for kind, name, _ in hits] == expected
    assert {kind for kind, _ in expected} == {"right", "also", "self", ""}


def card_of(report: Report, folder: Path) -> Path:
    folder.mkdir()
    model = {"model": "tiny", "fingerprint": "f" * 64}
    return write_card(report, folder, model=model, pictures={}, seconds={"encoding": 1.0}, sections=[SECTION])[-1]


def test_the_page_of_two_runs(tmp_path: Path) -> None:
    benchmark, reports = pages_of(tmp_path, "cirr", (0, 3))
    cards = [card_of(report, tmp_path / name) for name, report in zip("ab", reports, strict=True)]
    assert "go together; give both" in refused("compare", *cards, "--page", tmp_path / "ab.html")
    run("compare", *cards, "--page", tmp_path / "ab.html", "--root", tmp_path)
    page = (tmp_path / "ab.html").read_text(encoding="utf-8")
    checked = Checked()
    checked.feed(page)
    assert checked.open == []
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    _, moved = compare(*cards)
    assert len(re.findall(">A: rank", page)) == len(moved) > 0
    for query in moved:
        assert f">A: rank {query.one}</span>" in page
        assert f">B: rank {query.other}</span>" in page
    texts = {query.id: query.modifications["caption"] for part in benchmark.parts for query in part.queries}
    assert all(texts[query.query] in page for query in moved)


def test_a_card_keeps_the_first_hits_and_what_stands_beside_the_scores(tmp_path: Path) -> None:
    _, (report, _) = pages_of(tmp_path, "cirr", (0, 1))
    path = card_of(report, tmp_path / "a")
    top = read_top(path.with_suffix(".parquet"))
    for one in report.judged:
        for query, names in zip(one.ids, one.top or [()] * len(one.ids), strict=True):
            assert top[one.protocol.id, one.part, query] == names
    assert read_card(path)["beside"] == {"audit": {}}
    text = path.with_suffix(".md").read_text(encoding="utf-8")
    assert "## Audit\n\n<how>:\n\n|  | a |\n| --- | --- |\n| x | 1 |\n\n- gap & all" in text

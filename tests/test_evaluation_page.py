"""The page of a run: well-formed, self-contained, true to the report, and safe against what is in the files."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import evaluation_oracles as oracle
from instructcir.benchmarks.registry import NAMES, load_benchmark
from instructcir.evaluation.charts import histogram, recall_curve
from instructcir.evaluation.page import report_page
from instructcir.evaluation.scoring import score_vectors
from instructcir.evaluation.sections import Section, Table
from instructcir.evaluation.vectors import read_vectors
from tiny_benchmarks import FILES, paint, write

SECTION = Section("audit", "Audit", (Table("<how>", ("", "a"), (("x", "1"),)),), ("gap & all",), {})


class Checked(HTMLParser):
    """Tags that are opened must be closed, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.count: dict[str, int] = {}

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.count[tag] = self.count.get(tag, 0) + 1
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.count[tag] = self.count.get(tag, 0) + 1

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


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

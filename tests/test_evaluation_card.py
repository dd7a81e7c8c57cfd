"""Result cards: what is written is read back, and two runs compare as their queries do."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import evaluation_oracles as oracle
from cli_runs import json_lines, refused, run
from instructcir.benchmarks.registry import load_benchmark
from instructcir.errors import InputError
from instructcir.evaluation.card import image_set_hash, read_card, read_per_query, write_card
from instructcir.evaluation.compare import compare, permutation_p
from instructcir.evaluation.report import Report
from instructcir.evaluation.scoring import score_vectors
from instructcir.evaluation.vectors import read_vectors
from tiny_benchmarks import FILES, write

MODEL = {"model": "tiny", "fingerprint": "f" * 64, "prompts": {"query": "?"}, "device": "cpu"}


def scored(tmp_path: Path, name: str, seed: int) -> Report:
    benchmark = load_benchmark(name, write(tmp_path / name, FILES[name]()))
    oracle.save(tmp_path / "v.npz", *oracle.made_up(benchmark, 8, seed))
    return score_vectors(benchmark, read_vectors(tmp_path / "v.npz", benchmark))


def written(report: Report, folder: Path) -> Path:
    folder.mkdir()
    seconds = {"encoding": 2.0, "scoring": 0.5}
    paths = write_card(report, folder, model=MODEL, pictures={"a": "1" * 64, "b": "2" * 64}, seconds=seconds)
    assert [path.suffix for path in paths] == [".parquet", ".md", ".json"]
    return paths[-1]


@pytest.mark.parametrize("name", ["fashioniq", "circo"])
def test_what_is_written_is_read_back(tmp_path: Path, name: str) -> None:
    report = scored(tmp_path, name, 0)
    path = written(report, tmp_path / "card")
    card = read_card(path)
    assert card["model"] == MODEL
    assert card["pictures_per_second"] == 1.0
    assert card["image_set"] == image_set_hash({"b": "2" * 64, "a": "1" * 64}) != image_set_hash({"a": "1" * 64})
    assert {"numpy", "torch", "instructcir"} <= card["versions"].keys()
    rows = report.rows()
    assert [row["values"] for row in card["rows"]] == [dict(row.values) for row in rows]
    assert set(card["protocols"]) == {row.protocol for row in rows}
    text = path.with_suffix(".md").read_text()
    assert f"**{rows[0].protocol}**" in text
    assert f"{next(iter(rows[0].values.values())):.2f} (" in text
    found = read_per_query(path.with_suffix(".parquet"))
    for one in report.judged:
        queries = found[one.protocol.id, one.part]
        assert list(queries) == list(one.ids)
        assert [values["rank"] or 0 for values in queries.values()] == one.ranks_Q.tolist()
        for metric, values in one.values.items():
            assert [queries[query][metric] for query in one.ids] == values.tolist()


def test_a_run_compared_with_itself_has_not_changed(tmp_path: Path) -> None:
    path = written(scored(tmp_path, "circo", 0), tmp_path / "card")
    differences, moved = compare(path, path)
    assert all(found.one == found.other and found.p == 1 and found.interval == (0, 0) for found in differences)
    assert moved == []


def test_differences_and_the_queries_that_moved(tmp_path: Path) -> None:
    first, second = (scored(tmp_path, "cirr", seed) for seed in (0, 3))
    paths = written(first, tmp_path / "a"), written(second, tmp_path / "b")
    differences, moved = compare(*paths)
    for found in differences:
        assert found.one == pytest.approx(first.value(found.protocol, found.metric, found.part))
        assert found.other == pytest.approx(second.value(found.protocol, found.metric, found.part))
        assert found.interval[0] - 1e-9 <= found.other - found.one <= found.interval[1] + 1e-9
    official = {row.protocol for row in first.rows() if row.official}
    expected = {
        (one.protocol.id, query, int(a), int(b))
        for one, other in zip(first.judged, second.judged, strict=True)
        for query, a, b in zip(one.ids, one.ranks_Q, other.ranks_Q, strict=True)
        if a != b and one.protocol.id in official
    }
    assert {(query.protocol, query.query, query.one, query.other) for query in moved} == expected
    assert expected
    shown = run("compare", *paths).stdout
    assert "cirr/official, cirr" in shown
    assert len(json_lines(run("compare", *paths, "--json"))) == len(differences) + len(moved)


def test_the_permutation_test_against_all_signs() -> None:
    differences = np.array([1.0, 0.5, 0.0, 0.25, -0.5, 1.0, 1.0])
    moving = differences[differences != 0]
    sums = [abs(np.dot(signs, moving)) for signs in product((-1, 1), repeat=len(moving))]
    exact = np.mean([total >= abs(moving.sum()) - 1e-9 for total in sums])
    assert permutation_p(differences) == pytest.approx(exact, abs=0.02)
    assert permutation_p(np.zeros(5)) == 1
    assert permutation_p(np.ones(200)) < 0.001


def test_bad_cards_are_one_line(tmp_path: Path) -> None:
    card = written(scored(tmp_path, "cirr", 0), tmp_path / "a")
    other = written(replace(scored(tmp_path, "circo", 0)), tmp_path / "b")
    assert "compare like with like" in refused("compare", card, other)
    assert "cannot be read" in refused("compare", card, tmp_path / "no.json")
    path = tmp_path / "c.json"
    path.write_text("[")
    assert "no result card" in refused("compare", path, card)
    path.write_text(json.dumps({"format": 99}))
    assert "no result card of this version" in refused("compare", path, card)
    card.with_suffix(".parquet").unlink()
    with pytest.raises(InputError, match="no file of per-query results"):
        compare(card, card)
    card.with_suffix(".parquet").write_bytes(b"text")
    with pytest.raises(InputError, match="no file of per-query results"):
        compare(card, card)
    with pytest.raises(InputError, match="no such folder"):
        write_card(scored(tmp_path, "cirr", 0), tmp_path / "no", model=MODEL, pictures={}, seconds={"encoding": 1.0})


def test_the_parquet_file_opens_in_anything(tmp_path: Path) -> None:
    path = written(scored(tmp_path, "genecis", 0), tmp_path / "a")
    table = pq.read_table(path.with_suffix(".parquet"))
    assert table.column_names[:4] == ["protocol", "part", "query", "rank"]
    assert table.num_rows == 2 * 8

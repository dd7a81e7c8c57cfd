"""A graph proposes, exact scores decide: recall measured, filters kept, later rows found, nothing used unproved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cli_runs import json_lines, run
from index_writer import DIMENSION, identity
from instructcir.errors import StoreError
from instructcir.index import approximate, tuning
from instructcir.index.approximate import Approximate
from instructcir.index.health import status_of
from instructcir.index.manifest import Manifest
from instructcir.index.reader import Gallery
from instructcir.index.table import PictureTable, own_schema
from instructcir.index.tuning import build, drop, is_due, sample_queries
from instructcir.index.vectors import Storage, pack
from instructcir.search.ranked import ranked

COUNT = 1200


def drawn(count: int, seed: int = 0) -> Any:
    made = np.random.default_rng(seed).normal(size=(count, DIMENSION)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def rows_of(table: PictureTable, vectors_ND: Any, first: int, storage: Storage = "float16") -> Any:
    numbers = range(first, first + len(vectors_ND))
    vectors, scales = pack(vectors_ND, storage)
    columns: dict[str, Any] = {name: [0] * len(vectors_ND) for name in table.schema.names}
    columns |= {"id": [f"{n:016x}" for n in numbers], "digest": [f"{n:064x}" for n in numbers]}
    columns |= {"path": [f"/photos/{n}.jpg" for n in numbers], "thumbnail": [b""] * len(vectors_ND)}
    columns |= {"size": list(numbers), "vector": vectors, "scale": scales}
    arrays = [
        columns[field.name] if field.name in ("vector", "scale") else pa.array(columns[field.name], field.type)
        for field in table.schema
    ]
    return pa.table(arrays, schema=table.schema)


def stored(folder: Path, storage: Storage = "float16") -> Path:
    folder.mkdir()
    table = PictureTable.create(folder, own_schema(DIMENSION, storage))
    table.write(rows_of(table, drawn(COUNT), 0, storage))
    Manifest.new(identity(), storage).write(folder)
    return folder


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = stored(tmp_path_factory.mktemp("graph") / "index")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tuning, "ROWS_A_PARTITION", 400)
        build(folder)
    return folder


def ids(answer: Any) -> list[str]:
    return [hit.id for hit in answer]


def test_what_is_written_down_is_what_a_query_gets(index: Path) -> None:
    gallery, known = Gallery(index), Approximate.read(index)
    assert known is not None
    assert (known.partitions, known.rows, known.serves) == (3, COUNT, True)
    view = gallery.view
    found = 0
    queries = sample_queries(view, 40, seed=5)
    for query in queries:
        truth = set(np.argsort(-(view.vectors_GD @ query))[:10].tolist())
        numbers, scores = view.nearest(query, 10, known.probes, known.effort)
        np.testing.assert_allclose(scores, view.vectors_GD[numbers] @ query, atol=1e-6)
        assert scores.tolist() == sorted(scores.tolist(), reverse=True)
        found += len(truth & set(numbers.tolist()))
    assert found / 400 > known.target - 0.03
    told = json_lines(run("status", index, "--json"))[0]["search"]
    assert told.startswith(
        f"approximate: recall@10 {known.recall:.4f} against the exact ranking (target 0.98, 100 quer"
    )
    assert "1,200 rows, 0 beside them" in told


def test_an_answer_is_the_exact_one_and_filters_hold(index: Path) -> None:
    gallery = Gallery(index)
    assert gallery.view.graph is not None
    query = drawn(1, seed=7)[0]
    for options in ({}, {"where": "size >= 300 and size < 310"}, {"excluded": ["0" * 16]}, {"diversity": 0.4}):
        near, exact = (ranked(gallery, query, 8, exact=truth, **options) for truth in (False, True))
        assert len(set(ids(near)) & set(ids(exact))) >= 7, options
        assert near[0].score == pytest.approx(exact[0].score, abs=1e-6)
        assert near[0].percentile == pytest.approx(exact[0].percentile)
    few = ranked(gallery, query, 50, where="size < 12")
    assert sorted(ids(few)) == [f"{n:016x}" for n in range(12)]
    with pytest.raises(StoreError, match="columns are id"):
        ranked(gallery, query, 5, where="prize < 3")


def test_a_filter_that_leaves_many_is_asked_of_the_graph(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("instructcir.search.candidates._FEW_BYTES", 0)
    gallery, query = Gallery(index), drawn(1, seed=8)[0]
    near, exact = (ranked(gallery, query, 10, where="size < 600", exact=truth) for truth in (False, True))
    assert len(set(ids(near)) & set(ids(exact))) >= 9
    assert len(ranked(gallery, query, 700, where="size < 600")) == 600


def test_rows_that_came_later_are_found(tmp_path: Path) -> None:
    folder = stored(tmp_path / "index")
    build(folder)
    gallery, late = Gallery(folder), drawn(3, seed=9)
    table = PictureTable.open(folder)
    table.write(rows_of(table, late, COUNT))
    table.delete([f"{5:016x}"])
    assert gallery.refresh()
    for number, query in enumerate(late):
        assert ids(ranked(gallery, query, 1)) == [f"{COUNT + number:016x}"]
    gone = drawn(COUNT)[5]
    assert f"{5:016x}" not in ids(ranked(gallery, gone, 20))
    assert status_of(folder).outside_graph == 3
    PictureTable.open(folder).compact()
    assert gallery.refresh()
    assert ids(ranked(gallery, late[1], 1)) == [f"{COUNT + 1:016x}"]


def test_it_is_built_above_a_size_and_anew_when_much_has_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = stored(tmp_path / "index")
    assert not is_due(folder)
    monkeypatch.setattr(approximate, "LARGE_BYTES", COUNT * DIMENSION * 4)
    assert is_due(folder)
    assert "approximate search: recall@10" in run("compact", folder).stdout
    assert not is_due(folder)
    table = PictureTable.open(folder)
    table.write(rows_of(table, drawn(COUNT // 6, seed=1), COUNT))
    assert is_due(folder)
    assert "MB now" in run("compact", folder, "--exact").stdout
    assert (Gallery(folder).view.graph, status_of(folder).graph) == (None, None)


def test_its_steps_are_told_and_how_long_a_large_one_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = stored(tmp_path / "index")
    told: list[tuple[str, float | None]] = []
    build(folder, on_step=lambda text, seconds: told.append((text, seconds)))
    assert told[0] == ("building a graph over 1,200 pictures", None)
    assert told[-1][0].startswith("measuring its recall at effort ")
    monkeypatch.setattr(tuning, "PILOT", 256)
    monkeypatch.setattr(tuning, "_LARGE", 4)
    monkeypatch.setattr(tuning.time, "perf_counter", iter(range(10**6)).__next__)  # each build takes a second
    told.clear()
    build(folder, on_step=lambda text, seconds: told.append((text, seconds)))
    first, second = told[:2]
    assert first[0].startswith("building one over 256 pictures")
    assert second[1] == pytest.approx(1200 * np.log(1200) / (256 * np.log(256)))


def test_a_graph_that_falls_short_or_was_not_measured_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = stored(tmp_path / "index")
    short = build(folder, target=1.01)
    assert (short.serves, short.effort) == (False, 1280)
    assert Gallery(folder).view.graph is None
    assert "falls short" in json_lines(run("status", folder, "--json"))[0]["search"]
    build(folder)
    gallery = Gallery(folder)

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tuning, "_tuned", killed)
    with pytest.raises(KeyboardInterrupt):
        build(folder)
    gallery.refresh()
    assert gallery.view.graph is None
    drop(folder)


def test_what_cannot_have_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="a graph takes float16"):
        build(stored(tmp_path / "small", "int8"))
    assert not is_due(tmp_path / "small")

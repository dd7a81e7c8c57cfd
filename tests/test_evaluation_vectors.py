"""Vector files that cannot be right: one line with the file, the row and what to do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evaluation_oracles as oracle
from instructcir.benchmarks.benchmark import Benchmark
from instructcir.benchmarks.registry import load_benchmark
from instructcir.errors import InputError
from instructcir.evaluation.vectors import read_vectors, unit
from tiny_benchmarks import FILES, write


@pytest.fixture
def fashioniq(tmp_path: Path) -> Benchmark:
    return load_benchmark("fashioniq", write(tmp_path / "f", FILES["fashioniq"]()))


def changed(vectors: np.ndarray, row: int, value: float) -> np.ndarray:
    copy = vectors.copy()
    copy[row, 1] = value
    return copy


def cases(gallery: dict[str, np.ndarray], queries: dict[tuple[str, str], np.ndarray]) -> list[tuple[Any, str]]:
    names, keys = list(gallery), list(queries)
    vectors, asked = np.stack(list(gallery.values())), np.stack(list(queries.values()))
    ids = np.array([query for query, _ in keys])
    variants = np.array([variant for _, variant in keys])
    return [
        ({"gallery_ids": None}, "holds no array gallery_ids"),
        ({"query_vectors": None}, "holds no array query_vectors"),
        ({"gallery_vectors": changed(vectors, 3, np.nan)}, rf"gallery vector 3 \({names[3]}\) holds NaN"),
        ({"gallery_vectors": changed(vectors, 3, np.inf)}, rf"gallery vector 3 \({names[3]}\) holds NaN or infinity"),
        ({"query_vectors": asked * (np.arange(len(asked)) != 5)[:, None]}, r"query vector 5 \(dress/1\) is zero"),
        ({"query_vectors": asked[:, :4]}, "gallery_vectors have 8 dimensions and query_vectors 4"),
        ({"gallery_vectors": vectors[0]}, r"gallery_vectors is of shape \(8,\)"),
        ({"gallery_vectors": vectors.astype(int)}, "of type int64|type int64; give"),
        ({"gallery_vectors": vectors[1:]}, "10 gallery_ids for 9 vectors"),
        ({"gallery_ids": np.array([*names[1:], "W77"])}, r"gallery_ids\[9\] is 'W77', not a picture of Fash"),
        ({"gallery_ids": np.array([*names[:9], names[2]])}, rf"gallery_ids\[9\] is '{names[2]}', which row 2"),
        ({"gallery_ids": np.array([names])}, r"gallery_ids is of shape \(1, 10\)"),
        ({"gallery_ids": np.linspace(0, 1, 10)}, "type float64; give a list of ids"),
        ({"query_ids": np.array(["dress/9", *ids[1:]])}, r"query_ids\[0\] is 'dress/9', not a query of"),
        ({"query_variants": np.array(["red", *variants[1:]])}, r"query_variants\[0\] is 'red'; FashionIQ has and, "),
        ({"query_variants": variants[1:]}, r"23 query_variants for 24 query_ids"),
        ({"query_variants": np.array(["comma", *variants[1:]])}, "query dress/0, variant comma, comes twice"),
        ({"query_variants": None}, "query dress/0 comes 4 times .*give every query once, or 2 times"),
        ({"gallery_ids": np.array(names, dtype=object)}, "no .npz archive of plain arrays"),
    ]  # fmt: skip


@pytest.mark.parametrize("number", range(19))
def test_what_is_wrong_is_named(tmp_path: Path, fashioniq: Benchmark, number: int) -> None:
    gallery, queries = oracle.made_up(fashioniq, 8)
    change, expected = cases(gallery, queries)[number]
    path = tmp_path / "v.npz"
    oracle.save(path, gallery, queries, **change)
    with pytest.raises(InputError) as caught:
        read_vectors(path, fashioniq)
    assert re.search(expected, str(caught.value)), caught.value
    assert "v.npz" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_cases_are_run(fashioniq: Benchmark) -> None:
    assert len(cases(*oracle.made_up(fashioniq, 8))) == 19


def test_files_that_are_none(tmp_path: Path, fashioniq: Benchmark) -> None:
    path = tmp_path / "v.npz"
    with pytest.raises(InputError, match=r"cannot be read \(No such file"):
        read_vectors(path, fashioniq)
    for content in (b"", b"PK\x03\x04 broken", b"text"):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"no .npz archive of plain arrays"):
            read_vectors(path, fashioniq)
    np.save(tmp_path / "one.npy", np.ones(3))
    with pytest.raises(InputError, match=r"one array, not an .npz archive"):
        read_vectors(tmp_path / "one.npy", fashioniq)
    oracle.save(path, *oracle.made_up(fashioniq, 8))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match=r"v.npz"):
        read_vectors(path, fashioniq)


def test_numbers_too_large_for_single_precision_are_refused_by_name(tmp_path: Path, fashioniq: Benchmark) -> None:
    gallery, queries = oracle.made_up(fashioniq, 8)
    huge = np.stack(list(queries.values())).astype(np.float64)
    huge[1] *= 1e300
    oracle.save(tmp_path / "v.npz", gallery, queries, query_vectors=huge)
    with pytest.raises(InputError, match=r"query vector 1 \(.*\) holds NaN or infinity"):
        read_vectors(tmp_path / "v.npz", fashioniq)


def test_vectors_that_cancel_each_other_out_have_no_mean(tmp_path: Path, fashioniq: Benchmark) -> None:
    gallery, queries = oracle.made_up(fashioniq, 8)
    queries["shirt/1", "and-reversed"] = -2 * queries["shirt/1", "and"]
    oracle.save(tmp_path / "v.npz", gallery, queries)
    vectors = read_vectors(tmp_path / "v.npz", fashioniq)
    with pytest.raises(InputError, match=r"query vector 0 \(shirt/1\) is zero"):
        vectors.worded(["shirt/1"], ("and", "and-reversed"))


def test_unit_vectors_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("instructcir.evaluation.vectors._ROWS_AT_ONCE", 4)
    vectors = np.random.default_rng(0).standard_normal((11, 5)).astype(np.float32)
    expected = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert unit(vectors, ["x"] * 11, "a") == pytest.approx(expected)
    assert unit(vectors, ["x"] * 11, "a", in_place=True) is vectors
    assert vectors == pytest.approx(expected)
    vectors[9] = 0
    with pytest.raises(InputError, match=r"a vector 9 \(n\) is zero"):
        unit(vectors, [*"abcdefghi", "n", "k"], "a")

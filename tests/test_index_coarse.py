"""Eight bits beside the vectors: bounds hold at odd sizes, and the ranking, ties and percentiles are the exact ones."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from instructcir.index import coarse
from instructcir.index.coarse import Coarse, Estimates
from instructcir.index.manifest import Identity, Manifest
from instructcir.index.reader import Gallery, View
from instructcir.index.table import PictureTable, own_schema
from instructcir.index.vectors import pack
from instructcir.search import candidates as ways
from instructcir.search.candidates import Candidates, Everything, Narrowed, candidates
from instructcir.search.ranked import ranked

# shapes: G gallery, Q queries, D dimensions
COUNT, DIMENSION = 1501, 37


@pytest.fixture(autouse=True)
def _small_galleries_count_on_any_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coarse, "WORTH_BYTES", 1)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")


def drawn(count: int, dimension: int, seed: int = 0) -> Any:
    made = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def kept(folder: Path, vectors_GD: Any) -> Coarse:
    coarse.write(folder, vectors_GD)
    return Coarse.read(folder)


def rows_of(table: PictureTable, vectors_GD: Any, first: int = 0) -> Any:
    numbers = range(first, first + len(vectors_GD))
    vectors, scales = pack(vectors_GD, "float16")
    columns: dict[str, Any] = {name: [0] * len(vectors_GD) for name in table.schema.names}
    columns |= {"id": [f"{n:016x}" for n in numbers], "digest": [f"{n:064x}" for n in numbers]}
    columns |= {"path": [f"/photos/{n}.jpg" for n in numbers], "thumbnail": [b""] * len(numbers), "size": list(numbers)}
    columns |= {"vector": vectors, "scale": scales}
    arrays = [
        columns[field.name] if field.name in ("vector", "scale") else pa.array(columns[field.name], field.type)
        for field in table.schema
    ]
    return pa.table(arrays, schema=table.schema)


def stored(folder: Path, vectors_GD: Any) -> Path:
    folder.mkdir()
    table = PictureTable.create(folder, own_schema(vectors_GD.shape[1], "float16"))
    table.write(rows_of(table, vectors_GD))
    probe = [[1.0] + [0.0] * (vectors_GD.shape[1] - 1)]
    Manifest.new(Identity("drawn", "0" * 64, {}, {}, vectors_GD.shape[1], probe), "float16").write(folder)
    return folder


def naive(view: View, query_D: Any, left_G: Any, depth: int) -> tuple[list[int], Any]:
    scores_G = np.einsum("gd,d->g", view.vectors_GD, query_D)
    order_G = [number for number in np.argsort(-scores_G, kind="stable") if left_G[number]]
    return order_G[:depth], scores_G


def check(view: View, query_D: Any, depth: int, own: tuple[int, ...] = ()) -> Candidates:
    found = candidates(view, query_D, None, own, exact=False)
    left_G = np.ones(len(view), dtype=bool)
    left_G[list(own)] = False
    expected, scores_G = naive(view, query_D, left_G, depth)
    numbers_N, scores_N = found.best(depth)
    assert numbers_N.tolist() == expected
    np.testing.assert_allclose(scores_N, scores_G[expected], atol=1e-6)
    lower_N = [np.count_nonzero(scores_G < score) / len(view) * 100 for score in scores_G[expected]]
    np.testing.assert_allclose(found.percentiles(scores_N), lower_N, atol=1e-9)
    assert len(found.noise) == found.stands_for == len(view) - len(set(own))
    return found


@pytest.mark.parametrize("rows", [1, 2, 7, 101, 8193])
@pytest.mark.parametrize("dimension", [5, 32, 37, 300])
@pytest.mark.parametrize("queries", [1, 3, 5])
def test_scores_are_within_their_bounds(
    rows: int, dimension: int, queries: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coarse, "_NUMBERS_AT_ONCE", 100 * dimension)  # in pieces, the last one shorter
    vectors_GD, queries_QD = drawn(rows, dimension), drawn(queries, dimension, seed=1)
    vectors_GD[0] = np.eye(dimension)[-1]  # its other numbers are all rounded to zero
    queries_QD[-1] = vectors_GD[rows // 2]
    found = kept(tmp_path, vectors_GD)
    scores_QG = found.products(queries_QD)
    for query_D, scores_G in zip(queries_QD, scores_QG, strict=True):
        np.testing.assert_array_equal(found.products(query_D), scores_G)
        exact_G = vectors_GD.astype(np.float64) @ query_D
        estimates = Estimates(query_D, scores_G, found.losses_B, found.most_lost)
        bounds_G = estimates.bounds(slice(None))
        assert (np.abs(exact_G - scores_G) <= bounds_G).all()
        assert bounds_G.max() < 0.03, "bounds that are so wide tell nothing"
        for least in (-0.3, 0.0, float(np.median(exact_G)), float(exact_G.max())):
            reach = np.flatnonzero(exact_G >= least)
            told = estimates.may_reach(least)
            assert set(reach) <= set(told.tolist())
            assert (exact_G[told] >= least - 2 * bounds_G.max()).all()


def test_rounding_is_that_of_torch() -> None:
    numbers = np.random.default_rng(0).normal(size=9999).astype(np.float32)
    numbers[:2] = np.array([0x3F808000, 0x3F818000], dtype=np.uint32).view(np.float32)  # half way
    np.testing.assert_array_equal(coarse._in_bfloat16(numbers), torch.from_numpy(numbers).bfloat16().float().numpy())


@pytest.fixture(scope="module")
def vectors_GD() -> Any:
    made = drawn(COUNT, DIMENSION)
    made[1000:1040] = made[3]  # of equals the first in the gallery comes first
    return made


@pytest.fixture
def view(tmp_path: Path, vectors_GD: Any) -> View:
    return Gallery(stored(tmp_path / "index", vectors_GD)).view


def test_the_ranking_is_the_naive_one(view: View) -> None:
    for number, query_D in enumerate([*drawn(5, DIMENSION, seed=2), view.vectors([3])[0]]):
        for depth in (1, 10, 25, COUNT + 5):
            assert isinstance(check(view, query_D, depth), Narrowed)
            check(view, query_D, depth, own=(3, 1001, number))
        filtered = candidates(view, query_D, "size >= 400 and size < 411", (), exact=False)
        assert sorted(filtered.best(12)[0]) == list(range(400, 411))


def test_few_are_scored_exactly_and_all_where_many_may_be_best(
    view: View, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    one_by_one, all_at_once = View.exact_scores, View.scores

    def some(self: View, query_D: Any, numbers_N: Any) -> Any:
        asked.append(len(numbers_N))
        return one_by_one(self, query_D, numbers_N)

    def every(self: View, query_D: Any) -> Any:
        asked.append(len(self))
        return all_at_once(self, query_D)

    monkeypatch.setattr(View, "exact_scores", some)
    monkeypatch.setattr(View, "scores", every)
    check(view, drawn(1, DIMENSION, seed=4)[0], 10)
    assert max(asked) < COUNT // 16
    alike_GD = drawn(1, DIMENSION) + 1e-3 * drawn(COUNT, DIMENSION, seed=5)
    alike_GD /= np.linalg.norm(alike_GD, axis=1, keepdims=True)
    alike = Gallery(stored(tmp_path / "alike", alike_GD)).view
    query_D = drawn(1, DIMENSION, seed=6)[0]
    asked.clear()
    found = candidates(alike, query_D, None, (), exact=False)
    plain = Everything(alike, query_D, None, ())
    scores_N = plain.best(10)[1]
    np.testing.assert_array_equal(found.best(10), plain.best(10))
    np.testing.assert_array_equal(found.percentiles(scores_N), plain.percentiles(scores_N))
    assert COUNT in asked


def test_rows_that_came_later_and_rows_that_are_gone(tmp_path: Path, vectors_GD: Any) -> None:
    folder = stored(tmp_path / "index", vectors_GD)
    gallery, late_GD = Gallery(folder), drawn(9, DIMENSION, seed=7)
    table = PictureTable.open(folder)
    table.write(rows_of(table, late_GD, COUNT))
    table.delete([f"{number:016x}" for number in (0, 3, 700)])
    assert gallery.refresh()
    for query_D in (late_GD[2], vectors_GD[3], drawn(1, DIMENSION, seed=8)[0]):
        assert isinstance(check(gallery.view, query_D, 15), Narrowed)
    several_QD = np.repeat(late_GD, 2, axis=0)
    stored_vectors = gallery.view._vectors
    np.testing.assert_array_equal(stored_vectors.quick_products(several_QD), stored_vectors.products(several_QD))


def test_an_answer_is_the_same_without(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    query_D = view.vectors([3])[0]
    quick = ranked(view, query_D, 8, excluded=["0" * 16])
    monkeypatch.setattr(View, "estimates", lambda *_: None)
    plain = ranked(view, query_D, 8, excluded=["0" * 16])
    assert [hit.id for hit in quick] == [hit.id for hit in plain]
    assert [hit.duplicates for hit in quick] == [hit.duplicates for hit in plain]
    assert len(quick[0].duplicates) == 40
    np.testing.assert_allclose([h.percentile for h in quick], [h.percentile for h in plain], atol=1e-9)
    np.testing.assert_allclose([h.score for h in quick], [h.score for h in plain], atol=1e-6)


@pytest.mark.parametrize("broken", ["wrong", "raises", "slow"])
def test_a_product_that_is_not_as_expected_is_not_used(
    broken: str, view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = Coarse.products

    def product(self: Coarse, queries: Any) -> Any:
        if broken == "raises":
            raise RuntimeError("no such kernel")
        return right(self, queries) * 1.1

    if broken == "slow":
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")
    else:
        monkeypatch.setattr(Coarse, "products", product)
    query_D = view.vectors([5])[0]
    found = candidates(view, query_D, None, (), exact=False)
    assert isinstance(found, Everything)
    assert found.best(1)[0].tolist() == [5]


def test_caches_of_earlier_versions_get_them_and_small_galleries_have_none(
    tmp_path: Path, vectors_GD: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = stored(tmp_path / "index", vectors_GD)
    monkeypatch.setattr(coarse, "WORTH_BYTES", vectors_GD.nbytes + 1)
    assert Gallery(folder).view.estimates(vectors_GD[0]) is None
    [cache] = (folder / "cache").iterdir()
    assert not (cache / "codes.npy").exists()
    monkeypatch.setattr(coarse, "WORTH_BYTES", vectors_GD.nbytes)
    assert isinstance(check(Gallery(folder).view, vectors_GD[0], 10), Narrowed)
    assert (cache / "codes.npy").exists()
    shutil.rmtree(folder / "cache")
    monkeypatch.setattr(ways, "_ONE_BY_ONE", 10**6)  # always exactly
    plain = candidates(Gallery(folder).view, vectors_GD[0], None, (), exact=False)
    assert plain.best(1)[0].tolist() == [0]

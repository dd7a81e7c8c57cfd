"""Ranking against a naive sort, at odd sizes and with as many ties as possible."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from instructcir import ranking
from instructcir.errors import InputError
from instructcir.ranking import blocked_top_k, top_k


def naive_top_k(scores_QG: np.ndarray, k: int) -> tuple[list[list[int]], list[list[float]]]:
    """Sort every row in plain Python: by falling score, then by rising index."""
    orders = [sorted(range(len(row)), key=lambda g: (-row[g], g))[:k] for row in scores_QG.tolist()]
    return orders, [[float(row[g]) for g in order] for row, order in zip(scores_QG, orders, strict=True)]


def assert_same(found: tuple[np.ndarray, np.ndarray], scores_QG: np.ndarray, k: int) -> None:
    indices, scores = naive_top_k(scores_QG, k)
    assert found[0].dtype == np.int64
    assert found[0].shape == found[1].shape == (len(scores_QG), min(k, scores_QG.shape[1]))
    assert found[0].tolist() == indices
    assert found[1].tolist() == scores


@pytest.mark.parametrize(("queries", "gallery"), [(1, 1), (3, 7), (5, 101), (2, 997), (0, 5), (4, 0)])
@pytest.mark.parametrize("k", [1, 2, 7, 50, 1000])
@pytest.mark.parametrize("levels", [1, 2, 5, 10_000])
def test_top_k_equals_a_naive_sort(queries: int, gallery: int, k: int, levels: int) -> None:
    generator = np.random.default_rng(queries * 1000 + gallery + k)
    scores_QG = generator.integers(-levels, levels, (queries, gallery), endpoint=True) / np.float32(4)
    assert_same(top_k(scores_QG, k), scores_QG, k)


@pytest.mark.parametrize("levels", [1, 3, 10_000])
@pytest.mark.parametrize("k", [1, 9, 1500, 20_011])
def test_top_k_of_long_rows_equals_a_naive_sort(levels: int, k: int) -> None:
    generator = np.random.default_rng(levels + k)
    scores_QG = generator.integers(-levels, levels, (3, 20_011), endpoint=True) / np.float32(4)
    scores_QG[1].sort()  # the best ones last, where a sample from the beginning would tell nothing
    scores_QG[2, 5000:] = -np.inf
    assert_same(top_k(scores_QG, k), scores_QG, k)


@pytest.mark.parametrize("where", [0, 3, 20_010])
def test_top_k_refuses_nan_in_long_rows(where: int) -> None:
    scores_QG = np.random.default_rng(0).standard_normal((2, 20_011))
    scores_QG[1, where] = np.nan
    with pytest.raises(InputError, match="row 1 holds NaN"):
        top_k(scores_QG, 5)


def test_ties_at_the_boundary_go_to_the_lower_index() -> None:
    scores_QG = np.array([[1, 3, 2, 2, 2, 2, 3, 0]], dtype=np.float32)
    indices, scores = top_k(scores_QG, 4)
    assert indices.tolist() == [[1, 6, 2, 3]]
    assert scores.tolist() == [[3, 3, 2, 2]]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_top_k_keeps_the_scores_type_and_infinities(dtype: type[np.floating]) -> None:
    scores_QG = np.array([[0, -np.inf, np.inf, -np.inf, -1]], dtype=dtype)
    found = top_k(scores_QG, 5)
    assert found[1].dtype == dtype
    assert_same(found, scores_QG, 5)


def test_top_k_takes_unsigned_integers() -> None:
    scores_QG = np.array([[0, 200, 255, 3]], dtype=np.uint8)  # minus 0 would be the lowest of them, and so rank first
    assert_same(top_k(scores_QG, 4), scores_QG, 4)


def test_top_k_never_sorts_the_gallery(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    lexsort = np.lexsort
    monkeypatch.setattr(np, "lexsort", lambda keys: (sizes.append(len(keys[0])), lexsort(keys))[1])
    monkeypatch.setattr(np, "argsort", lambda *arguments, **options: pytest.fail("argsort"))
    top_k(np.zeros((2, 5001), dtype=np.float32), 10)
    assert sizes == [10, 10]


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("where", [0, 3, 4])
def test_top_k_refuses_nan(k: int, where: int) -> None:
    scores_QG = np.ones((3, 5), dtype=np.float32)
    scores_QG[2, where] = np.nan
    with pytest.raises(InputError, match="row 2 holds NaN"):
        top_k(scores_QG, k)


def test_top_k_refuses_odd_arguments() -> None:
    with pytest.raises(InputError, match="k is 0; it must be at least 1"):
        top_k(np.zeros((1, 3)), 0)
    with pytest.raises(InputError, match=r"expected a matrix \(2 axes\), got shape \(3,\)"):
        top_k(np.zeros(3), 1)


def whole_vectors(generator: np.random.Generator, rows: int, dtype: type) -> np.ndarray:
    """Vectors of small whole numbers: their products are exact, so blocks cannot differ by rounding."""
    return generator.integers(-2, 3, (rows, 5)).astype(dtype)


@pytest.mark.parametrize(("queries", "gallery"), [(1, 1), (3, 7), (515, 101), (2, 1003), (0, 5), (4, 0)])
@pytest.mark.parametrize("block", [1, 7, 64, 5000])
@pytest.mark.parametrize("k", [1, 10])
def test_blocked_equals_a_naive_sort_of_all_scores(queries: int, gallery: int, block: int, k: int) -> None:
    generator = np.random.default_rng(block + k)
    queries_QD = whole_vectors(generator, queries, np.float32)
    gallery_GD = whole_vectors(generator, gallery, np.float16)
    found = blocked_top_k(queries_QD, gallery_GD, k, block=block)
    assert found[1].dtype == np.float32
    assert_same(found, queries_QD @ gallery_GD.astype(np.float32).T, k)


def test_blocked_holds_one_small_piece_of_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes: list[tuple[int, ...]] = []
    monkeypatch.setattr(ranking, "top_k", lambda scores, k: (shapes.append(scores.shape), top_k(scores, k))[1])
    blocked_top_k(np.ones((600, 3)), np.ones((1000, 3)), k=4, block=100)
    assert max(columns for _, columns in shapes) == 100
    assert max(rows * columns for rows, columns in shapes) == 256 * 100


def test_blocked_reads_a_mapped_gallery(tmp_path: Path) -> None:
    gallery_GD = whole_vectors(np.random.default_rng(0), 301, np.float32)
    np.save(tmp_path / "gallery.npy", gallery_GD)
    mapped = np.load(tmp_path / "gallery.npy", mmap_mode="r")
    assert_same(blocked_top_k(gallery_GD[:3], mapped, 9, block=50), gallery_GD[:3] @ gallery_GD.T, 9)


def test_blocked_names_the_broken_vector_and_refuses_odd_arguments() -> None:
    good, bad = np.ones((30, 3)), np.ones((30, 3))
    bad[23, 1] = np.inf
    with pytest.raises(InputError, match="gallery vector 23 holds NaN or infinity"):
        blocked_top_k(good, bad, 2, block=7)
    with pytest.raises(InputError, match="query vector 23 holds NaN or infinity"):
        blocked_top_k(bad, good, 2, block=7)
    with pytest.raises(InputError, match="queries have 3 dimensions, the gallery has 4"):
        blocked_top_k(good, np.ones((2, 4)), 2)
    with pytest.raises(InputError, match="block is 0"):
        blocked_top_k(good, good, 2, block=0)
    with pytest.raises(InputError, match="k is 0"):
        blocked_top_k(good, good, 0)

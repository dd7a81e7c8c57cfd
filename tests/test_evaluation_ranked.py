"""Rankings from vectors against plain sorts: ties, removed references, several pieces, galleries in another order."""

from __future__ import annotations

import numpy as np
import pytest

from instructcir.evaluation import ranked
from instructcir.evaluation.ranked import rank_candidates, rank_gallery, scores_of


def whole(rng: np.random.Generator, rows: int, dimensions: int = 4) -> np.ndarray:
    """Small whole numbers: products are exact and ties frequent."""
    return rng.integers(-2, 3, (rows, dimensions)).astype(np.float32)


def naive(scores: list[float], without: int = -1) -> list[int]:
    return [index for index in sorted(range(len(scores)), key=lambda g: (-scores[g], g)) if index != without]


@pytest.mark.parametrize(("queries", "gallery"), [(1, 1), (7, 3), (13, 101), (5, 503)])
@pytest.mark.parametrize("most_bytes", [1, 5000, 10**9])
@pytest.mark.parametrize("shuffled", [False, True])
def test_galleries(
    queries: int, gallery: int, most_bytes: int, shuffled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranked, "_ROWS_AT_ONCE", 64)
    rng = np.random.default_rng(queries + gallery)
    vectors_ND, queries_QD = whole(rng, gallery + 5), whole(rng, queries)
    rows_G = rng.permutation(gallery + 5)[:gallery] if shuffled else np.arange(3, gallery + 3)
    targets_Q = rng.integers(-1, gallery, queries)
    references_Q = rng.integers(-1, gallery, queries)
    kept, removed = rank_gallery(
        queries_QD, vectors_ND, rows_G, targets_Q, references_Q, depth=50, most_bytes=most_bytes
    )
    scores = (queries_QD @ vectors_ND[rows_G].T).tolist()
    for number in range(queries):
        for found, without in ((kept, -1), (removed, int(references_Q[number]))):
            order = naive(scores[number], without)
            top = found.top_QK[number]
            assert [index for index in top.tolist() if index >= 0] == order[:50]
            assert (top[min(50, len(order)) :] == -1).all()
            target = int(targets_Q[number])
            assert found.target_rank_Q[number] == (order.index(target) + 1 if target in order else 0)
        row, target = scores[number], int(targets_Q[number])
        assert kept.tied_Q[number] == (target >= 0 and row.count(row[target]) > 1)


def test_pieces_stay_within_the_bound_and_cover_everything() -> None:
    rng = np.random.default_rng(0)
    queries_QD, vectors_ND = whole(rng, 11), whole(rng, 100)
    pieces = list(scores_of(queries_QD, vectors_ND, np.arange(100), most_bytes=4 * 100 * 3))
    assert [len(piece) for piece in pieces] == [3, 3, 3, 2]
    assert (np.concatenate(pieces) == queries_QD @ vectors_ND.T).all()


def test_half_precision_and_mapped_galleries(tmp_path: object) -> None:
    rng = np.random.default_rng(0)
    vectors_ND = whole(rng, 77).astype(np.float16)
    np.save(f"{tmp_path}/v.npy", vectors_ND)
    mapped = np.load(f"{tmp_path}/v.npy", mmap_mode="r")
    [scores] = scores_of(whole(rng, 3), mapped, np.arange(77))
    assert scores.dtype == np.float32


@pytest.mark.parametrize("candidates", [1, 5, 15])
def test_candidates(candidates: int) -> None:
    rng = np.random.default_rng(candidates)
    queries = 301
    vectors_ND, queries_QD = whole(rng, 40), whole(rng, queries)
    rows_QC = rng.integers(-1, 40, (queries, candidates))
    targets_Q = rng.integers(-1, candidates, queries)
    excluded_QC = rng.random((queries, candidates)) < 0.1
    found = rank_candidates(queries_QD, vectors_ND, rows_QC, targets_Q, excluded_QC)
    for number in range(queries):
        rows = rows_QC[number]
        there = [c for c in range(candidates) if rows[c] >= 0 and not excluded_QC[number, c]]
        scores = {c: float(queries_QD[number] @ vectors_ND[rows[c]]) for c in there}
        order = sorted(there, key=lambda c: (-scores[c], c))
        assert [index for index in found.top_QK[number].tolist() if index >= 0] == order
        target = int(targets_Q[number])
        assert found.target_rank_Q[number] == (order.index(target) + 1 if target in order else 0)
        others = [c for c in there if target in there and scores[c] == scores[target] and rows[c] != rows[target]]
        assert found.tied_Q[number] == bool(others)


def test_a_picture_that_is_a_candidate_twice_ties_exactly() -> None:
    rng = np.random.default_rng(0)
    vectors_ND = rng.standard_normal((200, 331)).astype(np.float32)
    queries_QD = rng.standard_normal((500, 331)).astype(np.float32)
    rows_QC = rng.integers(0, 200, (500, 15))
    rows_QC[:, 11] = rows_QC[:, 0]
    found = rank_candidates(queries_QD, vectors_ND, rows_QC, np.zeros(500, dtype=np.int64), np.zeros((500, 15), bool))
    place = np.argsort(found.top_QK, axis=1)
    assert (place[:, 0] + 1 == found.target_rank_Q).all()
    assert (place[:, 11] > place[:, 0]).all()

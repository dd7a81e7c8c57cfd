"""Similar pictures of a gallery: in the range, each once, against a naive search."""

from __future__ import annotations

import numpy as np
import pytest

from instructcir.errors import InputError
from instructcir.synthesis.neighbours import pick_neighbours


def unit(count: int, seed: int = 0, dimension: int = 5) -> np.ndarray:
    drawn = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


@pytest.mark.parametrize("count", [2, 3, 61, 700])
def test_neighbours_are_alike_and_chosen_once(count: int) -> None:
    vectors = unit(count)
    vectors[1] = vectors[0] + np.float32(0.3)
    vectors[1] /= np.linalg.norm(vectors[1])
    found = pick_neighbours(vectors, 10_000, least=0.5, most=0.97)
    scores = vectors @ vectors.T
    for pair in found:
        assert pair.reference != pair.target
        assert pair.score == pytest.approx(float(scores[pair.reference, pair.target]), abs=1e-5)
        assert 0.5 - 1e-5 <= pair.score <= 0.97 + 1e-5
    references, targets = [pair.reference for pair in found], [pair.target for pair in found]
    assert len(set(references)) == len(references)
    assert len(set(targets)) == len(targets)
    pairs = {(pair.reference, pair.target) for pair in found}
    assert not {(target, reference) for reference, target in pairs} & pairs
    has_one = ((scores >= 0.5) & (scores <= 0.97) & ~np.eye(count, dtype=bool)).any(1)
    assert len(found) >= 0.4 * has_one.sum()


def test_the_seed_chooses() -> None:
    vectors = unit(50)
    first = pick_neighbours(vectors, 10, least=0.3)
    assert first == pick_neighbours(vectors, 10, least=0.3)
    assert first != pick_neighbours(vectors, 10, least=0.3, seed=1)
    assert len(first) == 10


def test_near_duplicates_are_no_neighbours() -> None:
    vectors = np.repeat(unit(4), 2, axis=0)
    with pytest.raises(InputError, match=r"no two of 8 pictures have a cosine from 0.99 to 0.999"):
        pick_neighbours(vectors, 4, least=0.99, most=0.999)
    with pytest.raises(InputError, match="no neighbours to choose"):
        pick_neighbours(vectors[:1], 4)

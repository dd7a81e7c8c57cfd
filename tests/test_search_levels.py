"""What the best score must reach: levels that move with the gallery and the model, for pictures and for words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from instructcir.search.levels import EMPTY_TEXTS, FEWEST, Judge, nearest_of, picture_level

# shapes: G gallery, D dimensions
DIMENSION = 32


def unit(vectors: Any) -> Any:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


class Gallery:
    """Pictures around a direction, as near to it as `spread` is small."""

    def __init__(self, count: int, spread: float) -> None:
        generator = np.random.default_rng(count)
        self.made = unit(np.eye(DIMENSION)[0] + spread * generator.normal(size=(count, DIMENSION)))

    def __len__(self) -> int:
        return len(self.made)

    def scores(self, query_D: Any) -> Any:
        return self.made @ query_D

    def sample(self, most: int) -> Any:
        return self.made[:most]


class Model:
    """Embeds every text near one direction."""

    def __init__(self) -> None:
        self.asked = 0

    def embed_texts(self, texts: Any) -> Any:
        self.asked += 1
        noise = np.random.default_rng(1).normal(size=(len(texts), DIMENSION))
        return unit(np.eye(DIMENSION)[1] + 0.02 * noise + 0.3 * np.eye(DIMENSION)[0])


class Picture:
    def __init__(self, vector_D: Any) -> None:
        self.vector_D = vector_D

    def gallery(self) -> Any:
        return self.vector_D


def test_the_nearest_is_never_the_picture_itself() -> None:
    made = Gallery(57, 0.3).made
    scores = made @ made.T
    np.fill_diagonal(scores, -1)
    np.testing.assert_allclose(nearest_of(made, most=1000), scores.max(axis=1), atol=1e-6)
    assert len(nearest_of(made, most=9)) == 9


@pytest.mark.parametrize("spread", [0.02, 0.2])
def test_the_pictures_level_follows_how_alike_they_are(spread: float) -> None:
    view: Any = Gallery(300, spread)
    judge, level = Judge(Model()), picture_level(nearest_of(view.made))  # type: ignore[arg-type]
    another = unit(np.eye(DIMENSION)[0] + spread * np.random.default_rng(5).normal(size=DIMENSION))
    assert judge.of_pictures(view, float(view.scores(another).max()))
    stranger = np.eye(DIMENSION, dtype=np.float32)[2]
    assert not judge.of_pictures(view, float(view.scores(stranger).max()))
    assert level < nearest_of(view.made).min()


def test_the_words_level_is_what_empty_texts_reach_and_is_asked_for_once() -> None:
    model, view = Model(), Gallery(300, 0.1)
    judge: Any = Judge(model)  # type: ignore[arg-type]
    reached = sorted(float(view.scores(one).max()) for one in model.embed_texts(EMPTY_TEXTS))
    assert not judge.of_words(view, reached[len(reached) // 2])
    assert judge.of_words(view, reached[-1] + 0.01)
    assert judge.of_words(Gallery(300, 0.2), 0.99)
    assert model.asked == 2, "the test's own call, and one for all galleries"
    assert judge.of_words(Gallery(FEWEST - 1, 0.1), -1.0), "too few to tell"


def test_a_composed_query_is_foreign_only_when_its_reference_and_its_best_are() -> None:
    judge: Any = Judge(Model())  # type: ignore[arg-type]
    view = Gallery(300, 0.1)
    stranger, near = Picture(np.eye(DIMENSION, dtype=np.float32)[3]), Picture(view.made[4])
    assert not judge.of_composed(view, 0.1, [stranger])
    assert judge.of_composed(view, 0.1, [stranger, near])
    assert judge.of_composed(view, 0.1, []), "the reference is of the gallery"
    assert judge.of_composed(view, 0.9, [stranger])

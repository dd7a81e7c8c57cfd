"""What the best score must reach: levels that move with the gallery and the model, for pictures and for words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from instructcir.search.levels import EMPTY_TEXTS, FEWEST, Judge, nearest_of, picture_level, word_levels
from judged_gallery import Vectors

# shapes: G gallery, K texts, D dimensions
DIMENSION = 32


def unit(vectors: Any) -> Any:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


class Gallery(Vectors):
    """Pictures around a direction, as near to it as `spread` is small."""

    def __init__(self, count: int, spread: float) -> None:
        generator = np.random.default_rng(count)
        super().__init__(unit(np.eye(DIMENSION)[0] + spread * generator.normal(size=(count, DIMENSION))))


class Hubs(Gallery):
    """Half of the pictures near whatever the model makes of words, the others not."""

    def __init__(self, count: int, spread: float) -> None:
        super().__init__(count, spread)
        self.made[: count // 2] += 0.5 * np.eye(DIMENSION, dtype=np.float32)[1]
        self.made[count // 2 :] += 0.5 * np.eye(DIMENSION, dtype=np.float32)[3]
        self.made = unit(self.made)


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


def matches(judge: Any, view: Any, text_D: Any) -> bool:
    scores = view.scores(text_D)
    found: bool = judge.of_words(view, float(scores.max()), text_D)
    return found


def test_words_must_lead_texts_about_nothing_which_are_asked_for_once() -> None:
    model, view = Model(), Gallery(300, 0.1)
    judge: Any = Judge(model)  # type: ignore[arg-type]
    empty = model.embed_texts(EMPTY_TEXTS)
    assert not any(matches(judge, view, one) for one in empty)
    assert all(matches(judge, view, unit(one + 0.5 * view.made[4])) for one in empty)
    assert not matches(judge, Gallery(300, 0.2), empty[0])
    assert model.asked == 2, "the test's own call, and one for all galleries"
    assert matches(judge, Gallery(FEWEST - 1, 0.1), -empty[0]), "too few to tell"


def test_words_that_are_far_from_all_pictures_may_match() -> None:
    judge: Any = Judge(Model())  # type: ignore[arg-type]
    view, empty = Hubs(300, 0.1), Model().embed_texts(EMPTY_TEXTS)
    short = unit(np.eye(DIMENSION)[3] + 0.5 * np.eye(DIMENSION)[7])
    assert view.scores(short).max() < view.scores_each(empty).max(axis=1).min()
    assert matches(judge, view, short)
    assert not any(matches(judge, view, one) for one in empty)


@pytest.mark.parametrize(("count", "texts"), [(57, 5), (300, 17), (7, 2)])
def test_the_words_levels_are_the_naive_ones(count: int, texts: int) -> None:
    view: Any = Gallery(count, 0.2)
    empty = Model().embed_texts(["x"] * texts)
    leads, bests = [], []
    for number, text in enumerate(empty):
        bests.append(max(float(picture @ text) for picture in view.made))
        leads.append(bests[-1] - np.mean([float(text @ one) for k, one in enumerate(empty) if k != number]))
    found = word_levels(empty, view)
    assert found.lead == pytest.approx(max(leads), abs=1e-5)
    assert found.best == pytest.approx(np.quantile(bests, 0.9), abs=1e-5)
    np.testing.assert_allclose(found.empty_D, empty.mean(axis=0), atol=1e-6)


def test_a_composed_query_is_foreign_only_when_its_reference_and_its_best_are() -> None:
    judge: Any = Judge(Model())  # type: ignore[arg-type]
    view = Gallery(300, 0.1)
    stranger, near = Picture(np.eye(DIMENSION, dtype=np.float32)[3]), Picture(view.made[4])
    assert not judge.of_composed(view, 0.1, [stranger])
    assert judge.of_composed(view, 0.1, [stranger, near])
    assert judge.of_composed(view, 0.1, []), "the reference is of the gallery"
    assert judge.of_composed(view, 0.9, [stranger])

"""Scores on drawn tests: an embedder that knows the answers gets them all, one that knows nothing gets next to none."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from instructcir.evaluation import drawn
from instructcir.evaluation.drawn import Vectors, score_drawn
from instructcir.evaluation.table import lines, plain
from instructcir.items import ComposedQuery, ImageLike
from instructcir.worlds.galleries import ComposedTest, composed_test
from instructcir.worlds.registry import world


@pytest.fixture(scope="module")
def test_set() -> ComposedTest:
    return composed_test(world("wardrobe"), "test", queries=12, gallery=60)


def direction(key: str) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4])
    vector = np.random.default_rng(seed).normal(size=64)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


class Oracle:
    """Knows the test set: a picture's vector is that of its facts, a query's that of its target's facts."""

    def __init__(self, test: ComposedTest) -> None:
        self.test = test
        self.facts = [str(sorted(drawing.facts.items())) for drawing in test.gallery]

    def embed_mixed(self, images: Sequence[ImageLike], queries: Sequence[ComposedQuery]) -> tuple[Vectors, Vectors]:
        composed = [direction(self.facts[query.target]) for query in self.test.queries]
        return np.stack([direction(key) for key in self.facts]), np.stack(composed)

    def embed_images(self, images: Sequence[ImageLike]) -> Vectors:
        assert all(isinstance(image, Image.Image) for image in images)
        return np.stack([direction(key) for key in self.facts[: len(images)]])

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        return np.stack([direction(text) for text in texts])


def test_an_oracle_is_always_right_and_words_alone_are_not(test_set: ComposedTest) -> None:
    result = score_drawn(Oracle(test_set), test_set)
    assert result["composed"].values["recall@1"][0] == 100
    assert result["image to image"].values["recall@1"][0] == 100
    assert result["text only"].values["recall@1"][0] < 50
    assert result["composition gap"] > 0
    assert sum(score.queries for score in result["by kind"].values()) >= 12
    text = "\n".join(lines(result))
    assert "composition gap" in text
    assert plain(result)["composed"]["queries"] == 12


def test_the_reference_is_never_a_hit(test_set: ComposedTest) -> None:
    gallery = np.stack([direction(str(n)) for n in range(60)])
    references = np.array([query.reference for query in test_set.queries])
    ranked = drawn._ranked(gallery[references], gallery, references)
    assert ranked.shape == (12, drawn.DEPTH)
    assert not (ranked == references[:, None]).any()

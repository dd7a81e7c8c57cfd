"""The model that comes with the package: small, safe to load, told about truly, and able to compose."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from instructcir.evaluation.drawn import score_drawn
from instructcir.images import open_rgb
from instructcir.model.embedder import Embedder
from instructcir.model.loading import bundled
from instructcir.model.preparation import prepare
from instructcir.search.levels import Judge
from instructcir.worlds.galleries import composed_test
from instructcir.worlds.rasterise import rasterise
from instructcir.worlds.registry import NAMES, world
from judged_gallery import Vectors

FOLDER = bundled("tiny")
pytestmark = pytest.mark.skipif(FOLDER is None, reason="this checkout lacks the bundled weights")


def folder() -> Path:
    assert FOLDER is not None
    return FOLDER


def test_it_is_small_and_holds_no_code() -> None:
    sizes = {file.name: file.stat().st_size for file in folder().rglob("*") if file.is_file()}
    assert sizes["model.safetensors"] <= 24_000_000
    assert sum(sizes.values()) <= 26_000_000
    assert not [name for name in sizes if Path(name).suffix in (".py", ".bin", ".pt", ".pkl", ".pth")]


def test_its_card_tells_the_scores_that_were_measured() -> None:
    card = (folder() / "CARD.md").read_text(encoding="utf-8")
    scores = json.loads((folder() / "scores.json").read_text(encoding="utf-8"))
    for name in NAMES:
        for metric in ("recall@1", "recall@10", "mAP@5"):
            mean = scores[name]["test"]["composed"][metric][0]
            assert f"{mean:.1f}" in card, (name, metric)
    assert "drawn pictures only" in card


@pytest.mark.parametrize("name", NAMES)
def test_it_composes_better_than_either_half_of_a_query(name: str) -> None:
    test = composed_test(world(name), "dev", queries=60, gallery=240, seed=5)
    found = score_drawn(Embedder.load("tiny", "cpu"), test)
    recall = {key: found[key].values["recall@10"][0] for key in ("composed", "image only", "text only", "average")}
    assert recall["composed"] >= LEAST[name]
    assert recall["composed"] > max(recall["image only"], recall["text only"])


LEAST = {"wardrobe": 88.0, "landscapes": 78.0}
"""Recall@10 on this small gallery, well below what was measured."""


def test_pictures_decoded_at_a_fraction_keep_their_vectors() -> None:
    embedder = Embedder.load("tiny", "cpu")
    for name in NAMES:
        drawn = composed_test(world(name), "dev", queries=4, gallery=12, seed=7).gallery
        for side in (448, 896):  # what is left of them is just enough: the worst case
            files = [jpeg(rasterise(world(name).svg(drawing), side)) for drawing in drawn]
            assert embedder.planner.opened(files[0]).size == (224, 224)
            exact = [prepare(embedder.checkpoint.processor, open_rgb(file)) for file in files]
            [(_, wanted)] = embedder.iter_images(exact)
            assert (embedder.embed_images(files) * wanted).sum(axis=1).min() > 0.999


def jpeg(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, "JPEG", quality=88)
    return content.getvalue()


def test_short_texts_about_what_is_there_match_and_texts_about_nothing_do_not() -> None:
    embedder = Embedder.load("tiny", "cpu")
    drawn = {name: composed_test(world(name), "dev", queries=20, gallery=160, seed=9).gallery for name in NAMES}
    pictures = [rasterise(world(name).svg(drawing), 224) for name, some in drawn.items() for drawing in some]
    view: Any = Vectors(embedder.embed_images(pictures))
    judge = Judge(embedder)

    def share_that_match(texts: list[str]) -> float:
        found = []
        for text_D in embedder.embed_texts(texts):
            scores_G = view.scores(text_D)
            found.append(judge.of_words(view, float(scores_G.max()), text_D))
        return float(np.mean(found))

    there = [f"a {one.facts['colour']} {one.facts['garment']}" for one in drawn["wardrobe"][:60]]
    assert share_that_match(there) > 0.9
    nothing = ["hello", "xyzzy", "how do I reset my password", "the speed of light in vacuum", "kernel panic"]
    assert share_that_match(nothing) < 0.5

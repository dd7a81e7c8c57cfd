"""The released layout against an oracle of our own in plain torch, which shares no code with transformers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from instructcir.items import ComposedQuery
from instructcir.model.embedder import Embedder
from released_oracle import GALLERY, QUERY, TEXT, ReleasedOracle
from tiny_models import pictures

Built = Callable[..., Path]
LONG_LIMIT = 64
SHAPES: list[dict[str, Any]] = [
    {},
    {"kv_heads": 2, "ret_proj": True},
    {"shards": 3, "kv_heads": 1},
    {"weights": "bin", "image_size": 84},
    {"weights": "bin", "shards": 2, "long_limit": LONG_LIMIT},
    {"hidden": 96, "heads": 6, "kv_heads": 3, "vision_hidden": 32, "layers": 2, "vision_layers": 4, "long_limit": 50},
]
MODIFICATIONS = ["red", "make it darker, with long sleeves", "", "the same house seen from above, at night, " * 4]
TEXTS = ["", "a small dog sleeps on the porch", "two cats and a dog on a red sofa beside the window " * 6]
IMAGES = [pictures()[index] for index in (0, 4, 5, 6, 8)]
CLOSE = {"rtol": 0, "atol": 1e-5}


@pytest.fixture(params=SHAPES, ids=str, scope="module")
def pair(request: pytest.FixtureRequest, built: Built) -> tuple[Embedder, ReleasedOracle]:
    folder = built("released", **request.param)
    return Embedder.load(folder, device="cpu", dtype="float32"), ReleasedOracle(folder)


Pair = tuple[Embedder, ReleasedOracle]


def test_gallery_vectors_are_the_oracles(pair: Pair) -> None:
    embedder, oracle = pair
    expected = np.stack([oracle.gallery(image) for image in IMAGES])
    np.testing.assert_allclose(embedder.embed_images(IMAGES), expected, **CLOSE)
    np.testing.assert_allclose(embedder.embed_images(IMAGES[:1]), expected[:1], **CLOSE)


def test_composed_queries_are_the_oracles_single_batched_and_from_an_open_reference(pair: Pair) -> None:
    embedder, oracle = pair
    queries = [ComposedQuery(image, text) for image in IMAGES[:2] for text in MODIFICATIONS]
    expected = np.stack([oracle.query(query.reference, query.modification) for query in queries])  # type: ignore[arg-type]
    np.testing.assert_allclose(embedder.embed_queries(queries), expected, **CLOSE)
    single = np.concatenate([embedder.embed_queries([query]) for query in queries[2:4]])
    np.testing.assert_allclose(single, expected[2:4], **CLOSE)
    reference = embedder.reference(IMAGES[0])
    np.testing.assert_allclose(reference.embed(MODIFICATIONS), expected[:4], **CLOSE)
    np.testing.assert_allclose(reference.gallery(), oracle.gallery(IMAGES[0]), **CLOSE)


def test_texts_are_the_oracles_single_and_batched(pair: Pair) -> None:
    embedder, oracle = pair
    expected = np.stack([oracle.text(text) for text in TEXTS])
    np.testing.assert_allclose(embedder.embed_texts(TEXTS), expected, **CLOSE)
    np.testing.assert_allclose(embedder.embed_texts(TEXTS[1:2]), expected[1:2], **CLOSE)


def test_pixels_are_the_oracles(pair: Pair) -> None:
    embedder, oracle = pair
    for image in IMAGES:
        found = embedder.planner.prepare(image).tensors["pixel_values"][0]
        np.testing.assert_allclose(found, oracle.prepared(image), rtol=0, atol=1e-6)


def test_ids_are_the_oracles(pair: Pair) -> None:
    embedder, oracle = pair
    renderer, expansion = embedder.renderer, embedder.planner.prepare(IMAGES[0]).expansion
    for text in TEXTS:
        assert renderer.text(text) == oracle.ids(TEXT.format(text))
    for text in MODIFICATIONS:
        prefix = renderer.prefix("query", expansion)
        expected = oracle.ids(QUERY.format(text).replace("<image>", expansion))
        assert [*prefix.ids, *renderer.suffix("query", prefix, text)] == expected


def test_the_prompts_lie_on_both_sides_of_the_length_where_longrope_changes(built: Built) -> None:
    oracle = ReleasedOracle(built("released", **SHAPES[4]))
    lengths = [oracle.length(user) for user in (GALLERY, *map(QUERY.format, MODIFICATIONS), *map(TEXT.format, TEXTS))]
    assert min(lengths) < LONG_LIMIT < max(lengths)
    oracle.config["text_config"]["rope_scaling"]["long_factor"] = [1.0] * 8  # the oracle does feel it
    assert abs(oracle.text(TEXTS[2]) - ReleasedOracle(built("released", **SHAPES[4])).text(TEXTS[2])).max() > 1e-2

"""Parity with the authors' released code: what it gave on a tiny checkpoint, for 26 images, 25 texts, 12 sentences.

The values lie beside the repository, in shared/parity. Of the images, five are prepared as the old code did it here:
transparency, EXIF rotation and 16 bits are read otherwise by this package, on purpose. Text 20 holds typed special
tokens, which the old code takes for real ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from instructcir.images import legacy_rgb, open_rgb
from instructcir.items import ComposedQuery
from instructcir.model import prompts
from instructcir.model.embedder import Embedder
from instructcir.model.preparation import prepare

ROOT = Path(__file__).parents[1]
FOLDER = next((at for at in (ROOT.parent / "shared/parity", ROOT / "shared/parity") if at.exists()), ROOT / "none")
PREPARED_OTHERWISE = {12, 14, 16, 22, 24}
TYPED_SPECIALS = 20
CLOSE = 1e-5

pytestmark = pytest.mark.skipif(
    not (FOLDER / "reference.json").exists(), reason="no shared/parity folder beside the repository: nothing to compare"
)


class Reference:
    def __init__(self) -> None:
        self.values = np.load(FOLDER / "reference-a.npz")
        self.facts: dict[str, Any] = json.loads((FOLDER / "reference.json").read_text(encoding="utf-8"))["a"]
        inputs = json.loads((FOLDER / "inputs.json").read_text(encoding="utf-8"))
        self.files: list[Path] = [FOLDER / "images" / entry["file"] for entry in inputs["images"]]
        self.texts: list[str] = inputs["texts"]
        self.sentences: list[str] = inputs["text_only"]
        self.images: list[Image.Image | Path] = [
            legacy_rgb(file) if number in PREPARED_OTHERWISE else file for number, file in enumerate(self.files)
        ]
        self.plain = [number for number in range(len(self.texts)) if number != TYPED_SPECIALS]


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference()


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    asked = replace(prompts.named("instructcir"), name="parity", text="{text}\n Describe this sentence in one word:")
    return Embedder.load(FOLDER / "tiny-a", device="cpu", dtype="float32", prompts=asked)


@pytest.fixture(scope="module")
def queries(embedder: Embedder, reference: Reference) -> np.ndarray[Any, Any]:
    """(26 images, 25 texts, D), all in one call."""
    asked = [ComposedQuery(image, text) for image in reference.images for text in reference.texts]
    return embedder.embed_queries(asked).reshape(len(reference.images), len(reference.texts), -1)


def difference(found: np.ndarray[Any, Any], expected: np.ndarray[Any, Any]) -> float:
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max())


def test_the_reference_holds_what_is_compared(reference: Reference) -> None:
    assert (len(reference.files), len(reference.texts), len(reference.sentences)) == (26, 25, 12)
    assert all(file.exists() for file in reference.files)
    assert "<|" in reference.texts[TYPED_SPECIALS]


def test_every_gallery_vector_agrees_batched_and_single(embedder: Embedder, reference: Reference) -> None:
    expected = reference.values["gallery_single"]
    assert difference(embedder.embed_images(reference.images), expected) < CLOSE
    for number in (0, 5, 15, 17, 18):
        assert difference(embedder.embed_images([reference.images[number]]), expected[number : number + 1]) < CLOSE


def test_every_composed_query_agrees_batched(queries: np.ndarray[Any, Any], reference: Reference) -> None:
    kept = reference.plain
    for name in ("query_single", "query_batch32", "query_batch_sametext"):
        assert difference(queries[:, kept], reference.values[name][:, kept]) < CLOSE, name


def test_every_text_of_one_image_agrees_single(embedder: Embedder, reference: Reference) -> None:
    image = reference.images[1]
    for number in reference.plain:
        found = embedder.embed_queries([ComposedQuery(image, reference.texts[number])])[0]
        assert difference(found, reference.values["query_single"][1, number]) < CLOSE, number


@pytest.mark.parametrize("number", [0, 2, 13, 17])
def test_an_open_reference_agrees(number: int, embedder: Embedder, reference: Reference) -> None:
    opened = embedder.reference(reference.images[number])
    found = opened.embed([reference.texts[text] for text in reference.plain])
    assert difference(found, reference.values["query_single"][number, reference.plain]) < CLOSE
    assert difference(opened.gallery(), reference.values["gallery_single"][number]) < CLOSE


def test_every_sentence_agrees_batched_and_single(embedder: Embedder, reference: Reference) -> None:
    expected = reference.values["text_single"]
    assert difference(embedder.embed_texts(reference.sentences), expected) < CLOSE
    for number, sentence in enumerate(reference.sentences):
        assert difference(embedder.embed_texts([sentence])[0], expected[number]) < CLOSE


def test_ids_of_every_prompt_agree(embedder: Embedder, reference: Reference) -> None:
    renderer, facts = embedder.renderer, reference.facts
    prefix = renderer.prefix("gallery", "<image>")
    assert [*prefix.ids, *renderer.suffix("gallery", prefix)] == facts["gallery_input_ids"]
    for number in reference.plain:
        ids = [*prefix.ids, *renderer.suffix("query", prefix, reference.texts[number])]
        assert ids == facts["query_input_ids_image0"][str(number)], number
    for sentence, ids in zip(reference.sentences, facts["text_input_ids"], strict=True):
        assert renderer.text(sentence) == ids


def test_a_picture_takes_as_many_tokens_as_the_released_model_gives_it(
    embedder: Embedder, reference: Reference
) -> None:
    expansion = prepare(embedder.checkpoint.processor, open_rgb(reference.files[0])).expansion
    prefix = embedder.renderer.prefix("gallery", expansion)
    whole = len(prefix.ids) + len(embedder.renderer.suffix("gallery", prefix))
    assert whole == reference.facts["merged_length_gallery"]
    assert expansion.count("<image>") == reference.facts["image_patches"]


def test_pixels_of_every_image_agree(embedder: Embedder, reference: Reference) -> None:
    stored = 0
    for number, file in enumerate(reference.files):
        picture = legacy_rgb(file) if number in PREPARED_OTHERWISE else open_rgb(file)
        found = prepare(embedder.checkpoint.processor, picture).tensors["pixel_values"][0].numpy()
        facts = reference.facts["pixel_values"][number]
        assert facts["file"] == file.name
        for name, value in (("sum", found.sum(dtype=np.float64)), ("min", found.min()), ("max", found.max())):
            assert value == pytest.approx(facts[name], abs=1e-2 if name == "sum" else 1e-6), (file.name, name)
        if (name := f"pixel_values_{number:02}") in reference.values:
            stored += 1
            assert difference(found, reference.values[name]) < 1e-6, file.name
    assert stored


def test_images_that_are_read_otherwise_give_other_vectors(embedder: Embedder, reference: Reference) -> None:
    chosen = sorted(PREPARED_OTHERWISE)
    found = embedder.embed_images([reference.files[number] for number in chosen])
    moved = np.abs(found - reference.values["gallery_single"][chosen]).max(axis=1)
    assert (moved > 1e-3).all(), dict(zip(chosen, moved, strict=True))


def test_special_tokens_that_were_typed_stay_text(
    embedder: Embedder, queries: np.ndarray[Any, Any], reference: Reference
) -> None:
    renderer = embedder.renderer
    prefix = renderer.prefix("query", "<image>")
    specials = set(renderer.tokenizer.added_tokens_encoder.values())

    def special_ids(number: int) -> list[int]:
        return [token for token in renderer.suffix("query", prefix, reference.texts[number]) if token in specials]

    assert special_ids(TYPED_SPECIALS) == special_ids(0)
    released = reference.facts["query_input_ids_image0"][str(TYPED_SPECIALS)]
    assert sum(token in specials for token in released) > sum(token in specials for token in prefix.ids) + len(
        special_ids(0)
    )
    moved = np.abs(queries[:, TYPED_SPECIALS] - reference.values["query_single"][:, TYPED_SPECIALS]).max(axis=1)
    assert (moved > 1e-3).all()


def test_a_template_without_a_bos_loses_nothing(embedder: Embedder, reference: Reference) -> None:
    from instructcir.model.rendering import ChatRenderer

    own = embedder.renderer
    template = own.chat_template.replace("{{ bos_token }}", "")
    assert template != own.chat_template
    renderer: Callable[..., Any] = ChatRenderer(own.tokenizer, template, own.image_token, own.prompts).text
    assert renderer(reference.sentences[0]) == reference.facts["text_input_ids"][0]

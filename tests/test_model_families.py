"""One suite for every family of models: whatever the architecture, these hold."""

from __future__ import annotations

import importlib.util
import io
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from instructcir.errors import DependencyError, ImageError, InputError
from instructcir.items import ComposedQuery
from instructcir.model.embedder import Embedder
from instructcir.model.packing import Row
from tiny_models import FAMILIES, pictures

NEEDS_TORCHVISION = "mistral3"
HAS_TORCHVISION = importlib.util.find_spec("torchvision") is not None
NAMES = [*(name for name in FAMILIES if name != NEEDS_TORCHVISION), "released", "sentence-transformers"]
CANNOT_SHARE = {"gemma3"}
TEXTS = [
    "a red dress",
    "",
    "dog",
    "two small dogs run along a beach at dusk " * 3,
    "été 日本\n\t🙂 <image> </s>",
    "a b",
]
CLOSE = {"atol": 1e-5, "rtol": 0}

Load = Callable[..., Embedder]


@pytest.fixture(params=NAMES)
def embedder(request: pytest.FixtureRequest, loaded: Load) -> Embedder:
    return loaded(request.param)


def queries(images: list[Any]) -> list[ComposedQuery]:
    return [ComposedQuery(image, text) for image in images for text in ("make it blue", "", "add a tree " * 5)]


def count_calls(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[Any]:
    """A list that grows by the first argument of every call, or by its pixels."""
    calls: list[Any] = []
    whole = getattr(owner, name)

    def counted(*args: Any, **kwargs: Any) -> Any:
        calls.append(args[0] if args else kwargs["pixel_values"])
        return whole(*args, **kwargs)

    monkeypatch.setattr(owner, name, counted)
    return calls


def cold(embedder: Embedder, image: Image.Image, kind: str, text: str = "") -> np.ndarray:
    """One prompt, alone, by the model's own forward pass."""
    prepared = embedder.planner.prepare(image)
    prefix = embedder.renderer.prefix(kind, prepared.expansion)  # type: ignore[arg-type]
    suffix = tuple(embedder.renderer.suffix(kind, prefix, text))  # type: ignore[arg-type]
    return embedder.backbone.embed_cold([Row(prefix.ids, (suffix,), (0,))], [prepared])[0][0].numpy()


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@pytest.mark.skipif(HAS_TORCHVISION, reason="torchvision is there")
def test_a_family_that_needs_torchvision_is_refused_in_one_line_that_names_it(built: Callable[..., Path]) -> None:
    with pytest.raises(DependencyError, match="torchvision") as caught:
        Embedder.load(built(NEEDS_TORCHVISION))
    assert len(str(caught.value).splitlines()) == 1


def test_vectors_are_float32_of_unit_length_and_finite(embedder: Embedder) -> None:
    images = pictures()
    found = [*embedder.embed_mixed(images, queries(images[:3])), embedder.embed_texts(TEXTS)]
    assert [vectors.shape for vectors in found] == [(10, embedder.dimension), (9, embedder.dimension), (6, 64)]
    assert all(vectors.dtype == np.float32 for vectors in found)
    np.testing.assert_allclose(np.linalg.norm(np.concatenate(found), axis=1), 1, atol=1e-5)


def test_different_inputs_give_different_vectors(embedder: Embedder) -> None:
    images = pictures()
    texts = embedder.embed_texts(TEXTS)
    gallery, composed = embedder.embed_mixed(images, queries(images[:3]))
    for vectors in (gallery, composed, texts, np.concatenate([gallery[:3], composed[[0, 3, 6]], texts[:1]])):
        similarity = vectors @ vectors.T - 2 * np.eye(len(vectors))
        assert similarity.max() < 1 - 1e-4


def test_batched_vectors_equal_single_ones_in_any_order(embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    images = pictures()
    asked = queries(images[2:5])
    singles_T = np.concatenate([embedder.embed_texts([text]) for text in TEXTS])
    singles_N = np.concatenate([embedder.embed_images([image]) for image in images])
    singles_Q = np.concatenate([embedder.embed_queries([query]) for query in asked])
    for budget in (1, 150, 700, 100_000):
        monkeypatch.setattr(embedder.planner, "budget", budget)
        order = np.random.default_rng(budget)
        t, n, q = (order.permutation(len(single)) for single in (singles_T, singles_N, singles_Q))
        np.testing.assert_allclose(embedder.embed_texts([TEXTS[i] for i in t]), singles_T[t], **CLOSE)
        gallery, composed = embedder.embed_mixed([images[i] for i in n], [asked[i] for i in q])
        np.testing.assert_allclose(gallery, singles_N[n], **CLOSE)
        np.testing.assert_allclose(composed, singles_Q[q], **CLOSE)


def test_shared_work_equals_the_models_own_forward_pass(embedder: Embedder) -> None:
    images = pictures()[:5]
    asked = queries(images)
    gallery, composed = embedder.embed_mixed(images, asked)
    np.testing.assert_allclose(gallery, [cold(embedder, image, "gallery") for image in images], **CLOSE)
    expected = [cold(embedder, query.reference, "query", query.modification) for query in asked]  # type: ignore[arg-type]
    np.testing.assert_allclose(composed, expected, **CLOSE)


def test_an_open_reference_gives_what_cold_encodes_give(embedder: Embedder) -> None:
    for image in pictures()[3:6]:
        reference = embedder.reference(image)
        texts = ["make it blue", "", "add a tree " * 5, "make it blue"]
        np.testing.assert_allclose(
            reference.embed(texts), [cold(embedder, image, "query", text) for text in texts], **CLOSE
        )
        np.testing.assert_allclose(reference.gallery(), embedder.embed_images([image])[0], **CLOSE)
        np.testing.assert_allclose(
            reference.embed(["one more"])[0], cold(embedder, image, "query", "one more"), **CLOSE
        )
    assert reference.embed([]).shape == (0, embedder.dimension)


def test_a_stream_gives_the_same_vectors_in_order(embedder: Embedder) -> None:
    images = pictures()
    whole = embedder.embed_images(images)
    for window in (1, 3, 64):
        parts = list(embedder.iter_images(iter(images), window=window))
        assert [len(numbers) for numbers, _ in parts] == [len(images[at : at + window]) for at in range(0, 10, window)]
        np.testing.assert_array_equal(np.concatenate([numbers for numbers, _ in parts]), np.arange(10))
        np.testing.assert_allclose(np.concatenate([vectors for _, vectors in parts]), whole, **CLOSE)


def test_nothing_in_nothing_out(embedder: Embedder) -> None:
    seen: list[tuple[int, int | None]] = []
    empty = (0, embedder.dimension)
    gallery, composed = embedder.embed_mixed([], [], progress=lambda *step: seen.append(step))
    found = [gallery, composed, embedder.embed_images([]), embedder.embed_queries([]), embedder.embed_texts([])]
    assert [(vectors.shape, vectors.dtype) for vectors in found] == [(empty, np.float32)] * 5
    assert list(embedder.iter_images([])) == []
    assert seen == []


def test_a_modification_of_two_thousand_words_and_an_empty_one(embedder: Embedder) -> None:
    image = pictures()[0]
    long = "a " * 2000
    asked = [ComposedQuery(image, long), ComposedQuery(image, "")]
    try:
        found = embedder.embed_queries(asked)
    except InputError as error:  # a context that is too short says so
        told = str(error)
        length = len(embedder.renderer.text(long))
        assert "query 0 takes" in told
        assert length > embedder.backbone.longest - 300
        return
    np.testing.assert_allclose(
        found, [cold(embedder, image, "query", long), cold(embedder, image, "query", "")], **CLOSE
    )


def test_what_is_too_long_is_refused_with_its_number_and_a_remedy(
    embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = pictures()[0]
    monkeypatch.setattr(embedder.planner, "longest", 200)
    with pytest.raises(InputError, match=r"^text 1 takes [\d,]+ tokens with its prompt; the model takes 200: shorten"):
        embedder.embed_texts(["a", "long " * 200])
    asked = [ComposedQuery(image, "a"), ComposedQuery(image, "long " * 200)]
    with pytest.raises(InputError, match=r"^query 1 takes .* 200: shorten"):
        embedder.embed_queries(asked)
    with pytest.raises(InputError, match=r"^query 2 takes .* 200: shorten"):  # queries are numbered after images
        embedder.embed_mixed([image], asked)
    with pytest.raises(InputError, match=r"^query 1 takes .* 200: shorten"):
        embedder.reference(image).embed(["a", "long " * 200])


def test_a_picture_that_takes_too_many_tokens_is_refused_with_its_number(
    embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedder.planner, "longest", 5)
    with pytest.raises(InputError, match=r"^gallery 0 takes .* the model takes 5: .*picture"):
        embedder.embed_images(pictures()[:1])


def test_a_text_that_is_no_string_is_refused_with_its_number(embedder: Embedder) -> None:
    image = pictures()[0]
    with pytest.raises(InputError, match=r"^text 1 is int, must be a string"):
        embedder.embed_texts(["a", 3])  # type: ignore[list-item]
    with pytest.raises(InputError, match=r"^query 1 is NoneType, must be a string"):
        embedder.embed_mixed([image], [ComposedQuery(image, None)])  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", ["missing", "damaged"])
def test_a_bad_picture_is_named_or_left_out(embedder: Embedder, bad: str, tmp_path: Path) -> None:
    images = pictures()[:4]
    paths = [tmp_path / f"{number}.png" for number in range(4)]
    for path, image in zip(paths, images, strict=True):
        image.save(path)
    wrong = tmp_path / "wrong.png"
    if bad == "damaged":
        wrong.write_bytes(png(images[0])[:60])
    gallery = [paths[0], wrong, paths[1]]
    asked = [ComposedQuery(paths[2], "blue"), ComposedQuery(wrong, "blue"), ComposedQuery(paths[3], "red")]
    with pytest.raises(ImageError, match=r"wrong\.png"):
        embedder.embed_mixed(gallery, asked)
    with pytest.raises(ImageError, match=r"wrong\.png"):
        list(embedder.iter_images(gallery))
    with pytest.raises(ImageError, match=r"wrong\.png"):
        embedder.reference(wrong)

    told: list[tuple[int, str]] = []
    steps: list[tuple[int, int | None]] = []
    found_N, found_Q = embedder.embed_mixed(
        gallery,
        asked,
        on_bad=lambda number, error: told.append((number, error.source)),
        progress=lambda *step: steps.append(step),
    )
    assert sorted(told) == [(1, str(wrong)), (4, str(wrong))]
    assert steps[-1] == (6, 6)
    np.testing.assert_allclose(found_N, embedder.embed_images([paths[0], paths[1]]), **CLOSE)
    np.testing.assert_allclose(found_Q, embedder.embed_queries([asked[0], asked[2]]), **CLOSE)

    numbers = [
        numbers
        for numbers, _ in embedder.iter_images(gallery, on_bad=lambda number, _: told.append((number, "stream")))
    ]
    np.testing.assert_array_equal(np.concatenate(numbers), [0, 2])
    assert told[2:] == [(1, "stream")]


def test_progress_only_grows_and_ends_complete(embedder: Embedder) -> None:
    images = [image.copy() for _ in range(7) for image in pictures()[:10]]  # more than a window
    steps: list[tuple[int, int | None]] = []
    embedder.embed_mixed(images, queries(pictures()[:2]), progress=lambda *step: steps.append(step))
    done = [number for number, _ in steps]
    assert len(done) > 1
    assert done == sorted(set(done))
    assert steps[-1] == (76, 76)
    steps.clear()
    embedder.embed_texts(TEXTS, progress=lambda *step: steps.append(step))
    assert steps == [(number, 6) for number in range(1, 7)]


def test_a_picture_in_any_form_gives_the_same_vector(embedder: Embedder, tmp_path: Path) -> None:
    image = pictures()[1]
    path = tmp_path / "picture.png"
    image.save(path)
    forms = [image, np.asarray(image), png(image), path, str(path)]
    vectors = embedder.embed_images(forms)
    composed = embedder.embed_queries([ComposedQuery(form, "make it blue") for form in forms])
    for found in (vectors, composed):
        np.testing.assert_allclose(found, np.repeat(found[:1], 5, axis=0), **CLOSE)


def test_a_path_is_opened_prepared_and_seen_once_for_all_that_is_asked_of_it(
    embedder: Embedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_each_picture_is_seen(embedder, tmp_path, monkeypatch, once=embedder.planner.shares)


def test_a_family_that_cannot_share_sees_a_picture_once_too_where_its_prompts_fit_one_batch(
    loaded: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = loaded("gemma3", text={"sliding_window": 4096})
    assert not embedder.planner.shares
    check_each_picture_is_seen(embedder, tmp_path, monkeypatch, once=True)


def check_each_picture_is_seen(
    embedder: Embedder, folder: Path, monkeypatch: pytest.MonkeyPatch, *, once: bool
) -> None:
    path, other = folder / "picture.png", folder / "other.png"
    pictures()[1].save(path)
    pictures()[0].save(other)
    asked = [ComposedQuery(path, text) for text in ("blue", "", "a tree")]
    alone = embedder.embed_images([path]), embedder.embed_images([other]), embedder.embed_queries(asked)
    tiles = [count_tiles(embedder.planner.prepare(picture)) for picture in pictures()[:2]]
    seen = count_calls(monkeypatch, vision_tower(embedder), "forward")
    prepared = count_calls(monkeypatch, embedder.planner, "prepare")
    gallery, composed = embedder.embed_mixed([path, other, str(path)], asked)
    assert len(prepared) == 2
    assert sum(len(pixels) for pixels in seen) == (sum(tiles) if once else tiles[0] + 5 * tiles[1])
    np.testing.assert_allclose(gallery, np.concatenate([*alone[:2], alone[0]]), **CLOSE)
    np.testing.assert_allclose(composed, alone[2], **CLOSE)


def vision_tower(embedder: Embedder) -> Any:
    base = embedder.backbone.base
    return next(getattr(base, name) for name in ("vision_tower", "visual", "vision_model") if hasattr(base, name))


def count_tiles(prepared: Any) -> int:
    """First dimension of what the vision tower is given: pictures, tiles or patches."""
    pixels = prepared.tensors["pixel_values"]
    return len(pixels[0] if pixels.ndim == 5 else pixels)


def test_a_stream_reads_two_windows_ahead_at_most(loaded: Load) -> None:
    embedder = loaded("qwen2-vl")
    read = 0

    def stream() -> Iterator[Image.Image]:
        nonlocal read
        for number in range(40):
            read += 1
            yield Image.new("RGB", (32, 32), (number, 0, 0))

    for done, _ in enumerate(embedder.iter_images(stream(), window=4), start=1):
        assert read <= 4 * (done + 1)
    assert read == 40


def test_a_stream_that_is_left_early_stops_reading(loaded: Load) -> None:
    read: list[int] = []
    numbered = (read.append(number) or Image.new("RGB", (32, 32)) for number in range(100))
    vectors = loaded("qwen2-vl").iter_images(numbered, window=4)
    next(vectors)
    vectors.close()  # type: ignore[attr-defined]
    assert len(read) <= 8


def test_the_memory_of_a_stream_does_not_grow_with_its_length(loaded: Load) -> None:
    embedder = loaded("qwen2-vl")

    def peak(count: int) -> int:
        tracemalloc.start()
        for _ in embedder.iter_images((np.full((200, 200, 3), n, np.uint8) for n in range(count)), window=4):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(8)
    assert peak(64) < 2 * peak(16)


@pytest.mark.parametrize("name", NAMES)
def test_a_family_that_cannot_share_says_so_once(name: str, loaded: Load) -> None:
    warnings = loaded(name).warnings
    assert len(warnings) == (name in CANNOT_SHARE)
    assert all("share" in warning for warning in warnings)
    assert loaded(name).planner.shares is (name not in CANNOT_SHARE)


def test_progress_is_told_batch_by_batch(loaded: Callable[..., Embedder]) -> None:
    embedder = loaded("llava-clip-llama")
    budget, embedder.planner.budget = embedder.planner.budget, 100  # two or three of these prompts
    told: list[int] = []
    try:
        embedder.embed_images(pictures() * 2, progress=lambda done, _: told.append(done))
    finally:
        embedder.planner.budget = budget
    assert len(told) >= 6  # not once for all twenty
    assert told == sorted(told)
    assert told[-1] == 20

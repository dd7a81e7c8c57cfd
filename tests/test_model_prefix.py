"""Open reference images: what is kept, what is computed again, and that it never shows in the vectors."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch

from instructcir.items import ComposedQuery
from instructcir.model.backbone import PrefixState
from instructcir.model.embedder import Embedder
from instructcir.model.packing import Row
from instructcir.model.prefix import PrefixCache
from tiny_models import pictures

Load = Callable[..., Embedder]
CLOSE = {"atol": 1e-5, "rtol": 0}
LONG_LIMIT = 96


def state(floats: int) -> PrefixState:
    """A prefix of 8 x `floats` bytes."""
    return PrefixState(((torch.zeros(floats), torch.zeros(floats)),), 1, 1)


def cold(embedder: Embedder, image: Any, texts: list[str]) -> np.ndarray:
    prepared = embedder.planner.prepare(image)
    prefix = embedder.renderer.prefix("query", prepared.expansion)
    rows = [Row(prefix.ids, (tuple(embedder.renderer.suffix("query", prefix, text)),), (0,)) for text in texts]
    return torch.cat([embedder.backbone.embed_cold([row], [prepared])[0] for row in rows]).numpy()


def count(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[Any]:
    calls: list[Any] = []
    whole = getattr(owner, name)
    monkeypatch.setattr(owner, name, lambda *args: (calls.append(args), whole(*args))[1])
    return calls


def test_the_cache_stays_within_its_bytes_and_drops_the_least_recently_used() -> None:
    cache = PrefixCache(max_bytes=80)
    a, b, c, d = (state(floats) for floats in (4, 4, 2, 4))
    cache.put("a", a)
    cache.put("b", b)
    assert cache.get("a") is a  # now b is the older one
    cache.put("c", c)
    assert (len(cache), cache.nbytes) == (3, 80)
    cache.put("d", d)
    assert cache.get("b") is None
    assert [cache.get(key) for key in "acd"] == [a, c, d]
    assert (len(cache), cache.nbytes) == (3, 80)
    cache.put("e", state(10))  # as large as the bound: all others go
    assert (len(cache), cache.nbytes) == (1, 80)


def test_the_cache_keeps_no_more_prefixes_than_it_may_however_small_they_are() -> None:
    cache = PrefixCache(max_bytes=10**9, most=2)
    for key in "abc":
        cache.put(key, state(1))
    assert [cache.get(key) is None for key in "abc"] == [True, False, False]
    assert (len(cache), cache.nbytes) == (2, 2 * state(1).nbytes)


def test_what_is_larger_than_the_cache_is_not_kept_and_costs_nobody_his_place() -> None:
    cache = PrefixCache(max_bytes=80)
    cache.put("a", state(4))
    cache.put("big", state(11))
    assert cache.get("big") is None
    assert (len(cache), cache.nbytes) == (1, 32)


def test_putting_a_key_again_counts_its_bytes_once() -> None:
    cache = PrefixCache(max_bytes=80)
    first = state(4)
    cache.put("a", first)
    cache.put("a", state(4))
    assert cache.get("a") is first
    assert cache.nbytes == 32


def test_the_cache_counts_rightly_under_threads() -> None:
    cache = PrefixCache(max_bytes=20 * 32)

    def work(seed: int) -> None:
        for step in range(300):
            key = (seed * 7 + step * 13) % 50
            cache.get(key)
            cache.put(key, state(4))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert len(cache) == 20
    assert cache.nbytes == 20 * 32


def test_a_prefix_is_computed_once_and_shared_by_gallery_and_queries_and_equal_pictures(
    loaded: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = loaded("qwen2-vl")
    monkeypatch.setattr(embedder, "_prefixes", PrefixCache(10**9))
    started = count(monkeypatch, embedder.backbone, "start")
    for picture in (pictures()[1], pictures()[1].copy()):
        reference = embedder.reference(picture)
        reference.embed(["blue"])
        reference.gallery()
    assert len(started) == 1
    embedder.reference(pictures()[0]).embed(["blue"])
    assert len(started) == 2


@pytest.mark.parametrize("name", ["qwen2-vl", "llava-clip-llama", "sentence-transformers"])
def test_a_reference_computes_its_prefix_again_after_it_was_dropped(
    name: str, loaded: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = loaded(name)
    texts = ["make it blue", "add a tree"]
    images = pictures()[:2]
    expected = [cold(embedder, image, texts) for image in images]
    one = embedder.backbone.start(embedder.renderer.prefix("query", prepared(embedder)).ids, first(embedder)).nbytes
    monkeypatch.setattr(embedder, "_prefixes", PrefixCache(max_bytes=int(1.5 * one)))
    started = count(monkeypatch, embedder.backbone, "start")
    references = [embedder.reference(image) for image in images]
    for _ in range(2):
        for reference, vectors in zip(references, expected, strict=True):
            np.testing.assert_allclose(reference.embed(texts), vectors, **CLOSE)
            np.testing.assert_allclose(reference.embed(texts), vectors, **CLOSE)
    assert len(started) == 4  # each round drops the other one


def first(embedder: Embedder) -> Any:
    return embedder.planner.prepare(pictures()[0])


def prepared(embedder: Embedder) -> str:
    expansion: str = first(embedder).expansion
    return expansion


@pytest.mark.parametrize("name", ["qwen3-vl", "llava-siglip-qwen2", "released"])
def test_many_modifications_equal_cold_ones(name: str, loaded: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = loaded(name)
    image = pictures()[1]
    texts = [f"make it {number} {'times ' * (number % 9)}bluer" for number in range(40)]
    suffix = embedder.renderer.prefix("query", embedder.planner.prepare(image).expansion)
    assert sum(len(embedder.renderer.suffix("query", suffix, text)) for text in texts) > 1024
    expected = cold(embedder, image, texts)
    continued = count(monkeypatch, embedder.backbone, "go_on")
    np.testing.assert_allclose(embedder.reference(image).embed(texts), expected, **CLOSE)
    assert len(continued) > 1
    np.testing.assert_allclose(
        embedder.embed_queries([ComposedQuery(image, text) for text in texts]), expected, **CLOSE
    )


CROSSING = {
    "released": {"long_limit": LONG_LIMIT},
    "llava-clip-phi3": {"text": {"sliding_window": LONG_LIMIT}},
}


@pytest.mark.parametrize("name", CROSSING)
def test_a_prompt_that_crosses_the_models_limit_runs_alone_and_is_right(
    name: str, loaded: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = loaded(name, **CROSSING[name])
    assert embedder.planner.shares
    assert embedder.backbone.own_pass_length == LONG_LIMIT
    image = pictures()[1]
    texts = ["blue", "make it blue " * 20, "red", "add a tree " * 25]
    expected = cold(embedder, image, texts)
    alone = count(monkeypatch, embedder.backbone, "embed_cold")
    reference = embedder.reference(image)
    np.testing.assert_allclose(reference.embed(texts), expected, **CLOSE)
    assert [len(rows) for rows, _ in alone] == [1, 1]
    asked = [ComposedQuery(image, text) for text in texts]
    gallery, composed = embedder.embed_mixed([image], asked)
    np.testing.assert_allclose(composed, expected, **CLOSE)
    np.testing.assert_allclose(gallery[0], reference.gallery(), **CLOSE)
    found = embedder.embed_texts(texts)
    rows = [Row((), (tuple(embedder.renderer.text(text)),), (0,)) for text in texts]
    single = [embedder.backbone.embed_cold([row], [])[0][0].numpy() for row in rows]
    np.testing.assert_allclose(found, single, **CLOSE)


@pytest.mark.parametrize(("name", "settings"), [("qwen3-vl", {}), ("released", {"long_limit": LONG_LIMIT})])
def test_refinement_from_several_threads_gives_right_vectors(
    name: str, settings: dict[str, Any], loaded: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = loaded(name, **settings)
    monkeypatch.setattr(embedder, "_prefixes", PrefixCache(max_bytes=100_000))  # some are dropped under way
    images = pictures()[:4]
    texts = ["blue", "make it blue " * 20, "", "a tree"]
    expected = [cold(embedder, image, texts) for image in images]
    told = embedder.embed_texts(texts)
    together = threading.Barrier(6)

    def work(seed: int) -> None:
        together.wait()
        for step in range(6):
            number = (seed + step) % 4
            if seed == 5:
                np.testing.assert_allclose(embedder.embed_texts(texts), told, **CLOSE)
            elif seed == 4:
                asked = [ComposedQuery(images[number], text) for text in texts]
                np.testing.assert_allclose(embedder.embed_queries(asked), expected[number], **CLOSE)
            else:
                reference = embedder.reference(images[number])
                np.testing.assert_allclose(reference.embed(texts), expected[number], **CLOSE)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))


@pytest.mark.parametrize("family", ["llava-clip-phi3", "qwen2-vl", "idefics3"])
def test_the_words_before_a_modification_are_computed_with_the_picture(
    loaded: Any, family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = loaded(family)
    picture = pictures()[0]
    prepared = embedder.planner.prepare(picture)
    prefix = embedder.renderer.prefix("query", prepared.expansion)
    words = embedder.renderer.opening("query", prefix)
    assert 3 <= len(words) < len(embedder.renderer.suffix("query", prefix))
    starts: list[int] = []
    sent: list[list[int]] = []
    start, go_on = embedder.backbone.start, embedder.backbone.go_on
    monkeypatch.setattr(embedder.backbone, "start", lambda ids, image: starts.append(len(ids)) or start(ids, image))
    monkeypatch.setattr(
        embedder.backbone, "go_on", lambda state, rest: sent.append([len(ids) for ids in rest]) or go_on(state, rest)
    )
    embedder._prefixes = PrefixCache(1 << 30)
    reference = embedder.reference(picture)
    texts = ["make it red", "", '"quoted"', "中文", "\n", "é", "  spaced"]
    together, gallery = reference.embed(texts), reference.gallery()
    assert starts == [len(prefix.ids) + len(words)]  # once, for modifications and gallery alike
    suffixes = [tuple(embedder.renderer.suffix("query", prefix, text)) for text in texts]
    after_words = [len(suffix) - len(words) for suffix in suffixes if suffix[: len(words)] == words]
    assert after_words
    assert sent[0] == after_words
    cold = np.concatenate([embedder.embed_queries([ComposedQuery(picture, text)]) for text in texts])
    np.testing.assert_allclose(together, cold, atol=1e-5)
    np.testing.assert_allclose(gallery, embedder.embed_images([picture])[0], atol=1e-5)

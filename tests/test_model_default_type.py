"""Another model that is being loaded changes torch's default type for every thread; vectors stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoConfig

from instructcir.items import ComposedQuery
from instructcir.model.loading import count_weights
from instructcir.model.prefix import PrefixCache
from instructcir.model.together import embed_together
from tiny_models import pictures


@contextmanager
def bfloat16_by_default() -> Iterator[None]:
    """As transformers has it while it makes a model of that type."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def everything(embedder: Any) -> list[np.ndarray[Any, Any]]:
    one, other = pictures()[:2]
    first, second = embedder.reference(one), embedder.reference(other)
    for reference in (first, second):
        reference.cache = PrefixCache(2**30)
    return [
        embedder.embed_images([one, other]),
        embedder.embed_queries([ComposedQuery(one, "in red"), ComposedQuery(other, "much larger")]),
        embedder.embed_texts(["a red coat"]),
        first.embed(["in blue", "without sleeves"]),
        *embed_together([(first, "query", ["x"]), (second, "query", ["in red", "shorter"])]),
    ]


@pytest.mark.parametrize(
    "family", ["qwen2-vl", "qwen3-vl", "llava-siglip-qwen2", "llava-clip-phi3", "idefics3", "gemma3", "released"]
)
def test_vectors_do_not_depend_on_the_default_type(family: str, loaded: Callable[..., Any]) -> None:
    embedder = loaded(family)
    expected = everything(embedder)
    with bfloat16_by_default():
        found = everything(embedder)
    for one, wanted in zip(found, expected, strict=True):
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, wanted, atol=1e-5)


def test_counting_weights_changes_no_default_and_no_configuration(
    built: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = AutoConfig.from_pretrained(built("llava-clip-phi3"))
    config.dtype = torch.bfloat16
    taken: list[torch.dtype] = []
    monkeypatch.setattr(torch, "set_default_dtype", taken.append)
    assert count_weights(config) > 0
    assert set(taken) <= {torch.float32}
    assert config.dtype == torch.bfloat16

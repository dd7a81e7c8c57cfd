"""Several open references in one pass give what each gives alone, prefixes of any length, kept or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from instructcir.model.prefix import PrefixCache
from instructcir.model.together import embed_together
from tiny_models import pictures

ASKED = [
    ("query", ["in red", "and much larger than before, with stripes"]),
    ("gallery", [""]),
    ("query", ["in blue"]),
    ("query", []),
    ("query", ["x", "in red"]),
]


@pytest.mark.parametrize(
    "family", ["qwen2-vl", "qwen3-vl", "llava-siglip-qwen2", "llava-clip-phi3", "idefics3", "gemma3", "released"]
)
def test_together_is_alone(family: str, loaded: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = loaded(family)
    monkeypatch.setattr(embedder, "_prefixes", PrefixCache(2**30))
    first, second, third = (embedder.reference(picture) for picture in pictures()[:3])
    questions: Any = [
        (reference, kind, texts)
        for reference, (kind, texts) in zip((first, second, third, first, first), ASKED, strict=True)
    ]
    expected = [reference.gallery()[None] if k == "gallery" else reference.embed(t) for reference, k, t in questions]
    for kept in (embedder._prefixes, PrefixCache(2**30), PrefixCache(0)):  # all there; to be computed; never kept
        for reference in (first, second, third):
            reference.cache = kept
        found = embed_together(questions)
        assert [one.shape for one in found] == [(len(texts), embedder.dimension) for _, _, texts in questions]
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, atol=2e-5)


def test_prefixes_of_one_kind_take_two_passes_in_all(
    loaded: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = loaded("llava-siglip-qwen2")
    references = [embedder.reference(picture) for picture in pictures()[:4]]
    for reference in references:
        reference.cache = PrefixCache(2**30)
    calls = []
    real = type(embedder.backbone.base).forward
    monkeypatch.setattr(
        type(embedder.backbone.base), "forward", lambda self, *a, **k: (calls.append(1), real(self, *a, **k))[1]
    )
    monkeypatch.setattr(embedder.planner, "budget", 10_000)
    embed_together([(reference, "query", ["in red"]) for reference in references])
    assert len(calls) == 2

"""Large pictures are prepared with fewer copies, to the very pixels that the model's own processor makes of them."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from instructcir.model import shrinking
from instructcir.model.embedder import Embedder
from instructcir.model.preparation import PreparedImage, prepare
from instructcir.model.shrinking import Preparation

SIZES = ((301, 200), (199, 333), (240, 240), (640, 97), (33, 21))


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize(("name", "shrinks"), [("llava-clip-llama", True), ("qwen2-vl", False)])
def test_the_pixels_are_the_processors(loaded: Callable[..., Embedder], name: str, shrinks: bool) -> None:
    processor = loaded(name).checkpoint.processor
    ours = Preparation(processor)
    for size in SIZES:
        expected, found = prepare(processor, noise(*size)), ours(noise(*size))
        assert found.expansion == expected.expansion
        assert found.tensors.keys() == expected.tensors.keys()
        for one, tensor in expected.tensors.items():
            assert torch.equal(found.tensors[one], tensor), (size, one)
    assert list(ours._proved.values()) == ([True] if shrinks else [])


@pytest.mark.parametrize("size", [{"height": 24, "width": 24}, {"shortest_edge": 24}])
def test_both_plain_sizes_are_proved(loaded: Callable[..., Embedder], size: dict[str, int]) -> None:
    import copy

    processor = copy.deepcopy(loaded("llava-clip-llama").checkpoint.processor)
    images: Any = processor.image_processor  # type: ignore[attr-defined]
    images.size = type(images.size)(**size) if not isinstance(images.size, dict) else size
    ours = Preparation(processor)
    for width, height in SIZES:
        expected, found = prepare(processor, noise(width, height)), ours(noise(width, height))
        assert torch.equal(found.tensors["pixel_values"], expected.tensors["pixel_values"])
    assert list(ours._proved.values()) == [True]


def test_a_processor_that_tells_the_original_size_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []

    def told(_: Any, image: Image.Image) -> PreparedImage:
        seen.append(image.size)
        small = torch.from_numpy(np.array(image.resize((8, 8), Image.Resampling.BICUBIC)))
        return PreparedImage({"pixel_values": small[None], "image_sizes": torch.tensor([image.size])}, "<image>")

    monkeypatch.setattr(shrinking, "prepare", told)
    settings = SimpleNamespace(size={"height": 8, "width": 8}, do_resize=True, resample=3)
    ours = Preparation(SimpleNamespace(image_processor=settings))  # type: ignore[arg-type]
    assert ours(noise(90, 70)).tensors["image_sizes"].tolist() == [[90, 70]]
    assert list(ours._proved.values()) == [False]
    assert seen[-1] == (90, 70)

"""Prepared pictures kept in bytes come back exactly; what is no picture of bytes is left as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from instructcir.training.keeping import Kept, keep, keep_image


@pytest.mark.parametrize("name", ["llava-clip-llama", "qwen2-vl"])
def test_a_prepared_picture_comes_back_exactly(loaded: Callable[..., Any], name: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (61, 47, 3), dtype=np.uint8)
    image = loaded(name).planner.prepare(Image.fromarray(noise))
    kept = keep_image(image)
    whole = kept.whole()
    assert whole.expansion == image.expansion
    assert whole.tensors.keys() == image.tensors.keys()
    for part, tensor in image.tensors.items():
        assert torch.equal(whole.tensors[part], tensor)
        assert whole.tensors[part].dtype == tensor.dtype
    if name.startswith("llava"):
        assert kept.nbytes < image.nbytes / 3


def test_only_pixels_of_few_values_are_changed() -> None:
    many = torch.randn(1, 3, 40, 40)
    assert keep(many) is many
    flat = torch.zeros(4, 12)
    assert keep(flat) is flat
    grid = torch.ones(1, 3, 2, 2, dtype=torch.long)
    assert keep(grid) is grid
    few = torch.arange(256.0).reshape(1, 1, 16, 16)
    assert isinstance(keep(few), Kept)
    assert torch.equal(keep(few).tensor(), few)  # type: ignore[union-attr]

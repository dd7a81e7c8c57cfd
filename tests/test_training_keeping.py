"""Prepared pictures kept in bytes come back bit for bit; what is not made of bytes is left as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from instructcir.model.preparation import PreparedImage
from instructcir.training.keeping import Keeper, Kept

MEAN, SPREAD = np.float32([0.48, 0.46, 0.41]), np.float32([0.27, 0.26, 0.28])


def pixels(image: Image.Image) -> torch.Tensor:
    """(1, 3, H, W), as most models want it."""
    levels = (np.asarray(image).astype(np.float32) * np.float32(1 / 255) - MEAN) / SPREAD
    return torch.from_numpy(levels.transpose(2, 0, 1).copy())[None]


def prepared(image: Image.Image) -> PreparedImage:
    return PreparedImage({"pixel_values": pixels(image)}, "<image>")


def noise(height: int, width: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def same_bits(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.shape == other.shape and one.dtype == other.dtype and one.numpy().tobytes() == other.numpy().tobytes()


@pytest.mark.parametrize("name", ["llava-clip-llama", "qwen2-vl"])
def test_what_models_prepare_comes_back_in_a_third_of_the_memory(loaded: Callable[..., Any], name: str) -> None:
    prepare = loaded(name).planner.prepare
    image = prepare(noise(161, 147))
    kept = Keeper(prepare)(image)
    whole = kept.whole()
    assert whole.expansion == image.expansion
    assert whole.tensors.keys() == image.tensors.keys()
    assert all(same_bits(whole.tensors[part], tensor) for part, tensor in image.tensors.items())
    assert isinstance(kept.kept["pixel_values"], Kept)
    assert kept.nbytes < image.nbytes / 3 + 3 * 256 * 4  # its table beside its bytes


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (31, 2), (13, 17)])
def test_odd_sizes_and_shades(size: tuple[int, int]) -> None:
    keeper = Keeper(prepared)
    for image in (noise(*size), Image.new("RGB", size, (3, 3, 3)), Image.new("RGB", size, (255, 0, 128))):
        kept = keeper(prepared(image))
        assert isinstance(kept.kept["pixel_values"], Kept)
        assert same_bits(kept.whole().tensors["pixel_values"], pixels(image))


def test_tiles_are_kept() -> None:
    def tiled(image: Image.Image) -> PreparedImage:
        return PreparedImage({"pixel_values": torch.stack([pixels(image), pixels(image).flip(-1)], dim=1)}, "<image>")

    image = tiled(noise(9, 5))
    kept = Keeper(tiled)(image)
    assert isinstance(kept.kept["pixel_values"], Kept)
    assert same_bits(kept.whole().tensors["pixel_values"], image.tensors["pixel_values"])


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x + 1e-3 * torch.randn(x.shape),  # resized in floating point
        lambda x: x.index_fill(3, torch.tensor([2]), float("nan")),
        lambda x: x.index_fill(3, torch.tensor([2]), 0.0).index_fill(3, torch.tensor([1]), -0.0),
        lambda x: x.double(),
        lambda x: x[:, :2],
        lambda x: x.flatten(1)[:, :4],
        lambda x: x[:, :, :0],
        lambda x: (x * 10).long(),
    ],
)
def test_anything_else_stays_as_it_is(change: Callable[[torch.Tensor], torch.Tensor]) -> None:
    tensor = change(pixels(noise(40, 40)))
    beside = torch.ones(1, 2)
    kept = Keeper(prepared)(PreparedImage({"pixel_values": tensor, "sizes": beside}, "<image>"))
    assert kept.kept["pixel_values"] is tensor
    assert kept.kept["sizes"] is beside


def test_a_preparation_that_tells_nothing_of_black_and_white_keeps_all_as_it_is() -> None:
    def alike(image: Image.Image) -> PreparedImage:
        return PreparedImage({"pixel_values": torch.ones(1, 3, 2, 2)}, "<image>")

    image = prepared(noise(6, 6))
    assert Keeper(alike)(image).kept["pixel_values"] is image.tensors["pixel_values"]

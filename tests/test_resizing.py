"""Pictures shrunk by torch's form of Pillow's filters: its values within one, its sizes, and Pillow's own elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from instructcir.resizing import shrink

FILTERS = Image.Resampling


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    shape = (height, width) if mode == "L" else (height, width, len(mode))
    return Image.fromarray(np.random.default_rng(width).integers(0, 256, shape, dtype=np.uint8))


def levels(one: Image.Image, other: Image.Image) -> int:
    assert (one.mode, one.size) == (other.mode, other.size)
    return int(np.abs(np.asarray(one).astype(int) - np.asarray(other)).max())


@pytest.mark.parametrize("resample", [FILTERS.BICUBIC, FILTERS.BILINEAR])
@pytest.mark.parametrize("size", [(112, 112), (192, 144), (301, 77), (576, 432)])
def test_no_value_is_further_than_one_from_pillows(resample: Image.Resampling, size: tuple[int, int]) -> None:
    picture = noise(576, 432)
    assert levels(shrink(picture, size, resample, 2.0), picture.resize(size, resample)) <= 1


@pytest.mark.parametrize(
    ("picture", "size", "resample"),
    [
        (noise(300, 200), (100, 80), FILTERS.LANCZOS),
        (noise(300, 200), (100, 80), FILTERS.BOX),
        (noise(300, 200, "L"), (100, 80), FILTERS.BICUBIC),
        (noise(40, 30), (80, 20), FILTERS.BICUBIC),  # wider than it is
        (noise(1700, 90), (200, 40), FILTERS.BICUBIC),  # 8.5 times, of which a whole number is reduced first
        (noise(900, 1), (50, 1), FILTERS.BILINEAR),
    ],
)
def test_what_torch_does_not_shrink_is_pillows_to_the_last_bit(
    picture: Image.Image, size: tuple[int, int], resample: Image.Resampling
) -> None:
    assert levels(shrink(picture, size, resample, 2.0), picture.resize(size, resample, reducing_gap=2.0)) == 0


def test_the_caller_keeps_its_picture() -> None:
    picture = noise(300, 200)
    before = picture.tobytes()
    shrink(picture, (50, 50), FILTERS.BICUBIC, 2.0)
    assert picture.tobytes() == before


def test_torchs_default_type_changes_nothing() -> None:
    picture = noise(300, 200)
    expected = shrink(picture, (60, 60), FILTERS.BICUBIC, 2.0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        assert levels(shrink(picture, (60, 60), FILTERS.BICUBIC, 2.0), expected) == 0
    finally:
        torch.set_default_dtype(before)

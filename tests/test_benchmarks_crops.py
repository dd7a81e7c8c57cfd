"""GeneCIS's crops against what the definition says, at boxes that lie across edges."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from instructcir.benchmarks.crops import dilated_box, padded_square, square_crop
from instructcir.errors import ImageError, InputError


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((100, 80, 40, 20), (72, 66, 140, 100)),  # unclipped: it grows to the left and to the top only
        ((10, 5, 40, 20), (0, 0, 68, 34)),  # clipped at the corner: the far side is measured from the edge
        ((-12, -3.5, 40, 20), (0, 0, 68, 34)),  # a box that begins outside
        ((170, 130, 40, 30), (142, 109, 200, 150)),  # clipped at the far corner
        ((100.5, 80.25, 10, 10), (94, 73, 110, 90)),  # 93.5 and 110.5 go to their even neighbours, 73.25 and 90.25 down
        ((0, 0, 200, 150), (0, 0, 200, 150)),
        ((0, 0, 300, 300), (0, 0, 200, 150)),
    ],
)
def test_boxes(box: tuple[float, float, float, float], expected: tuple[int, int, int, int]) -> None:
    assert dilated_box(box, (200, 150)) == expected


def test_without_dilation_a_box_is_itself() -> None:
    assert dilated_box((7, 9, 30, 20), (200, 150), dilation=0) == (7, 9, 37, 29)


def test_the_pixels_are_those_of_pillows_own_crop_of_the_unrounded_box() -> None:
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (97, 131, 3), dtype=np.uint8))
    for _ in range(200):
        x, y = rng.uniform(-20, 120), rng.uniform(-20, 85)
        w, h = rng.uniform(2, 150), rng.uniform(2, 150)
        left, top = max(0, x - 0.7 * w), max(0, y - 0.7 * h)
        if left >= 130 or top >= 96:
            continue
        expected = image.crop((left, top, min(131, left + 1.7 * w), min(97, top + 1.7 * h)))
        assert image.crop(dilated_box((x, y, w, h), image.size)).tobytes() == expected.tobytes()


@pytest.mark.parametrize(("width", "height"), [(5, 2), (2, 5), (4, 4), (1, 8)])
def test_padding_is_black_and_centred(width: int, height: int) -> None:
    square = np.asarray(padded_square(Image.new("RGB", (width, height), (9, 8, 7))))
    side = max(width, height)
    assert square.shape == (side, side, 3)
    rows, columns = np.nonzero(square[:, :, 0])
    assert (columns.min(), columns.max() + 1) == ((side - width) // 2, (side - width) // 2 + width)
    assert (rows.min(), rows.max() + 1) == ((side - height) // 2, (side - height) // 2 + height)
    assert set(np.unique(square)) <= {0, 7, 8, 9}


def test_bad_boxes_are_named() -> None:
    with pytest.raises(InputError, match="no area"):
        dilated_box((3, 3, 0, 5), (10, 10))
    with pytest.raises(InputError, match="no area"):
        dilated_box((3, 3, float("nan"), 5), (10, 10))
    with pytest.raises(ImageError, match=r"2366050.jpg: the box \[50, 3, 4, 5\] lies outside the picture of 10 x 10"):
        square_crop(Image.new("RGB", (10, 10)), (50, 3, 4, 5), name="2366050.jpg")

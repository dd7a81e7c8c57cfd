"""A file's facts are those of the whole picture, however little of it the model needs."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from instructcir.encoding.files import THUMBNAIL_SIDE, open_picture


def photograph(width: int, height: int) -> tuple[Image.Image, bytes]:
    coarse = np.random.default_rng(5).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    picture = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=92)
    return picture, content.getvalue()


@pytest.mark.parametrize(
    ("min_side", "opened", "shown"),
    [
        (None, (800, 600), (192, 144)),
        (224, (400, 300), (192, 144)),
        (75, (100, 75), (192, 144)),  # less than a thumbnail shows
    ],
)
def test_size_and_thumbnail_do_not_depend_on_what_the_model_needs(
    min_side: int | None, opened: tuple[int, int], shown: tuple[int, int]
) -> None:
    picture, data = photograph(800, 600)
    facts, found = open_picture("a.jpg", data, 7, min_side=min_side)
    assert found.size == opened
    assert (facts.width, facts.height, facts.size, facts.mtime_ns) == (800, 600, len(data), 7)
    thumbnail = Image.open(io.BytesIO(facts.thumbnail))
    assert thumbnail.size == shown
    wanted = np.asarray(picture.resize(shown, Image.Resampling.LANCZOS), dtype=np.float32)
    assert np.abs(np.asarray(thumbnail, dtype=np.float32) - wanted).mean() < 3.0


def test_a_picture_smaller_than_a_thumbnail_stays_as_it_is() -> None:
    facts, found = open_picture("a.jpg", photograph(100, 60)[1], 7, min_side=224)
    assert found.size == Image.open(io.BytesIO(facts.thumbnail)).size == (100, 60)
    assert max(found.size) < THUMBNAIL_SIDE

"""One model for many threads: how many pictures it keeps open."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from instructcir.model.embedder import Embedder
from instructcir.server import asking
from instructcir.server.asking import SharedModel
from instructcir.server.limits import Limits


def test_no_more_pictures_are_kept_open_than_there_is_room_for_and_each_is_answered_rightly(
    loaded: Callable[..., Embedder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "MOST_KEPT", 3)
    embedder = loaded("qwen3-vl")
    model = SharedModel(embedder, Limits())
    pictures = [Image.new("RGB", (32, 32), (40 * number, 90, 255 - 40 * number)) for number in range(6)]
    for picture in [*pictures, *pictures]:
        found = model.reference(picture).embed(["in red"])
        np.testing.assert_allclose(found, embedder.reference(picture).embed(["in red"]), atol=1e-5)
        assert len(model._opened) <= 3
    assert len(model._opened) == 3
    assert model._opened_bytes == sum(one.image.nbytes for one in model._opened.values())
    model.close()

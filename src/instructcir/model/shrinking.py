"""Preparation of large pictures without copies of them: shrunk by Pillow first, where that gives the very same pixels.

transformers' image processors bring a picture into an array, back into a picture, and shrink that one with Pillow.
Of a photograph the copies take longer than the shrinking. Where a processor only brings pictures to one size, the same
shrinking can be done on the picture as it is, and what is left for the processor is small. Whether a processor is of
that sort is not looked up but tried: on random pictures of several shapes, all its outputs must be the same to the last
bit.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import ProcessorMixin

from instructcir.errors import ImageError
from instructcir.model.preparation import PreparedImage, prepare

_WORTH = 4  # times as many pixels as are needed, from which on it pays
_TRIED = (3.1, 2.3), (2.2, 3.7), (2.6, 2.6)  # width and height of trial pictures, in sides of the target


class Preparation:
    """A model's own image preparation, faster for large pictures. Safe in threads.

    Args:
        processor: as `load_processor` made it.
    """

    def __init__(self, processor: ProcessorMixin) -> None:
        self._processor = processor
        self._proved: dict[tuple[object, ...], bool] = {}
        self._lock = threading.Lock()

    def __call__(self, image: Image.Image) -> PreparedImage:
        """Pixels and placeholder text of one RGB picture; raises as `prepare`."""
        target = self._target(image.size)
        if target is None or image.width * image.height < _WORTH * target[0] * target[1] or not self._is_proved():
            return prepare(self._processor, image)
        try:
            return prepare(self._processor, self._shrunk(image, target))
        except ImageError:
            return prepare(self._processor, image)  # its error names the picture as it is

    def _settings(self) -> Any:
        return self._processor.image_processor

    def _target(self, size: tuple[int, int]) -> tuple[int, int] | None:
        """Width and height that the processor brings a picture to; None if that is not one of the two plain ways."""
        settings = self._settings()
        given = {name: value for name, value in dict(getattr(settings, "size", None) or {}).items() if value}
        if not getattr(settings, "do_resize", False) or getattr(settings, "resample", None) is None:
            return None
        if given.keys() == {"height", "width"}:
            return given["width"], given["height"]
        if given.keys() == {"shortest_edge"}:
            edge, (short, long) = given["shortest_edge"], sorted(size)
            other = int(edge * long / short)
            return (edge, other) if size[0] <= size[1] else (other, edge)
        return None

    def _shrunk(self, image: Image.Image, target: tuple[int, int]) -> Image.Image:
        return image.resize(target, Image.Resampling(int(self._settings().resample)))

    def _is_proved(self) -> bool:
        settings = self._settings()
        key = (*sorted(dict(settings.size).items(), key=str), int(settings.resample))
        with self._lock:
            if key not in self._proved:
                self._proved[key] = self._prove()
            return self._proved[key]

    def _prove(self) -> bool:
        """Whether shrinking first changes nothing, on trial pictures."""
        generator = np.random.default_rng(0)
        square = self._target((64, 64))
        assert square is not None
        for across, down in _TRIED:
            width, height = int(across * square[0]), int(down * square[1])
            picture = Image.fromarray(generator.integers(0, 256, (height, width, 3), dtype=np.uint8))
            target = self._target(picture.size)
            assert target is not None
            try:
                whole, small = (prepare(self._processor, one) for one in (picture, self._shrunk(picture, target)))
            except ImageError:
                return False
            if whole.expansion != small.expansion or whole.tensors.keys() != small.tensors.keys():
                return False
            if not all(torch.equal(whole.tensors[name], small.tensors[name]) for name in whole.tensors):
                return False
        return True

"""Preparation of large pictures without copies of them, and without pixels that a model allows to be left out.

transformers' image processors bring a picture into an array, back into a picture, and shrink that one with Pillow.
Of a photograph the copies take longer than the shrinking. Where a processor only brings pictures to one size, the same
shrinking can be done on the picture as it is, and what is left for the processor is small. Where it makes a number of
each value of a pixel by itself, a table takes its place. Whether a processor is of that sort is not known beforehand
but tried: on random pictures of several shapes, all its outputs must be the same to the last bit.

A model whose folder says so is prepared in fewer steps still: `reducing_gap` in `preprocessor_config.json`, Pillow's
name for how many times the wanted size must be left by a first, cheap shrinking. By it JPEG files are decoded at a
fraction of their size and much larger pictures reduced by a whole number, before the model's own filter does the rest,
as torch computes it. That changes pixels a little, so it is the model's to say; a folder without it is prepared
exactly.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import ProcessorMixin

from instructcir.errors import ImageError, ModelError
from instructcir.model.lookup import Lookup, try_lookup
from instructcir.model.preparation import PreparedImage, prepare
from instructcir.resizing import shrink

_WORTH = 4  # times as many pixels as are needed, from which on it pays
_TRIED = (3.1, 2.3), (2.2, 3.7), (2.6, 2.6)  # width and height of trial pictures, in sides of the target


class Preparation:
    """A model's own image preparation, faster for large pictures. Safe in threads.

    Args:
        processor: as `load_processor` made it.

    Raises:
        ModelError: its `reducing_gap` is no number of at least 1.
    """

    def __init__(self, processor: ProcessorMixin) -> None:
        self._processor = processor
        self._gap = _checked_gap(self._settings())
        self._proved: dict[tuple[object, ...], bool] = {}
        self._lookups: dict[tuple[object, ...], Lookup | None] = {}
        self._lock = threading.Lock()

    @property
    def min_side(self) -> int | None:
        """Pixels a side that a JPEG file may be reduced to while it is decoded; None where all are wanted."""
        square = self._target((64, 64))
        if self._gap is None or square is None or not self._is_proved():
            return None
        return math.ceil(self._gap * max(square))

    def __call__(self, image: Image.Image) -> PreparedImage:
        """Pixels and placeholder text of one RGB picture; raises as `prepare`."""
        target = self._target(image.size)
        if target is None or image.width * image.height < _WORTH * target[0] * target[1] or not self._is_proved():
            return prepare(self._processor, image)
        small = self._shrunk(image, target, self._gap)
        lookup = self._lookups[self._key()]
        if lookup is not None:
            return lookup(small)
        try:
            return prepare(self._processor, small)
        except ImageError:
            return prepare(self._processor, image)  # its error names the picture as it is

    def _settings(self) -> Any:
        return self._processor.image_processor

    def _size(self) -> Mapping[str, int]:
        """The settings' size without the ways that are not taken."""
        return {name: value for name, value in dict(getattr(self._settings(), "size", None) or {}).items() if value}

    def _target(self, size: tuple[int, int]) -> tuple[int, int] | None:
        """Width and height that the processor brings a picture to; None if that is not one of the two plain ways."""
        settings, given = self._settings(), self._size()
        if not getattr(settings, "do_resize", False) or getattr(settings, "resample", None) is None:
            return None
        if given.keys() == {"height", "width"}:
            return given["width"], given["height"]
        if given.keys() == {"shortest_edge"}:
            edge, (short, long) = given["shortest_edge"], sorted(size)
            other = int(edge * long / short)
            return (edge, other) if size[0] <= size[1] else (other, edge)
        return None

    def _shrunk(self, image: Image.Image, target: tuple[int, int], gap: float | None = None) -> Image.Image:
        resample = Image.Resampling(int(self._settings().resample))
        return image.resize(target, resample) if gap is None else shrink(image, target, resample, gap)

    def _key(self) -> tuple[object, ...]:
        settings = self._settings()
        return (*sorted(dict(settings.size).items(), key=str), int(settings.resample))

    def _is_proved(self) -> bool:
        key = self._key()
        with self._lock:
            if key not in self._proved:
                self._proved[key] = self._prove()
                self._lookups[key] = self._lookup() if self._proved[key] else None
            return self._proved[key]

    def _lookup(self) -> Lookup | None:
        """A table in the processor's place; None where pictures end at several sizes, or none is found to be right."""
        square = self._target((64, 64))
        if square is None or self._size().keys() != {"height", "width"}:
            return None
        return try_lookup(lambda image: prepare(self._processor, image), square)

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


def _checked_gap(settings: Any) -> float | None:
    gap = getattr(settings, "reducing_gap", None)
    if gap is None:
        return None
    if isinstance(gap, bool) or not isinstance(gap, int | float) or not 1 <= gap < math.inf:
        raise ModelError(f"preprocessor_config.json: reducing_gap is {gap!r}; it must be a number of at least 1")
    return float(gap)

"""A reference image kept open: its features and the keys and values of its prompt, for one text after another."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from instructcir.model.backbone import PrefixState
from instructcir.model.jobs import Ask
from instructcir.model.planner import Planner, cut_by_tokens
from instructcir.model.preparation import PreparedImage

_PASS_TOKENS = 1024
"""Modification tokens that go through the model in one pass."""


class PrefixCache:
    """Computed prefixes, the least recently used dropped first, within a bound in bytes. Safe to use from threads."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.nbytes = 0
        self._kept: OrderedDict[object, PrefixState] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: object) -> PrefixState | None:
        """The prefix kept under `key`, now the most recently used; None if there is none."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, key: object, state: PrefixState) -> None:
        """Keep a prefix; older ones give way. One that is larger than the bound is not kept."""
        with self._lock:
            if key in self._kept or state.nbytes > self.max_bytes:
                return
            self._kept[key] = state
            self.nbytes += state.nbytes
            while self.nbytes > self.max_bytes:
                _, dropped = self._kept.popitem(last=False)
                self.nbytes -= dropped.nbytes


class Reference:
    """An open reference image; made by `Embedder.reference`.

    Its prompt's beginning is computed at the first use and again whenever the cache has dropped it.
    """

    def __init__(self, planner: Planner, cache: PrefixCache, image: PreparedImage, digest: str) -> None:
        self._planner = planner
        self._cache = cache
        self._image = image
        self._digest = digest

    def embed(self, modifications: Sequence[str]) -> npt.NDArray[np.float32]:
        """Vectors of composed queries on this image.

        Args:
            modifications: K plain texts.

        Returns:
            (K, D) float32, unit length, in order.

        Raises:
            InputError: a modification is longer than the model takes.
        """
        return self._vectors([Ask("query", text, number) for number, text in enumerate(modifications)])

    def gallery(self) -> npt.NDArray[np.float32]:
        """The image's own gallery vector, (D,) float32."""
        vector: npt.NDArray[np.float32] = self._vectors([Ask("gallery", "", 0)])[0]
        return vector

    def _vectors(self, asks: list[Ask]) -> npt.NDArray[np.float32]:
        result = torch.empty(len(asks), self._planner.backbone.dimension)
        for row in self._planner.rows(asks, self._image, 0):
            alone = len(row.suffixes) == 1 and self._planner.runs_alone(row)
            if alone:
                result[row.outputs[0]] = self._planner.alone(row, self._image)
                continue
            state = self._state(row.prefix)
            for part in cut_by_tokens([len(suffix) for suffix in row.suffixes], _PASS_TOKENS):
                unit = self._planner.backbone.go_on(state, [row.suffixes[number] for number in part])
                result[[row.outputs[number] for number in part]] = unit
        return result.numpy()

    def _state(self, prefix: tuple[int, ...]) -> PrefixState:
        key = self._digest, prefix
        state = self._cache.get(key)
        if state is None:
            state = self._planner.backbone.start(prefix, self._image)
            self._cache.put(key, state)
        return state

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
from instructcir.model.packing import Row
from instructcir.model.planner import Planner, cut_by_tokens
from instructcir.model.preparation import PreparedImage

MOST_KEPT = 256
"""References whose prefixes are kept, unless their bytes are bound first."""
_PASS_TOKENS = 1024
"""Modification tokens that go through the model in one pass."""


class PrefixCache:
    """Computed prefixes, the least recently used dropped first, within two bounds. Safe to use from threads.

    Args:
        max_bytes: of all of them.
        most: of them: those of a small model would take hours to fill the memory that those of a large one need.
    """

    def __init__(self, max_bytes: int, most: int = MOST_KEPT) -> None:
        self.max_bytes = max_bytes
        self.most = most
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
            while self.nbytes > self.max_bytes or len(self._kept) > self.most:
                _, dropped = self._kept.popitem(last=False)
                self.nbytes -= dropped.nbytes


class Reference:
    """An open reference image; made by `Embedder.reference`.

    Its prompt's beginning is computed at the first use and again whenever the cache has dropped it.

    Attributes:
        planner: of the model.
        cache: of its prefixes.
        image: the picture as the model wants it.
        digest: of its pixels.
    """

    def __init__(self, planner: Planner, cache: PrefixCache, image: PreparedImage, digest: str) -> None:
        self.planner = planner
        self.cache = cache
        self.image = image
        self.digest = digest

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
        result = torch.empty(len(asks), self.planner.backbone.dimension, dtype=torch.float32)
        for row in self.planner.rows(asks, self.image, 0):
            self.finish(row, result)
        return result.numpy()

    def finish(self, row: Row, result: torch.Tensor) -> None:
        """Put the vectors of a row's prompts into `result` (K, D), in passes of bounded size.

        The kept prefix ends with the words that every modification follows; a prompt without them, the gallery's for
        one, goes on from before them.
        """
        if len(row.suffixes) == 1 and self.planner.runs_alone(row):
            result[row.outputs[0]] = self.planner.alone(row, self.image)
            return
        words = self.opening_of(row)
        for start, skipped, chosen in starts(self._state(row.prefix + words), row, words):
            suffixes = [row.suffixes[number][skipped:] for number in chosen]
            for part in cut_by_tokens([len(suffix) for suffix in suffixes], _PASS_TOKENS):
                unit = self.planner.backbone.go_on(start, [suffixes[index] for index in part])
                result[[row.outputs[chosen[index]] for index in part]] = unit

    def opening_of(self, row: Row) -> tuple[int, ...]:
        """The words behind the picture that the kept prefix ends with."""
        query = self.planner.renderer.prefix("query", self.image.expansion)
        words = self.planner.renderer.opening("query", query) if query.ids == row.prefix else ()
        own_pass = self.planner.own_pass
        return () if own_pass is not None and len(row.prefix) + len(words) > own_pass else words

    def _state(self, prefix: tuple[int, ...]) -> PrefixState:
        key = self.digest, prefix
        state = self.cache.get(key)
        if state is None:
            state = self.planner.backbone.start(prefix, self.image)
            self.cache.put(key, state)
        return state


def starts(state: PrefixState, row: Row, words: tuple[int, ...]) -> list[tuple[PrefixState, int, list[int]]]:
    """Where a row's suffixes go on from: the state, how many of their tokens it holds, and which suffixes."""
    numbers = range(len(row.suffixes))
    after_words = [number for number in numbers if words and row.suffixes[number][: len(words)] == words]
    others = sorted(set(numbers) - set(after_words))
    return [(state, len(words), after_words), (state.cut(len(words)), 0, others)]

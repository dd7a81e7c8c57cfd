"""A model that is loaded when the first picture needs it: a run that finds nothing new never waits for one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from instructcir.encoding.bulk import Encodes


class Deferred:
    """Encodes pictures with what `load` gives, called once, at the first use. What `load` raises reaches the run."""

    def __init__(self, load: Callable[[], Encodes[Any]]) -> None:
        self._load = load
        self._loaded: Encodes[Any] | None = None
        self._lock = threading.Lock()

    @property
    def min_side(self) -> int | None:
        """Pixels a side that the model needs of a JPEG file; None for all that it has."""
        return self._model().min_side

    def prepare(self, image: Image.Image) -> Any:
        """A picture as the model wants it."""
        return self._model().prepare(image)

    def iter_images(
        self, images: Iterable[Any], *, window: int
    ) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]]:
        """Numbers and unit vectors of a stream of prepared pictures."""
        return self._model().iter_images(images, window=window)

    def load(self) -> None:
        """Load it now, if it is not loaded yet."""
        self._model()

    def _model(self) -> Encodes[Any]:
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

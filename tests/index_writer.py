"""A stand-in for a model, in numpy alone, and a program that indexes with it, to be killed at any moment."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from instructcir.index.manifest import Identity
from instructcir.index.update import update_index

DIMENSION = 12


class MeanColours:
    """Encodes a picture as the colours of its four quarters."""

    min_side: int | None = None

    def __init__(self, pause: float = 0.0) -> None:
        self.pause = pause
        self.encoded = 0

    def prepare(self, image: Image.Image) -> Any:
        return np.asarray(image.resize((2, 2), Image.Resampling.BOX), dtype=np.float32).reshape(-1) + 1

    def iter_images(self, images: Iterable[Any], *, window: int) -> Iterator[tuple[Any, Any]]:
        stream = enumerate(images)
        while some := list(islice(stream, window)):
            time.sleep(self.pause)
            vectors = np.stack([vector for _, vector in some])
            self.encoded += len(some)
            yield np.array([number for number, _ in some]), vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def identity(seed: int = 0, model: str = "colours") -> Identity:
    probe = np.random.default_rng(seed).normal(size=DIMENSION)
    return Identity(model, f"{seed:064x}", {}, {}, DIMENSION, [(probe / np.linalg.norm(probe)).tolist()])


def draw(folder: Path, names: Sequence[str], seed: int = 0) -> None:
    """Pictures of random colours, each of its own content and size in bytes as PNG has it."""
    generator = np.random.default_rng(seed)
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (2, 2, 3), dtype=np.uint8)).resize((20, 16), 0).save(path)


if __name__ == "__main__":
    index, pictures, pause, fragment = sys.argv[1:]
    update_index(Path(index), [pictures], MeanColours(float(pause)), identity(), fragment=int(fragment))

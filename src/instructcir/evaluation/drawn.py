"""Scores on test sets of drawn worlds, where what is relevant is known exactly, beside what one modality reaches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from instructcir.evaluation.metrics import Floats, average_precision_at, bootstrap_interval, hits, recall_at
from instructcir.items import ComposedQuery, ImageLike
from instructcir.ranking import blocked_top_k
from instructcir.worlds.galleries import ComposedTest
from instructcir.worlds.rasterise import rasterise
from instructcir.worlds.registry import world as world_named
from instructcir.worlds.world import Drawing

# shapes: Q queries, G gallery, D dimensions, K ranks

Vectors = npt.NDArray[np.float32]
DEPTH = 50
SIDE = 224
"""Pixels a side of the test's pictures; a model brings them to its own size."""


class Embeds(Protocol):
    """Anything with the embedder's methods."""

    def embed_mixed(self, images: Sequence[ImageLike], queries: Sequence[ComposedQuery]) -> tuple[Vectors, Vectors]:
        """Gallery vectors and composed queries."""
        ...

    def embed_images(self, images: Sequence[ImageLike]) -> Vectors:
        """Gallery vectors."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Text vectors."""
        ...


@dataclass(frozen=True, slots=True)
class Score:
    """Means over queries, each with its 95 % bootstrap interval.

    Attributes:
        queries: Q.
        values: metric -> (mean, low, high), in percent.
    """

    queries: int
    values: dict[str, tuple[float, float, float]]


def score_drawn(embedder: Embeds, test: ComposedTest, progress: Callable[[str], None] | None = None) -> dict[str, Any]:
    """Score an embedder on a test set; the reference is excluded from every ranking.

    Args:
        embedder: what makes vectors.
        test: the test set.
        progress: told what comes next.

    Returns:
        "composed", "image only", "text only", "average" (of image and text vectors), "text to image" and "image to
        image" with a `Score` each; "by kind" and "by aspect" with one `Score` for each; "composition gap" in points.
    """
    tell = progress or (lambda _: None)
    world = world_named(test.world)
    tell("drawing")
    pictures: list[ImageLike] = [rasterise(world.svg(drawing), SIDE) for drawing in test.gallery]
    again = [Drawing(drawing.facts, drawing.look ^ 0x5EED) for drawing in test.gallery[: len(test.queries)]]
    redrawn: list[ImageLike] = [rasterise(world.svg(drawing), SIDE) for drawing in again]
    tell("embedding")
    queries = [ComposedQuery(pictures[query.reference], query.modification.text) for query in test.queries]
    gallery_GD, composed_QD = embedder.embed_mixed(pictures, queries)
    texts_QD = embedder.embed_texts([query.modification.text for query in test.queries])
    captions_QD = embedder.embed_texts(test.captions[: len(test.queries)])
    redrawn_QD = embedder.embed_images(redrawn)
    tell("ranking")
    references = np.array([query.reference for query in test.queries])
    relevant = [query.relevant for query in test.queries]
    images_QD = gallery_GD[references]
    found = {
        name: _judge(_ranked(vectors, gallery_GD, references), relevant)
        for name, vectors in {
            "composed": composed_QD,
            "image only": images_QD,
            "text only": texts_QD,
            "average": _unit(images_QD + texts_QD),
        }.items()
    }
    equal = _equal_facts(test.gallery, len(test.queries))
    nobody = np.full(len(test.queries), -1)
    found["text to image"] = _judge(_ranked(captions_QD, gallery_GD, nobody), equal)
    found["image to image"] = _judge(_ranked(redrawn_QD, gallery_GD, nobody), equal)
    result: dict[str, Any] = {name: _score(values) for name, values in found.items()}
    recall = {name: result[name].values["recall@10"][0] for name in ("composed", "image only", "text only")}
    result["composition gap"] = recall["composed"] - max(recall["image only"], recall["text only"])
    result["by kind"] = _parts(found["composed"], [query.kinds for query in test.queries])
    result["by aspect"] = _parts(found["composed"], [query.modification.aspects for query in test.queries])
    return result


def _ranked(queries_QD: Vectors, gallery_GD: Vectors, excluded_Q: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(Q, K) gallery indices, best first, without the excluded one of each query."""
    indices_QK, _ = blocked_top_k(queries_QD, gallery_GD, min(DEPTH + 1, len(gallery_GD)))
    rows = [row[row != out][:DEPTH] for row, out in zip(indices_QK, excluded_Q, strict=True)]
    return np.stack([np.pad(row, (0, DEPTH - len(row)), constant_values=-1) for row in rows])


def _judge(ranked_QK: npt.NDArray[Any], relevant: Sequence[Sequence[int]]) -> dict[str, Floats]:
    """Metrics of each query."""
    right = hits(ranked_QK, relevant)
    return {
        "recall@1": recall_at(right, 1),
        "recall@10": recall_at(right, 10),
        "mAP@5": average_precision_at(right, relevant, 5),
    }


def _score(values: dict[str, Floats]) -> Score:
    means = {}
    for name, value_Q in values.items():
        low, high = bootstrap_interval(value_Q)
        means[name] = (100 * float(value_Q.mean()), 100 * low, 100 * high)
    return Score(len(next(iter(values.values()))), means)


def _parts(values: dict[str, Floats], labels: Sequence[Sequence[str]]) -> dict[str, Score]:
    """A score for each label, over the queries that bear it."""
    names = sorted({label for several in labels for label in several})
    chosen = {name: np.array([name in several for several in labels]) for name in names}
    return {name: _score({metric: value[mask] for metric, value in values.items()}) for name, mask in chosen.items()}


def _equal_facts(gallery: Sequence[Drawing], count: int) -> list[list[int]]:
    """For each of the first pictures all that have the same facts."""
    keys = [tuple(sorted(drawing.facts.items())) for drawing in gallery]
    places: dict[Any, list[int]] = {}
    for index, key in enumerate(keys):
        places.setdefault(key, []).append(index)
    return [places[key] for key in keys[:count]]


def _unit(vectors: Vectors) -> Vectors:
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit

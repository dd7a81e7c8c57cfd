"""What a model knew before: the worlds that it learned from, and composed queries with all right answers known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from instructcir.adapting.own_test import RANKS, Embeds
from instructcir.evaluation.metrics import Floats, hits, recall_at
from instructcir.items import ComposedQuery, ImageLike
from instructcir.model.loading import bundled
from instructcir.ranking import blocked_top_k
from instructcir.worlds.galleries import ComposedTest
from instructcir.worlds.rasterise import rasterise
from instructcir.worlds.registry import NAMES, world

# shapes: Q queries, G gallery, D dimensions, K ranks

SIDE = 224


def worlds_learned(folder: Path) -> tuple[str, ...]:
    """The drawn worlds that a model learned from: of a bundled one all, of another what the recipe of its run names.

    Args:
        folder: of the model; the recipe lies beside it, where `instructcir train` leaves it.
    """
    own = bundled(folder.name)
    if own is not None and own.resolve() == folder.resolve():
        return NAMES
    try:
        data = json.loads((folder.parent / "recipe.json").read_text(encoding="utf-8"))["data"]
        return tuple(data["worlds"]) if data["source"] == "drawn" else ()
    except (OSError, ValueError, KeyError, TypeError):
        return ()  # no run of ours: nothing is known of what it learned from


def score_old_world(embedder: Embeds, test: ComposedTest) -> dict[str, Floats]:
    """Recall of each query, its reference taken out of its ranking.

    Args:
        embedder: what makes vectors.
        test: of a world that the model learned from.

    Returns:
        Metric ("recall@1") -> (Q,) of 0 and 1.
    """
    drawn = world(test.world)
    pictures: list[ImageLike] = [rasterise(drawn.svg(drawing), SIDE) for drawing in test.gallery]
    queries = [ComposedQuery(pictures[query.reference], query.modification.text) for query in test.queries]
    gallery_GD, queries_QD = embedder.embed_mixed(pictures, queries)
    ranked_QK, _ = blocked_top_k(queries_QD, gallery_GD, min(RANKS[-1] + 1, len(gallery_GD)))
    rows = [
        np.concatenate([row[row != query.reference], [-1]])[: RANKS[-1]]
        for row, query in zip(ranked_QK, test.queries, strict=True)
    ]
    right_QK = hits(np.stack(rows), [query.relevant for query in test.queries])
    return {f"recall@{k}": recall_at(right_QK, k) for k in RANKS}

"""What a model knew before: composed queries on a drawn world, of which every right answer is known."""

from __future__ import annotations

import numpy as np

from instructcir.adapting.own_test import RANKS, Embeds
from instructcir.evaluation.metrics import Floats, hits, recall_at
from instructcir.items import ComposedQuery, ImageLike
from instructcir.ranking import blocked_top_k
from instructcir.worlds.galleries import ComposedTest
from instructcir.worlds.rasterise import rasterise
from instructcir.worlds.registry import world

# shapes: Q queries, G gallery, D dimensions, K ranks

SIDE = 224


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

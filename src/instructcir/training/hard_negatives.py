"""Captions that a model takes for a triplet's modified caption, and that are wrong: mined with it, and filtered.

What scores nearly as high as the right caption is often as right; such captions would teach the model its own mistakes
(U-MARVEL, arXiv 2507.14902), so a candidate counts only if it scores clearly lower (NV-Retriever, arXiv 2407.15831).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from instructcir.data.records import Triplet
from instructcir.errors import ImageError, InputError
from instructcir.items import ComposedQuery
from instructcir.model.embedder import Embedder, Progress
from instructcir.ranking import blocked_top_k

# shapes: Q triplets, C captions, D dimensions, K candidates

CEILING = 0.95
_DEPTH = 8
"""Candidates looked at for each negative wanted."""


def mine(
    embedder: Embedder,
    triplets: Sequence[Triplet],
    *,
    count: int = 4,
    ceiling: float = CEILING,
    progress: Progress | None = None,
) -> tuple[list[Triplet], list[tuple[str, str]]]:
    """Give triplets their hard negatives, drawn from all captions of the set.

    Args:
        embedder: the model whose mistakes are looked for.
        triplets: Q triplets with their pictures.
        count: hard negatives of a triplet, at most.
        ceiling: a caption counts if its score is at most this share of the right caption's.
        progress: called with (done, Q) while queries are embedded.

    Returns:
        The triplets whose picture can be used, each with up to `count` hard negatives, hardest first; and
        (id, reason) of the others.

    Raises:
        InputError: no triplets, or a ceiling that is not between 0 and 1.
    """
    if not triplets or not 0 < ceiling <= 1 or count < 1:
        raise InputError("mining needs triplets, a count of 1 or more and a ceiling above 0, at most 1")
    left_out: dict[int, ImageError] = {}
    queries = [ComposedQuery(triplet.image, triplet.instruction) for triplet in triplets]
    queries_QD = embedder.embed_queries(queries, progress=progress, on_bad=left_out.__setitem__)
    used = [triplet for number, triplet in enumerate(triplets) if number not in left_out]
    captions = list(
        dict.fromkeys(text for triplet in triplets for text in (triplet.modified_caption, triplet.caption) if text)
    )
    captions_CD = embedder.embed_texts(captions)
    places = {text: number for number, text in enumerate(captions)}
    depth = min(len(captions), count * _DEPTH + 2)
    indices_QK, scores_QK = blocked_top_k(queries_QD, captions_CD, depth)
    mined = []
    for triplet, query_D, indices, scores in zip(used, queries_QD, indices_QK, scores_QK, strict=True):
        right = float(query_D @ captions_CD[places[triplet.modified_caption]])
        own = {triplet.modified_caption, triplet.caption}
        found = [
            captions[index]
            for index, score in zip(indices, scores, strict=True)
            if captions[index] not in own and score <= ceiling * right
        ]
        mined.append(replace(triplet, hard_negatives=tuple(found[:count])))
    return mined, [(triplets[number].id, error.reason) for number, error in sorted(left_out.items())]

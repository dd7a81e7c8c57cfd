"""Captions that a model takes for a triplet's modified caption, and that are wrong: mined with it, and filtered.

What scores nearly as high as the right caption is often as right; such captions would teach the model its own mistakes
(U-MARVEL, arXiv 2507.14902), so a candidate counts only if it scores clearly lower (NV-Retriever, arXiv 2407.15831).
Words can tell more false negatives: a caption that says what the right one says is right, whatever it scores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from instructcir.data.records import Triplet
from instructcir.errors import ImageError, InputError
from instructcir.items import ComposedQuery
from instructcir.model.embedder import Embedder, Progress
from instructcir.ranking import blocked_top_k

# shapes: Q triplets, C captions, G pictures, D dimensions, K candidates

Floats: TypeAlias = npt.NDArray[np.float32]
IsRight: TypeAlias = Callable[[str, str], bool]
"""Called with the right caption and a candidate: whether the words alone show that the candidate is right too."""

CEILING = 0.95
_DEPTH = 8
"""Candidates looked at for each negative wanted."""


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """Pictures among which a query finds its mistakes: those of an index, or of the triplets themselves.

    Attributes:
        vectors_GD: unit vectors (G, D) of the mining model.
        captions: (G,) what each shows.
    """

    vectors_GD: Floats
    captions: tuple[str, ...]


def mine(
    embedder: Embedder,
    triplets: Sequence[Triplet],
    *,
    count: int = 4,
    ceiling: float = CEILING,
    among: Neighbourhood | None = None,
    is_right: IsRight | None = None,
    progress: Progress | None = None,
) -> tuple[list[Triplet], list[tuple[str, str]]]:
    """Give triplets their hard negatives: captions of the pictures that a query finds first, or of the whole set.

    Args:
        embedder: the model whose mistakes are looked for.
        triplets: Q triplets with their pictures.
        count: hard negatives of a triplet, at most.
        ceiling: a caption counts if its score is at most this share of the right caption's.
        among: pictures to find; None takes the nearest captions of the triplets instead.
        is_right: a candidate for which this holds is a false negative; None trusts scores alone.
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
    texts = [text for triplet in triplets for text in (triplet.modified_caption, triplet.caption) if text]
    captions = list(dict.fromkeys([*texts, *(among.captions if among else ())]))
    captions_CD = embedder.embed_texts(captions)
    places = {text: number for number, text in enumerate(captions)}
    mined = []
    found = _candidates(queries_QD, captions_CD, captions, among, count * _DEPTH + 2)
    for triplet, query_D, candidates in zip(used, queries_QD, found, strict=True):
        right = float(query_D @ captions_CD[places[triplet.modified_caption]])
        own = {triplet.modified_caption, triplet.caption}
        wrong = [
            text
            for text in candidates
            if text not in own
            and query_D @ captions_CD[places[text]] <= ceiling * right
            and not (is_right and is_right(triplet.modified_caption, text))
        ]
        mined.append(replace(triplet, hard_negatives=tuple(wrong[:count])))
    return mined, [(triplets[number].id, error.reason) for number, error in sorted(left_out.items())]


def _candidates(
    queries_QD: Floats, captions_CD: Floats, captions: Sequence[str], among: Neighbourhood | None, depth: int
) -> Iterator[list[str]]:
    """Of each query the captions to look at, hardest first, each once."""
    vectors_GD, said = (captions_CD, captions) if among is None else (among.vectors_GD, among.captions)
    indices_QK, _ = blocked_top_k(queries_QD, vectors_GD, min(len(said), depth))
    for indices in indices_QK:
        yield list(dict.fromkeys(said[index] for index in indices))

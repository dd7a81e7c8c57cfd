"""A test made from a person's own pictures, and what it can and cannot tell.

A bare folder has no judged answers: nobody said which picture is right for which query. What it has is pictures that
were held out, and a caption of each. Three things can honestly be measured from that.

*Composed, to captions*: picture and instruction must find the modified caption that was written for them among all
modified captions of the test and all captions of the held-out pictures, the picture's own among them. It is the
training's objective on pictures that training never saw. It is always there, and says nothing about searching pictures.

*Composed, to pictures*: where what a modified caption says is what another held-out picture's caption says, word for
word but for order and articles, that picture is a right answer, and so is every other whose caption says it. The query
must find one of them among all held-out pictures without its own. It is the real task; captions decide what is right,
so a picture whose caption is wrong or silent counts wrongly. Folders of much alike pictures have such queries, others
few.

*Text to picture*: a caption must find its picture, or one with an equal caption.

All queries are written by the same writer as the training's, so a part of any gain is getting used to its sentences.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from instructcir.errors import InputError
from instructcir.evaluation.metrics import Floats, hits, recall_at
from instructcir.items import ComposedQuery, ImageLike
from instructcir.ranking import blocked_top_k
from instructcir.synthesis.inspected import Row, picture_key
from instructcir.synthesis.texts import taken_apart
from instructcir.synthesis.written import Picture, Source

# shapes: Q queries, G held-out pictures, T texts, D dimensions, K ranks

Vectors = npt.NDArray[np.float32]
TO_CAPTIONS, TO_PICTURES, TEXT_TO_PICTURE = "composed, to captions", "composed, to pictures", "text to picture"
RANKS = (1, 10)
FEWEST = 30
"""Queries that a measure needs to be the one that decides."""


class Embeds(Protocol):
    """Anything with the embedder's methods."""

    def embed_mixed(self, images: Sequence[ImageLike], queries: Sequence[ComposedQuery]) -> tuple[Vectors, Vectors]:
        """Gallery vectors and composed queries."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Text vectors."""
        ...


@dataclass(frozen=True, slots=True)
class OwnTest:
    """Held-out pictures and queries about them.

    Attributes:
        pictures: G of them.
        captions: what each shows.
        queries: (place of the reference among the pictures, instruction, modified caption).
        relevant: for each query the places of pictures that are right answers; none for most.
    """

    pictures: tuple[Picture, ...]
    captions: tuple[str, ...]
    queries: tuple[tuple[int, str, str], ...]
    relevant: tuple[tuple[int, ...], ...]

    @property
    def deciding(self) -> str:
        """The measure that decides: pictures where enough queries have a right one, else captions."""
        return TO_PICTURES if sum(map(bool, self.relevant)) >= FEWEST else TO_CAPTIONS


def own_test(sources: Sequence[Source], rows: Iterable[Row]) -> OwnTest:
    """Make the test.

    Args:
        sources: held-out pictures with their captions.
        rows: triplets that were written from them and kept.

    Raises:
        InputError: there are too few pictures or triplets to test anything.
    """
    pictures = {picture_key(one.image): one for one in sources if one.image is not None}
    place = {key: number for number, key in enumerate(pictures)}
    queries = []
    for source, verdict in rows:
        if verdict.kept and (key := picture_key(source.image)) in place:
            queries.append((place[key], verdict.written.instruction, verdict.written.modified_caption))
    if len(pictures) < 2 or len(queries) < FEWEST:
        reason = f"{len(pictures)} held-out pictures with {len(queries)} triplets"
        raise InputError(f"{reason}: a test needs {FEWEST} triplets or more; add pictures or hold out more of them")
    captions = tuple(one.caption for one in pictures.values())
    saying: dict[tuple[str, ...], list[int]] = {}
    for number, caption in enumerate(captions):
        saying.setdefault(_said(caption), []).append(number)
    relevant = tuple(tuple(n for n in saying.get(_said(text), ()) if n != own) for own, _, text in queries)
    images = tuple(one.image for one in pictures.values() if one.image is not None)
    return OwnTest(images, captions, tuple(queries), relevant)


def score_own(embedder: Embeds, test: OwnTest) -> dict[str, dict[str, Floats]]:
    """Recall of each query.

    Args:
        embedder: what makes vectors.
        test: what is asked.

    Returns:
        Measure -> metric ("recall@1") -> (Q,) of 0 and 1; measures without a query are missing.

    Raises:
        ImageError: a picture cannot be used.
    """
    asked = [ComposedQuery(test.pictures[place], said) for place, said, _ in test.queries]
    gallery_GD, queries_QD = embedder.embed_mixed(list(test.pictures), asked)
    texts = list(dict.fromkeys([*(text for *_, text in test.queries), *test.captions]))
    texts_TD = embedder.embed_texts(texts)
    number = {text: place for place, text in enumerate(texts)}
    found = {TO_CAPTIONS: _recall(queries_QD, texts_TD, [(number[text],) for *_, text in test.queries])}
    some = [place for place, right in enumerate(test.relevant) if right]
    if some:
        own = [test.queries[place][0] for place in some]
        found[TO_PICTURES] = _recall(queries_QD[some], gallery_GD, [test.relevant[place] for place in some], own)
    saying: dict[str, list[int]] = {}
    for place, caption in enumerate(test.captions):
        saying.setdefault(caption, []).append(place)
    captions_GD = texts_TD[[number[caption] for caption in test.captions]]
    found[TEXT_TO_PICTURE] = _recall(captions_GD, gallery_GD, [tuple(saying[caption]) for caption in test.captions])
    return found


def _recall(
    queries_QD: Vectors, gallery_GD: Vectors, relevant: Sequence[Sequence[int]], excluded: Sequence[int] | None = None
) -> dict[str, Floats]:
    """Recall of each query; its excluded picture is taken out of its ranking."""
    depth = min(RANKS[-1] + 1, len(gallery_GD))
    ranked_QK, _ = blocked_top_k(queries_QD, gallery_GD, depth)
    if excluded is not None:
        rows = [row[row != out][: RANKS[-1]] for row, out in zip(ranked_QK, excluded, strict=True)]
        ranked_QK = np.stack([np.pad(row, (0, RANKS[-1] - len(row)), constant_values=-1) for row in rows])
    right_QK = hits(ranked_QK, relevant)
    return {f"recall@{k}": recall_at(right_QK, k) for k in RANKS}


def _said(text: str) -> tuple[str, ...]:
    """What a caption says, whatever the order."""
    return tuple(sorted(taken_apart(text).said))

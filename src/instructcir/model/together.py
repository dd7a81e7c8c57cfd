"""Questions about several open references at once: what is missing of their prefixes, and their words, in few passes.

Shape letters: K texts of a question, D dimensions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from instructcir.model.backbone import PrefixState
from instructcir.model.jobs import Ask
from instructcir.model.packing import Row, group_by_budget
from instructcir.model.prefix import Reference, starts
from instructcir.model.prompts import Kind

Question = tuple[Reference, Kind, Sequence[str]]
_ROW_TOKENS = 256
"""Suffix tokens of one question up to which it shares passes with others."""


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """A row of a question, with where its vectors go."""

    reference: Reference
    row: Row
    words: tuple[int, ...]
    result: torch.Tensor

    @property
    def key(self) -> tuple[str, tuple[int, ...]]:
        """Names the prefix that is kept of it."""
        return self.reference.digest, self.row.prefix + self.words


def embed_together(questions: Sequence[Question]) -> list[npt.NDArray[np.float32]]:
    """Vectors (K, D) of each question: `Reference.embed` and `Reference.gallery` of many references of one model.

    Args:
        questions: a reference, the kind of its prompts, and K texts.

    Raises:
        InputError: a text is longer than the model takes.
    """
    results, pieces = [], []
    for reference, kind, texts in questions:
        result = torch.empty(len(texts), reference.planner.backbone.dimension, dtype=torch.float32)
        asks = [Ask(kind, text, number) for number, text in enumerate(texts)]
        for row in reference.planner.rows(asks, reference.image, 0):
            if sum(map(len, row.suffixes)) > _ROW_TOKENS or reference.planner.runs_alone(row):
                reference.finish(row, result)
            else:
                pieces.append(_Piece(reference, row, reference.opening_of(row), result))
        results.append(result)
    for batch in _batches(pieces):
        _go_on(batch, _states(batch))
    return [result.numpy() for result in results]


def _batches(pieces: list[_Piece]) -> Iterator[list[_Piece]]:
    """Pieces whose prefixes are alike, as many as the budget of a pass allows, those of one prefix side by side."""
    groups: dict[object, list[_Piece]] = {}
    for piece in pieces:
        groups.setdefault((piece.reference.image.signature, len(piece.key[1])), []).append(piece)
    for group in groups.values():
        order = sorted(range(len(group)), key=lambda number: (group[number].row.length, group[number].key))
        budget = group[0].reference.planner.budget
        for numbers in group_by_budget([piece.row.length for piece in group], order, budget):
            yield [group[number] for number in numbers]


def _states(batch: list[_Piece]) -> dict[object, PrefixState]:
    """The prefixes of a batch; those that are not kept are computed in one pass."""
    first = batch[0].reference
    known = {piece.key: first.cache.get(piece.key) for piece in batch}
    missing = {piece.key: piece for piece in batch if known[piece.key] is None}
    made: dict[object, PrefixState] = {key: state for key, state in known.items() if state is not None}
    if missing:
        images = [piece.reference.image for piece in missing.values()]
        computed = first.planner.backbone.start_each([key[1] for key in missing], images)
        for key, state in zip(missing, computed, strict=True):
            first.cache.put(key, state)
            made[key] = state
    return made


def _go_on(batch: list[_Piece], states: dict[object, PrefixState]) -> None:
    """Put the vectors of a batch where they go."""
    parts = [
        (piece, start, skipped, chosen)
        for piece in batch
        for start, skipped, chosen in starts(states[piece.key], piece.row, piece.words)
        if chosen
    ]
    suffixes = [[piece.row.suffixes[number][skipped:] for number in chosen] for piece, _, skipped, chosen in parts]
    vectors = batch[0].reference.planner.backbone.go_on_each([start for _, start, _, _ in parts], suffixes)
    for (piece, _, _, chosen), unit in zip(parts, vectors, strict=True):
        piece.result[[piece.row.outputs[number] for number in chosen]] = unit

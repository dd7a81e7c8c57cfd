"""What a search gives back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Hit:
    """One entry of a ranking.

    Attributes:
        id: of the picture in the index; it survives renames.
        path: where the picture lies.
        score: cosine with the query.
        percentile: percent of the gallery that scores lower for this query.
        duplicates: paths of near-duplicates that this hit stands for.
        values: what metadata says of the picture.
    """

    id: str
    path: str
    score: float
    percentile: float
    duplicates: tuple[str, ...] = ()
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """The hits of a query, best first; to be walked through like a list.

    Attributes:
        hits: at most as many as were asked for.
        matches_well: whether the best score is above what is foreign to the gallery gets.
        remark: said to people where it does not, or where there is nothing to rank; else empty.
    """

    hits: tuple[Hit, ...]
    matches_well: bool
    remark: str = ""

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def __len__(self) -> int:
        return len(self.hits)

    def __getitem__(self, number: int) -> Hit:
        return self.hits[number]

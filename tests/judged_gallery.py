"""A gallery of vectors for those who test what matches well."""

from __future__ import annotations

from typing import Any


class Vectors:
    """A gallery of these vectors (G, D), as far as a judge looks at one."""

    graph = None

    def __init__(self, made: Any) -> None:
        self.made = made

    def __len__(self) -> int:
        return len(self.made)

    def scores(self, query_D: Any) -> Any:
        return self.made @ query_D

    def scores_each(self, queries_KD: Any) -> Any:
        return queries_KD @ self.made.T

    def vectors(self, numbers: Any) -> Any:
        return self.made[numbers]

    def sample(self, most: int) -> Any:
        return self.made[:most]

"""What can be asked about drawn pictures, as numbers: each attribute's value, and which thing is where."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from instructcir.worlds.world import Box, Facts, World

# shapes: A attributes of all worlds, N squares of a picture, row by row

UNASKED = -100
"""The label of what is not asked."""


class FactTable:
    """The attributes and things of some worlds, numbered.

    Args:
        worlds: the worlds.
    """

    def __init__(self, worlds: Sequence[World]) -> None:
        self.names = [(world.name, name) for world in worlds for name in world.attributes]
        self.values = [("", *values) for world in worlds for values in world.attributes.values()]
        self._numbers = [{value: number for number, value in enumerate(values)} for values in self.values]
        self.things = sorted({_thing(name) for _, name in self.names if _thing(name)})
        self._of_world: dict[str, list[tuple[int, str, str]]] = {world.name: [] for world in worlds}
        for place, (owner, name) in enumerate(self.names):
            self._of_world[owner].append((place, name, _thing(name)))

    def labels(
        self, world: str, facts: Facts, free: frozenset[str] = frozenset(), before: Facts | None = None
    ) -> torch.Tensor:
        """(A,) the number of each attribute's value; 0 where it does not apply, `UNASKED` for other worlds' attributes.

        Of a thing that is absent only the first attribute is asked, whose answer is 0; of one that was there `before`,
        all it had then: what takes a thing away changes as many facts as what adds it. What is `free` is not asked.
        """
        labels = torch.full((len(self.names),), UNASKED)
        asked: set[str] = set()
        for place, name, thing in self._of_world[world]:
            if name not in facts and thing in asked and name not in (before or ()):
                continue
            if thing:
                asked.add(thing)
            if name not in free:
                labels[place] = self._numbers[place][facts.get(name, "")]
        return labels

    def squares(self, boxes: Sequence[tuple[str, Box]], side: int) -> torch.Tensor:
        """(N,) which thing covers the middle of each of side x side squares, later ones in front; 0 for none.

        A thing smaller than a square is in the square that its middle is in.
        """
        labels = torch.zeros(side, side, dtype=torch.long)
        for thing, (left, top, right, bottom) in boxes:
            rows, columns = _covered(top, bottom, side), _covered(left, right, side)
            labels[rows[0] : rows[1], columns[0] : columns[1]] = 1 + self.things.index(thing)
        return labels.flatten()


def _thing(name: str) -> str:
    return name.rpartition(".")[0]


def _covered(start: float, end: float, side: int) -> tuple[int, int]:
    """First and one past the last of the squares along one side whose middles lie between start and end (0 to 1)."""
    first, last = round(start * side), round(end * side)
    if first >= last:
        first = int((start + end) / 2 * side)
        last = first + 1
    first = min(max(first, 0), side - 1)
    return first, min(max(last, first + 1), side)


def share_right(said: torch.Tensor, labels: torch.Tensor) -> float:
    """Share of the asked labels that are said right."""
    asked = labels != UNASKED
    return float((said[asked] == labels[asked]).float().mean()) if asked.any() else 0.0

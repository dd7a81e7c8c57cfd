"""What a function says of a word, kept: words come again, and a dictionary is asked faster than a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Said = TypeVar("Said")
MOST = 65_536
"""Words that are kept; then all are forgotten, and the frequent ones are soon there again."""


class Remembered(dict[str, Said]):
    """A dictionary of words that fills itself: `map(remembered.__getitem__, words)` runs without a call per word.

    Args:
        function: called once with each word; what it gives must not change.
        most: words that are kept.
    """

    def __init__(self, function: Callable[[str], Said], most: int = MOST) -> None:
        super().__init__()
        self._function, self._most = function, most

    def __missing__(self, word: str) -> Said:
        """Ask the function about a word that is not kept yet."""
        if len(self) >= self._most:
            self.clear()
        said = self[word] = self._function(word)
        return said

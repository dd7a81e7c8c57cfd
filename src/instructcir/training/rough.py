"""Texts made rougher while a model learns from them, so that words it never met do not throw it off.

People write words that no training text has. A model that learned from whole, known words alone takes such a word for
whatever it resembles; one that met texts with a gap, or with a word that means nothing, goes by the rest of the text
and by the picture. Of such a word beside one that it knows ("dairy cow", "jet-black") it learns to take the one it
knows. And a word cut into other pieces than usual (BPE-dropout, Provilkov et al., ACL 2020, arXiv
1910.13267) teaches what the pieces mean, of which words that were never met are made.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from instructcir.errors import InputError
from instructcir.worlds.phrasing import nonsense

_WORD = re.compile(r"[^\W\d_]{2,}")
_FEWEST = 3
"""Words that a text must have for one of them to be lost."""
_JOINTS = (" ", " ", " ", "-")


@dataclass(frozen=True, slots=True)
class Roughness:
    """How texts are made rougher; a text comes out the same each time for the same random numbers.

    Attributes:
        lost_words: probability that a text loses one of its words, or has it replaced by one that means nothing.
        split_words: probability of each token to be written as the two that the tokenizer made it of.
        stray_words: probability of each word to have one before it that means nothing.
        parts: token -> those two.
    """

    lost_words: float = 0.0
    split_words: float = 0.0
    stray_words: float = 0.0
    parts: dict[int, tuple[int, int]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        tokenizer: Any,
        lost_words: float,
        split_words: float,
        stray_words: float = 0.0,
        *,
        spared: Collection[int] = (),
    ) -> Roughness:
        """For a fast tokenizer.

        Args:
            tokenizer: whose tokens are split.
            lost_words: see above.
            split_words: see above.
            stray_words: see above.
            spared: tokens that are never split: those of the prompts' own words.

        Raises:
            InputError: tokens are to be split, and the tokenizer is not made of merges (byte-pair encoding).
        """
        if not split_words:
            return cls(lost_words, stray_words=stray_words)
        model = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
        if model["type"] != "BPE":
            raise InputError(f"data.split_words needs a byte-pair tokenizer, this one is {model['type']}; set it to 0")
        number = model["vocab"]
        pairs = (merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"])
        parts = {number[one + other]: (number[one], number[other]) for one, other in pairs}
        return cls(lost_words, split_words, stray_words, {t: two for t, two in parts.items() if t not in spared})

    def text(self, text: str, rng: random.Random) -> str:
        """The text, perhaps less a word or with one that means nothing instead, and with more such before others."""
        words = list(_WORD.finditer(text))
        if rng.random() < self.lost_words and len(words) >= _FEWEST:
            word = rng.choice(words)
            put = nonsense(rng) if rng.random() < 0.5 else ""
            text = " ".join((text[: word.start()] + put + text[word.end() :]).split())
        return _WORD.sub(lambda word: self._stray(rng) + word[0], text) if self.stray_words else text

    def _stray(self, rng: random.Random) -> str:
        """Mostly nothing, else a word that means nothing and what joins it to the next one."""
        return nonsense(rng) + rng.choice(_JOINTS) if rng.random() < self.stray_words else ""

    def ids(self, ids: Sequence[int], rng: random.Random) -> list[int]:
        """The ids, some written as the two they were made of, and those in turn."""
        if not self.split_words:
            return list(ids)
        left, found = list(reversed(ids)), []
        while left:
            token = left.pop()
            two = self.parts.get(token)
            if two is None or rng.random() >= self.split_words:
                found.append(token)
            else:
                left += reversed(two)
        return found


SMOOTH = Roughness()
"""Leaves texts as they are."""

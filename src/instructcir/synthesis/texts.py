"""A text taken apart once, for all filters: its words, and what they say about a picture.

Captions and instructions meet every filter, and a caption every triplet of its picture; so what was taken apart is kept
a while. All of it is plain counting of words. It knows English; of other languages only the words themselves are used.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from itertools import filterfalse
from typing import NamedTuple

from instructcir.synthesis.lexicon import lexicon
from instructcir.synthesis.remembered import Remembered

_KEPT = 8192
"""Texts kept taken apart: a few megabytes, and more than stand near each other in a file."""
_TOKEN = re.compile(r"\d+(?:[/.]\d+)?|[^\W\d_]+(?:'[^\W\d_]+)?|[,.;:!?/|()]|->")
_PLAIN = "abcdefghijklmnopqrstuvwxyz -,.;:!?"
_PLAIN_MARKS = ",.;:!?"
"""A text of no other characters, as most are, is divided at its spaces once marks have spaces around them."""
_SHORT = (("w/o", "without"), ("w/", "with "), ("i/o ", "instead of "))
_MARKS = frozenset(",.;:!?/|()") | {"->"}


class Text(NamedTuple):
    """A text's words.

    Attributes:
        sequence: words in lower case and marks of punctuation, in order.
        words: the words alone.
        said: the words without articles, which two texts may differ in and still say the same.
        stems: the stem of each word that is not weak.
        content: what they say: these stems, and the names of the words' groups ("=colour_red").
    """

    sequence: tuple[str, ...]
    words: tuple[str, ...]
    said: tuple[str, ...]
    stems: frozenset[str]
    content: frozenset[str]

    @property
    def counts(self) -> Counter[str]:
        """What they say with how often; few texts are asked for it, so it is counted anew."""
        return Counter([item for word in self.said for item in meanings(word)])


@lru_cache(maxsize=_KEPT)
def taken_apart(text: str) -> Text:
    """A text's words; hyphens divide them, and apostrophes do not."""
    plain = text.lower().replace("\u2019", "'")
    if "/" in plain:
        for short, whole in _SHORT:
            plain = plain.replace(short, whole)
    sequence = _TOKEN.findall(plain) if plain.strip(_PLAIN) else _divided(plain)
    known = lexicon()
    words = tuple(filterfalse(_MARKS.__contains__, sequence))
    said = tuple(filterfalse(known.articles.__contains__, words))
    content = frozenset().union(*map(_MEANINGS.__getitem__, said))
    return Text(tuple(sequence), words, said, content - known.groups, content)


def _divided(plain: str) -> list[str]:
    """What `_TOKEN` finds in a text of plain characters."""
    for mark in _PLAIN_MARKS:
        if mark in plain:
            plain = plain.replace(mark, f" {mark} ")
    return plain.replace("-", " ").split()


@lru_cache(maxsize=65_536)
def meanings(word: str) -> tuple[str, ...]:
    """What a word says about a picture: its stem, and the groups that it stands in; nothing if it is weak."""
    known = lexicon()
    groups = known.concepts.get(word, ())
    return groups if word in known.weak else (stem(word), *groups)


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """A word without the endings that number and grammar give it: stripes, striped and stripe are one."""
    word = word.removesuffix("'s")
    if len(word) < 4:
        return word
    if word.endswith("ies"):
        word = word[:-3] + "y"
    elif word.endswith(("sses", "shes", "ches", "xes")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed", "y", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            bare = word[: -len(ending)]
            return bare[:-1] if len(bare) > 3 and bare[-1] == bare[-2] and bare[-1] not in "ls" else bare
    return word


_MEANINGS = Remembered(meanings)


def is_mark(token: str) -> bool:
    """Whether a member of a text's sequence is punctuation."""
    return token in _MARKS

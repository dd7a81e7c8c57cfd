"""A text taken apart once, for all filters: its words, and what they say about a picture.

Captions and instructions meet every filter, and a caption every triplet of its picture; so what was taken apart is kept
a while. All of it is plain counting of words. It knows English; of other languages only the words themselves are used.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from instructcir.synthesis.lexicon import lexicon

_KEPT = 8192
"""Texts kept taken apart: a few megabytes, and more than stand near each other in a file."""
_TOKEN = re.compile(r"\d+(?:[/.]\d+)?|[^\W\d_]+(?:'[^\W\d_]+)?|[,.;:!?/|()]|->")
_SHORT = (("w/o", "without"), ("w/", "with "), ("i/o ", "instead of "))
_MARKS = frozenset(",.;:!?/|()") | {"->"}


@dataclass(frozen=True, slots=True)
class Text:
    """A text's words.

    Attributes:
        sequence: words in lower case and marks of punctuation, in order.
        words: the words alone.
        said: the words without articles, which two texts may differ in and still say the same.
        content: what they say: the stem of each word that is not weak, and the names of its groups ("=colour_red").
        counts: the same with how often.
    """

    sequence: tuple[str, ...]
    words: tuple[str, ...]
    said: tuple[str, ...]
    content: frozenset[str]
    counts: Counter[str]


@lru_cache(maxsize=_KEPT)
def taken_apart(text: str) -> Text:
    """A text's words; hyphens divide them, and apostrophes do not."""
    plain = text.lower().replace("\u2019", "'")
    if "/" in plain:
        for short, whole in _SHORT:
            plain = plain.replace(short, whole)
    sequence = tuple(_TOKEN.findall(plain))
    words = tuple([word for word in sequence if word not in _MARKS])
    articles = lexicon().articles
    said = tuple([word for word in words if word not in articles])
    counts = Counter([item for word in said for item in meanings(word)])
    return Text(sequence, words, said, frozenset(counts), counts)


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


def is_mark(token: str) -> bool:
    """Whether a member of a text's sequence is punctuation."""
    return token in _MARKS

"""Which language and script a text is in, as far as a few short words and the letters tell for sure."""

from __future__ import annotations

import tomllib
from collections import Counter
from functools import cache, lru_cache
from importlib import resources

from instructcir.synthesis.texts import taken_apart

_FEWEST = 2
_TIMES = 2
# First and last letter of a script's main blocks; whatever is not among them counts as Latin.
_SCRIPTS = (
    ("greek", 0x370, 0x3FF),
    ("cyrillic", 0x400, 0x52F),
    ("hebrew", 0x590, 0x5FF),
    ("arabic", 0x600, 0x77F),
    ("devanagari", 0x900, 0x97F),
    ("thai", 0xE00, 0xE7F),
    ("chinese or japanese", 0x3040, 0x30FF),
    ("chinese or japanese", 0x3400, 0x9FFF),
    ("korean", 0xAC00, 0xD7AF),
)


@lru_cache(maxsize=8192)
def language_of(text: str) -> str:
    """The code of a text's language ("en"), or "" where its words do not tell."""
    return _told_by(_telling_words().intersection(taken_apart(text).words))


@cache
def _telling_words() -> frozenset[str]:
    return frozenset(_languages())


@lru_cache(maxsize=8192)
def _told_by(words: frozenset[str]) -> str:
    """The language of a text by those of its words that tell one; most texts share theirs with others."""
    known = _languages()
    told = [language for word in words for language in known[word]]
    if len(told) < _FEWEST:
        return ""
    counts = sorted([(told.count(language), language) for language in {*told}], reverse=True)
    most, best = counts[0]
    second = counts[1][0] if len(counts) > 1 else 0
    return best if most >= max(_FEWEST, _TIMES * second) else ""


@lru_cache(maxsize=8192)
def script_of(text: str) -> str:
    """The script that most letters of a text are in: "latin", "cyrillic", ...; "" of a text without letters."""
    if text.isascii():
        return "latin" if any(map(str.isalpha, text)) else ""
    counts = Counter(_script(ord(letter)) for letter in text if letter.isalpha())
    return counts.most_common(1)[0][0] if counts else ""


def _script(letter: int) -> str:
    return next((name for name, first, last in _SCRIPTS if first <= letter <= last), "latin")


@cache
def _languages() -> dict[str, tuple[str, ...]]:
    """Word -> the languages that it tells."""
    content = tomllib.loads(resources.files(__package__).joinpath("languages.toml").read_text(encoding="utf-8"))
    found: dict[str, tuple[str, ...]] = {}
    for language, words in content.items():
        for word in words:
            found[word] = (*found.get(word, ()), language)
    return found

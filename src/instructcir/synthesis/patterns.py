"""Patterns of what must not stand in a text, as data (`patterns.toml`), made to let nearly every text go at once."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from instructcir.synthesis.remembered import MOST
from instructcir.synthesis.texts import taken_apart


def leftover_in(text: str) -> str:
    """What a writer left in a text by mistake, as it stands there; empty where there is nothing."""
    known = _patterns()
    if not (known.leftover_signs.search(text) or not known.leftover_near.isdisjoint(taken_apart(text).words)):
        return ""
    found = known.leftovers.search(text)
    return found.group().strip() if found else ""


def unfit_in(text: str) -> tuple[str, str]:
    """A category of unsafe or personal content and what stands for it in a text; two empty strings for none."""
    known = _patterns()
    words = taken_apart(text).words
    for word in () if _HARMLESS.issuperset(words) else words:
        marks = _marks(word)
        for category in marks.rejects:
            return category, word
        for category in marks.tries:
            if found := known.unsafe[category].search(text):
                return category, found.group()
    if known.personal_signs.search(text) or _has_any(known.personal_words, text.lower()):
        for category, (part, pattern) in known.personal.items():
            if part.search(text) and (found := pattern.search(text)):
                return category, found.group()
    return "", ""


def _has_any(words: tuple[str, ...], text: str) -> bool:
    return any([word in text for word in words])


def categories() -> tuple[str, ...]:
    """All kinds of content that are looked for."""
    known = _patterns()
    return (*known.unsafe, *known.personal)


@dataclass(frozen=True, slots=True)
class _Patterns:
    leftover_signs: re.Pattern[str]
    leftover_near: frozenset[str]
    leftovers: re.Pattern[str]
    words: dict[str, re.Pattern[str]]
    near: dict[str, re.Pattern[str]]
    unsafe: dict[str, re.Pattern[str]]
    personal_signs: re.Pattern[str]
    personal_words: tuple[str, ...]
    personal: dict[str, tuple[re.Pattern[str], re.Pattern[str]]]


@dataclass(frozen=True, slots=True)
class _Marks:
    """Of a word: the categories that reject it, and those whose patterns are tried for it."""

    rejects: tuple[str, ...]
    tries: tuple[str, ...]


_HARMLESS: set[str] = set()
"""Words that were looked at and have no marks, as nearly all do: most texts hold no other."""


@lru_cache(maxsize=65_536)
def _marks(word: str) -> _Marks:
    known = _patterns()
    rejects = tuple(category for category, words in known.words.items() if words.fullmatch(word))
    tries = tuple(category for category, words in known.near.items() if words.fullmatch(word))
    if not rejects and not tries:
        if len(_HARMLESS) >= MOST:
            _HARMLESS.clear()
        _HARMLESS.add(word)
    return _Marks(rejects, tries)


@cache
def _patterns() -> _Patterns:
    content: dict[str, Any] = tomllib.loads(
        resources.files(__package__).joinpath("patterns.toml").read_text(encoding="utf-8")
    )
    leftovers, unsafe, personal = content["leftovers"], content["unsafe"], content["personal"]
    return _Patterns(
        leftover_signs=re.compile(leftovers["signs"]),
        leftover_near=frozenset(leftovers["near"]),
        leftovers=_any_of(leftovers["patterns"]),
        words={category: _words(one["words"]) for category, one in unsafe.items()},
        near={category: _words(one["near"]) for category, one in unsafe.items()},
        unsafe={category: _any_of(one["patterns"]) for category, one in unsafe.items()},
        personal_signs=re.compile(personal["signs"]),
        personal_words=tuple(personal["words"]),
        personal={
            category: (re.compile(part, re.IGNORECASE), re.compile(whole, re.IGNORECASE))
            for category, (part, whole) in personal["patterns"].items()
        },
    )


def _any_of(expressions: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{one})" for one in expressions), re.IGNORECASE)


def _words(words: list[str]) -> re.Pattern[str]:
    """One that fits a whole word; a star at the end stands for any ending."""
    fitting = (re.escape(word.removesuffix("*")) + r"\w*" * word.endswith("*") for word in words)
    return re.compile("|".join(fitting) or "(?!)")

"""The filters' English as data: `lexicon.toml`, read once, and what it says about one word."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, TypeAlias

Phrase: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """What is known of words, all in lower case.

    Attributes:
        articles: words that two captions may differ in and still say the same.
        weak: words that say nothing about a picture, the articles among them.
        asking: words that an instruction asks with.
        vague: words that ask for a change without naming what will be seen.
        general: things that keep their name when they are replaced.
        before: phrases before what is to go, by their first word, the longest first.
        after: phrases behind it, likewise.
        cues: the first words of both.
        ends: words at which a named thing ends.
        colours: words that are colours and nothing else.
        absent: words with which a caption says that something is not there.
        groups: names of groups of words that mean the same, each beginning with "=".
        concepts: word -> names of the groups that it stands in.
        hints: words that may stand for a colour or a number, and need not.
    """

    articles: frozenset[str]
    weak: frozenset[str]
    asking: frozenset[str]
    vague: frozenset[str]
    general: frozenset[str]
    before: Mapping[str, tuple[Phrase, ...]]
    after: Mapping[str, tuple[Phrase, ...]]
    cues: frozenset[str]
    ends: frozenset[str]
    colours: frozenset[str]
    absent: frozenset[str]
    groups: frozenset[str]
    concepts: Mapping[str, tuple[str, ...]]
    hints: frozenset[str]


@cache
def lexicon() -> Lexicon:
    """The lexicon that comes with the package."""
    content = tomllib.loads(resources.files(__package__).joinpath("lexicon.toml").read_text(encoding="utf-8"))
    concepts: dict[str, tuple[str, ...]] = {}
    for name, words in (*content["concepts"].items(), *content["hints"].items()):
        for word in words:
            concepts[word] = (*concepts.get(word, ()), f"={name}")
    gone: dict[str, Any] = content["gone"]
    articles = frozenset(content["articles"])
    before, after = _by_first(gone["before"]), _by_first(gone["after"])
    return Lexicon(
        articles=articles,
        weak=articles | frozenset(content["weak"]),
        asking=frozenset(content["asking"]),
        vague=frozenset(content["vague"]),
        general=frozenset(content["general"]),
        before=before,
        after=after,
        cues=frozenset((*before, *after)),
        ends=frozenset(gone["ends"]),
        colours=frozenset(content["colours"]),
        absent=frozenset(gone["absent"]),
        groups=frozenset(f"={name}" for name in content["concepts"]),
        concepts=concepts,
        hints=frozenset(word for words in content["hints"].values() for word in words),
    )


def _by_first(phrases: list[str]) -> dict[str, tuple[Phrase, ...]]:
    found: dict[str, tuple[Phrase, ...]] = {}
    for phrase in sorted((tuple(phrase.split()) for phrase in phrases), key=len, reverse=True):
        found[phrase[0]] = (*found.get(phrase[0], ()), phrase)
    return found

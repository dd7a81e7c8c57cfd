"""The words that the rule writer knows, and a caption taken apart into words."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

_WORD = re.compile(r"[^\W_]+(?:[-'\u2019][^\W_]+)*")
_VOWEL_SOUND = re.compile(r"(?!uni|use|eu|one\b|ukulele)[aeiou]|hour|honest|heir", re.IGNORECASE)

NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True, slots=True)
class Noun:
    """A noun with its forms and the group in which another may take its place."""

    singular: str
    plural: str
    group: str

    @property
    def bare(self) -> bool:
        """Whether it stands without "a": "trousers", "coffee", "boots"."""
        return self.singular == self.plural and self.group not in ("animal", "pet")


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a caption.

    Attributes:
        text: in lower case.
        start: its place in the caption.
        end: the place after it.
        noun: what it is, if it is a known noun, of two words perhaps.
        plural: whether that is meant of several.
        last: whether a noun phrase ends with it: nothing, punctuation or a function word follows.
    """

    text: str
    start: int
    end: int
    noun: Noun | None
    plural: bool
    last: bool


@cache
def rule_words() -> dict[str, Any]:
    """The content of `rule_words.toml`."""
    return tomllib.loads(resources.files(__package__).joinpath("rule_words.toml").read_text(encoding="utf-8"))


@cache
def listed(name: str) -> frozenset[str]:
    """The words of one of the lists under [lists]."""
    return frozenset(rule_words()["lists"][name].split())


@cache
def nouns() -> dict[str, Noun]:
    """Every form of every known noun."""
    found: dict[str, Noun] = {}
    for group, entries in rule_words()["nouns"].items():
        for entry in entries:
            singular, _, plural = entry.partition("|")
            noun = Noun(singular, plural or singular + "s", group)
            found |= {noun.plural: noun, noun.singular: noun}
    return found


@cache
def group(name: str) -> tuple[Noun, ...]:
    """The nouns of one group."""
    return tuple(dict.fromkeys(noun for noun in nouns().values() if noun.group == name))


@cache
def same(word: str) -> frozenset[str]:
    """A word with all that mean about the same: no edit goes from one to another."""
    rows = [row for row in rule_words()["same"]["rows"] if word in row]
    return frozenset({word, *(other for row in rows for other in row)})


def words_of(caption: str) -> list[Word]:
    """A caption's words, nouns of two words as one."""
    spans = [(match.group().lower(), match.start(), match.end()) for match in _WORD.finditer(caption)]
    known = nouns()
    words: list[Word] = []
    at = 0
    while at < len(spans):
        text, start, end = spans[at]
        step = 1
        if at + 1 < len(spans) and (both := f"{text} {spans[at + 1][0]}") in known and spans[at + 1][1] == end + 1:
            text, end, step = both, spans[at + 1][2], 2
        at += step
        noun = known.get(text)
        plural = noun is not None and (
            text != noun.singular or (noun.singular == noun.plural and not _after_article(words))
        )
        following = spans[at][0] if at < len(spans) else ""
        words.append(Word(text, start, end, noun, plural, _ends(caption, end, following, noun is not None)))
    return words


def phrase_after(words: list[Word], at: int) -> list[Word]:
    """The words from a place on up to the end of their noun phrase, at most four; empty where it is longer."""
    for end in range(at, min(at + 4, len(words))):
        if words[end].text in listed("function"):
            return []
        if words[end].last:
            return words[at : end + 1]
    return []


def is_plural(word: Word) -> bool:
    """Whether a word, known or not, looks like several things."""
    return word.plural if word.noun else word.text.endswith("s") and not word.text.endswith("ss")


def article(text: str) -> str:
    """The indefinite article, "a" or "an", that the sound of what follows asks for."""
    return "an" if _VOWEL_SOUND.match(text) else "a"


def splice(caption: str, start: int, end: int, new: str) -> str:
    """A caption with a piece replaced, and the article before it put right."""
    before = caption[:start]
    if not before and new and caption[:1].isupper():
        new = new[0].upper() + new[1:]
    if new and (match := re.search(r"\b(an?) $", before, re.IGNORECASE)):
        right = article(new)
        right = right.capitalize() if match.group(1)[0].isupper() else right
        before = f"{before[: match.start()]}{right} "
    return before + new + caption[end:]


def _after_article(words: list[Word]) -> bool:
    return any(word.text in ("a", "an") for word in words[-3:])


def _ends(caption: str, end: int, following: str, noun: bool) -> bool:
    after = caption[end : end + 1]
    if after != " ":
        return after not in ("'", "\u2019", "-")
    doing = following.endswith(("ing", "ed") if noun else "ing")  # "a car parked"; but "a striped dress"
    return not following or following in listed("function") or doing

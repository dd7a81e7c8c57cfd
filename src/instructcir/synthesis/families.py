"""Families of what a picture shows, where one excludes the others, as data (`families.toml`): places, colours, sleeves.

Where a garden became a beach, an instruction about sleeves was hardly what the modified caption was written for.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import TypeAlias

from instructcir.synthesis.lexicon import lexicon
from instructcir.synthesis.texts import taken_apart

Member: TypeAlias = tuple[str, str]
"""A family, and what of it: ("place", "garden")."""
_NEGATION_BEFORE = 3
_HINTED = ("colour_", "count_")
"""Groups of which the lexicon's hints are no sure sign."""
_GOES_ON = frozenset({"or", "nor", "and", "a", "any"})
_DENIES = frozenset({"no", "not", "without", "neither", "nor", "zero", "minus", "sans", "lacks", "lacking", "never"})
_BETWEEN = frozenset({"length", "shaped", "cut", "a"})
"""Words that may stand between the two of a pair: "long-length sleeves"."""


@dataclass(frozen=True, slots=True)
class _Families:
    """Of words and pairs of words what they surely name, of words what they may, and what families they speak of."""

    words: Mapping[str, Member]
    maybe: Mapping[str, frozenset[Member]]
    pairs: Mapping[tuple[str, str], Member]
    firsts: frozenset[str]
    spoken: Mapping[str, frozenset[str]]


def replaced(before: str, after: str) -> dict[str, tuple[str, str]]:
    """Families of which a caption has surely lost one and gained another: family -> the lost and the gained."""
    (seen, maybe_seen), (shown, maybe_shown) = shown_in(before), shown_in(after)
    gained = dict(sorted(shown - maybe_seen))
    return {family: (what, gained[family]) for family, what in sorted(seen - maybe_shown) if family in gained}


@lru_cache(maxsize=8192)
def shown_in(text: str) -> tuple[frozenset[Member], frozenset[Member]]:
    """What of the families a text surely shows, and all that it may show, as words have more than one meaning."""
    known = _families()
    words = taken_apart(text).words
    sure: set[Member] = set()
    paired: set[int] = set()
    for place, word in enumerate(words):
        following = _following(words, place) if word in known.firsts else 0
        if following and (member := known.pairs.get((word, words[following]))):
            sure.add(member)
            paired.update((place, following))
    maybe = sure.union(*[known.maybe[word] for word in words if word in known.maybe])
    for place, word in enumerate(words):
        if word in known.words and place not in paired and not _denied(words, place):
            sure.add(known.words[word])
    return frozenset(sure), frozenset(maybe)


def _following(words: tuple[str, ...], place: int) -> int:
    """The place of the next word that may be the second of a pair; 0 for none."""
    return next((later for later in range(place + 1, len(words)) if words[later] not in _BETWEEN), 0)


def _denied(words: tuple[str, ...], place: int) -> bool:
    """Whether a word says that what stands at a place is not there: "no buttons or zip"."""
    back = _NEGATION_BEFORE if place and words[place - 1] in _GOES_ON else 1
    return not _DENIES.isdisjoint(words[max(0, place - back) : place])


@lru_cache(maxsize=8192)
def spoken_of(instruction: str) -> frozenset[str]:
    """Families that an instruction speaks of, whatever it says of them."""
    known = _families().spoken
    return frozenset().union(*(known[word] for word in taken_apart(instruction).words if word in known))


@cache
def _families() -> _Families:
    content = tomllib.loads(resources.files(__package__).joinpath("families.toml").read_text(encoding="utf-8"))
    lists: dict[str, list[str]] = {}
    known = lexicon()
    for word, groups in known.concepts.items():
        for group in groups:
            lists.setdefault(group, []).append(word)
    words: dict[str, Member] = {}
    maybe: dict[str, frozenset[Member]] = {}
    pairs: dict[tuple[str, str], Member] = {}
    spoken: dict[str, frozenset[str]] = {}
    for family, one in content.items():
        named = [*one.get("words", {}).items(), *((group, lists[f"={group}"]) for group in one["groups"])]
        for what, several in named:
            for word in several:
                spoken[word] = spoken.get(word, frozenset()) | {family}
                maybe[word] = maybe.get(word, frozenset()) | {(family, what)}
                if word not in one.get("but", ()) and not (word in known.hints and what.startswith(_HINTED)):
                    words.setdefault(word, (family, what))
        for what, firsts in one.get("pairs", {}).items():
            pairs.update({(first, head): (family, what) for first in firsts for head in one["heads"]})
        for word in one["cues"]:
            spoken[word] = spoken.get(word, frozenset()) | {family}
    return _Families(words, maybe, pairs, frozenset(first for first, _ in pairs), spoken)

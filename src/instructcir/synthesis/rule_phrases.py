"""Where a caption can be edited by a phrase: places, times, views, positions, what is added or removed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from instructcir.synthesis.rule_sites import Site, agreement
from instructcir.synthesis.rule_words import Word, is_plural, listed, phrase_after, rule_words

_BEARING = frozenset({"with", "wearing", "holding", "carrying"})
_NO_SCENE = frozenset({"top", "bottom", "whole", "shoe"})
_DARK_OR_LIGHT = re.compile(
    r"\b(night|day|daytime|sun\w*|dusk|dawn|dark|rain\w*|snow\w*|fog\w*|cloud\w*|sky|storm\w*|winter\w*|summer|spring|autumn|"
    r"evening|morning|indoors|room|kitchen|studio)\b",
    re.IGNORECASE,
)
_SOMEWHERE = re.compile(
    r"\b(background|room|indoors|outdoors|outside|inside|water|sea|ocean|river|snow|grass|wall|floor|sky|road|sand|hills|"
    r"mountains|city|meadow|stage|table)\b",
    re.IGNORECASE,
)
_VIEWED = re.compile(r",? (?:seen|viewed|from (?:afar|far|above|below|near|behind))\b[^,]*$", re.IGNORECASE)


def phrase_sites(caption: str, words: list[Word]) -> Iterator[Site]:
    """All places where a phrase can be replaced, added or removed."""
    whole = len(caption.rstrip(" .!"))
    viewed = _VIEWED.search(caption, 0, whole)
    end = viewed.start() if viewed else whole
    yield from _places(caption, end)
    yield from _times(caption, end)
    yield from _views(caption, end)
    yield from _medium(caption, words)
    yield from _positions(caption)
    yield from _additions(caption, words, end)
    yield from _removals(words)


def _places(caption: str, end: int) -> Iterator[Site]:
    phrases = (*rule_words()["places"]["outside"], *rule_words()["places"]["inside"])
    if found := _pattern("places").search(caption):
        kept = _without_article(found.group())
        yield _replaced("place", found, tuple(other for other in phrases if _without_article(other) != kept))
    elif not _SOMEWHERE.search(caption) and not _named("places").search(caption):
        yield _appended("place", end, phrases, " ")


def _times(caption: str, end: int) -> Iterator[Site]:
    times = rule_words()["times"]
    found = [(match, name) for name in times if (match := _pattern("times", name).search(caption))]
    for match, name in found:
        yield _replaced("time", match, tuple(other for other in times[name] if other != match.group().lower()))
    if not found and not _DARK_OR_LIGHT.search(caption):
        yield _appended("time", end, tuple(phrase for name in times for phrase in times[name]), " ")


def _views(caption: str, end: int) -> Iterator[Site]:
    phrases = rule_words()["views"]["all"]
    if found := _pattern("views").search(caption):
        others = {other: {"new": other} for other in phrases if other != found.group().lower()}
        yield Site("viewpoint", "view", found.start(), found.end(), {"old": found.group()}, others)
    elif not re.search(r"\b(view|close-up|closeup|seen|angle)\b", caption, re.IGNORECASE):
        yield Site("viewpoint", "view", end, end, {}, {f", {phrase}": {"new": phrase} for phrase in phrases})


def _medium(caption: str, words: list[Word]) -> Iterator[Site]:
    mediums = rule_words()["mediums"]["all"]
    found = _pattern("mediums").match(caption)
    options = {}
    for medium in mediums:
        if found is None or found.group().lower() != medium:
            options[medium if found else f"{medium} "] = {"new": medium.removesuffix(" of")}
    if found is not None:
        yield Site("medium", "medium", found.start(), found.end(), {}, options)
    elif words and (words[0].text in ("a", "an", "the") or words[0].text in rule_words()["numbers"]["words"]):
        first = words[0]
        lowered = {f"{new}{first.text}": said for new, said in options.items()}
        yield Site("medium", "medium", first.start, first.end, {}, lowered)


def _positions(caption: str) -> Iterator[Site]:
    for found in _pattern("positions").finditer(caption):
        old = found.group().lower()
        new = _opposites()[old]
        yield Site("position", "position", found.start(), found.end(), {"old": old}, {new: {"new": new}})


def _additions(caption: str, words: list[Word], end: int) -> Iterator[Site]:
    at = next((at for at, word in enumerate(words) if word.noun and word.last), None)
    if at is None:
        return
    word, noun, additions = words[at], words[at].noun, rule_words()["additions"]
    assert noun is not None
    said = agreement(word)
    lower = caption.lower()

    def fresh(known: list[str]) -> list[str]:
        return [one for one in known if not any(part in lower for part in one.split()[-1:])]

    if things := fresh(additions.get(noun.group, [])):
        follows = words[at + 1] if at + 1 < len(words) else None
        if follows and follows.text == "with":
            listed = {f" {one} and": {"new": one} for one in things}
            yield Site("add", "add", follows.end, follows.end, said, listed)
        else:
            yield Site("add", "add", word.end, word.end, said, {f" with {one}": {"new": one} for one in things})
    if noun.group not in _NO_SCENE and not is_plural(word) and "background" not in lower:
        scene = {f", with {one}": {"new": one} for one in fresh(additions["scene"])}
        yield Site("add", "add_scene", end, end, said, scene)


def _removals(words: list[Word]) -> Iterator[Site]:
    for at, word in enumerate(words):
        if word.text not in _BEARING or at == 0 or at + 1 == len(words):
            continue
        begin = at + 1 + (words[at + 1].text in ("a", "an", "the", "its", "his", "her", "their"))
        phrase = phrase_after(words, begin) if begin < len(words) else []
        if not phrase or phrase[0].text in ("no", "only") or phrase[-1].text in listed("inseparable"):
            continue
        after = words[begin + len(phrase)] if begin + len(phrase) < len(words) else None
        old = " ".join(one.text for one in phrase)
        said = {"old": old, "is": "are" if is_plural(phrase[-1]) else "is"}
        if after is None:
            yield Site("remove", "remove", words[at - 1].end, phrase[-1].end, said, {"": {}})
        elif after.text == "and" and after.start == phrase[-1].end + 1 and word.text == "with":
            yield Site("remove", "remove", word.end, after.end, said, {"": {}})
        elif after.start == phrase[-1].end + 1 and after.text not in listed("function") and after.text.endswith("ing"):
            yield Site("remove", "remove", words[at - 1].end, phrase[-1].end, said, {"": {}})


def _replaced(kind: str, found: re.Match[str], phrases: tuple[str, ...]) -> Site:
    options = {other: {"new": other} for other in phrases}
    return Site(kind, "phrase", found.start(), found.end(), {"old": found.group().lower()}, options)


def _appended(kind: str, end: int, phrases: tuple[str, ...], before: str) -> Site:
    return Site(kind, "phrase_new", end, end, {}, {f"{before}{phrase}": {"new": phrase} for phrase in phrases})


def _without_article(phrase: str) -> str:
    return re.sub(r"\b(an?|the) ", "", phrase.lower())


@cache
def _pattern(table: str, name: str = "") -> re.Pattern[str]:
    """Finds any phrase of a table, with any article."""
    lists = rule_words()[table]
    phrases = lists[name] if name else [phrase for one in lists.values() for phrase in one]
    flat = list(_opposites()) if table == "positions" else phrases
    ordered = sorted(flat, key=len, reverse=True)
    said = [re.sub(r"\\ an?\\ ", r"\\ (?:an?|the)\\ ", re.escape(phrase)) for phrase in ordered]
    return re.compile(rf"\b(?:{'|'.join(said)})\b(?! of\b)", re.IGNORECASE)


@cache
def _named(table: str) -> re.Pattern[str]:
    """Finds the last word of any phrase of a table: a kitchen that the caption is about."""
    nouns = {phrase.split()[-1] for one in rule_words()[table].values() for phrase in one}
    return re.compile(rf"\b(?:{'|'.join(sorted(nouns))})\b", re.IGNORECASE)


@cache
def _opposites() -> dict[str, str]:
    pairs = rule_words()["positions"]["opposites"]
    return {old: new for first, second in pairs for old, new in ((first, second), (second, first))}

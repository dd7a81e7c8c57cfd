"""Where a caption can be edited by replacing a word: things, colours, attributes, numbers, what somebody does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from instructcir.synthesis.rule_words import (
    NUMBERS,
    Word,
    article,
    group,
    is_plural,
    listed,
    phrase_after,
    rule_words,
    same,
)

_NEVER_SEVERAL = frozenset({"top", "bottom", "whole", "shoe", "drink", "hat"})
_STILL = ("sitting", "standing", "lying", "sleeping", "jumping")


@dataclass(frozen=True, slots=True)
class Site:
    """A place of a caption that can be edited.

    Attributes:
        kind: what the edit changes.
        form: how it is said: a heading of `rule_sayings.toml`.
        start: where the edited piece begins; before it an article may change.
        end: the place after the piece.
        said: what the sentences of all its options need to know.
        options: new piece -> what sentences need to know of it beside.
    """

    kind: str
    form: str
    start: int
    end: int
    said: Mapping[str, str]
    options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def word_sites(words: list[Word]) -> Iterator[Site]:
    """All places where a word can be replaced."""
    for at, word in enumerate(words):
        if word.noun is not None and word.last and not (at and words[at - 1].noun):
            yield from _swap(words, word)
            yield from _several(words, at)
        elif not word.last:
            phrase = phrase_after(words, at + 1)
            if phrase and (at == 0 or words[at - 1].text not in ("and", "or", "dark", "light")):
                yield from _looks(word, phrase[-1])
                yield from _number(word, phrase)
        if word.text in rule_words()["actions"]["all"]:
            yield from _action(words, at)


def agreement(word: Word) -> dict[str, str]:
    """A thing with the verbs that go with it."""
    several = is_plural(word)
    return {"noun": word.text, "is": "are" if several else "is", "has": "have" if several else "has"}


def _swap(words: list[Word], word: Word) -> Iterator[Site]:
    noun = word.noun
    assert noun is not None
    if noun.group in ("person", "worker") and any(other.text in listed("gendered") for other in words):
        return
    there = {other.noun for other in words}
    alike = same(noun.singular)
    options = {}
    for other in group(noun.group):
        if other not in there and other.singular not in alike:
            new = other.plural if word.plural else other.singular
            options[new] = {"new": new, "a_new": new if word.plural or other.bare else f"{article(new)} {new}"}
    old = word.text if word.plural or noun.bare else f"{article(word.text)} {word.text}"
    said = {"old": word.text, "a_old": old, "is": "are" if word.plural else "is"}
    yield Site("replace", "swap", word.start, word.end, said, options)


def _looks(word: Word, head: Word) -> Iterator[Site]:
    words = rule_words()
    colours = words["colours"]
    said = {"old": word.text, **agreement(head)}
    if word.text in colours["plain"] or word.text in colours["spelt"]:
        alike = same(word.text)
        others = {other: {"new": other} for other in colours["plain"] if other not in alike}
        yield Site("colour", "recolour", word.start, word.end, said, others)
        if word.text in colours["shaded"]:
            shades = {
                f"{shade} {word.text}": {"more": more} for shade, more in (("dark", "darker"), ("light", "lighter"))
            }
            yield Site("colour", "shade", word.start, word.end, said, shades)
    for values in words["attributes"].values():
        if word.text in values:
            alike = same(word.text)
            others = {other: {"new": other} for other in values if other not in alike}
            yield Site("attribute", "trait", word.start, word.end, said, others)
    for scale in words["scales"].values():
        if word.text in scale["words"] and head.text in scale.get("nouns", (head.text,)):
            place = scale["words"].index(word.text)
            others = {
                other: {"new": other, "more": scale["more" if number > place else "less"]}
                for number, other in enumerate(scale["words"])
                if number != place
            }
            yield Site("attribute", "scale", word.start, word.end, said, others)
            return


def _number(word: Word, phrase: list[Word]) -> Iterator[Site]:
    known = rule_words()["numbers"]["words"]
    digit = word.text.isdecimal() and word.text in map(str, range(2, 10))
    if not (digit or word.text in known) or not is_plural(phrase[-1]):
        return
    value = int(word.text) if digit else NUMBERS.index(word.text) + 1
    options = {}
    for other in known:
        count = NUMBERS.index(other) + 1
        if count != value:
            new = str(count) if digit else other
            options[new] = {"new": new, "more": "more" if count > value else "fewer"}
    said = {"old": word.text, "noun": " ".join(one.text for one in phrase)}
    yield Site("count", "number", word.start, word.end, said, options)


def _several(words: list[Word], at: int) -> Iterator[Site]:
    """From one thing, the first that a caption names, to several."""
    word, noun = words[at], words[at].noun
    assert noun is not None
    first = next((number for number, one in enumerate(words) if one.text in ("a", "an")), None)
    countable = not word.plural and not noun.bare and noun.group not in _NEVER_SEVERAL
    if first is None or not countable or not at - 3 <= first < at or any(one.text in listed("finite") for one in words):
        return
    between = words[first + 1 : at]
    if any(one.text in ("of", "and", "with", "in", "on") or one.noun for one in between):
        return
    plural = " ".join([*(one.text for one in between), noun.plural])
    options = {f"{number} {plural}": {"new": number} for number in rule_words()["numbers"]["words"]}
    yield Site("count", "from_one", words[first].start, word.end, {"old": "one", "noun": plural}, options)


def _action(words: list[Word], at: int) -> Iterator[Site]:
    word = words[at]
    if at == 0 or (noun := words[at - 1].noun) is None or noun.group not in rule_words()["living"]["groups"]:
        return
    known = rule_words()["actions"]["all"] if at == len(words) - 1 else _STILL
    options = {other: {"new": other} for other in known if other != word.text}
    said = {"old": word.text, **agreement(words[at - 1])}
    yield Site("action", "action", word.start, word.end, said, options)

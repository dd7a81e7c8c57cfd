"""Small machinery for putting facts into words: phrase books, templates with slots, sentences, slips of the keyboard.

A phrase book is a TOML file beside a world's code. Every list in it has a part for training and a part that training
never sees; lists are named by their dotted path. For words, an unseen part may be empty:

    [belt.remove.do]
    training = ["take the {belt} off"]
    unseen = ["lose the {belt}"]

    [word.belt]
    belt = { training = ["belt"], unseen = ["waist belt"] }

Use: `speaker = Speaker(book(__package__, "phrases.toml"), rng, unseen)`, pick with `speaker.template("belt.remove.do")`
and `speaker.word("word.belt.belt")`, fill with `fill(template, {"belt": lambda: ...})`, and `tidy` what comes out.
Nothing but the `rng` that is passed in decides what is picked.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Callable, Container, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, TypeAlias

Book: TypeAlias = Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
"""Dotted path of a list -> (training's phrases, phrases that training never sees)."""
Makers: TypeAlias = Mapping[str, Callable[[], str]]
"""Slot -> what makes its text; only the makers of slots that a template names are called."""

_PARTS = frozenset({"training", "unseen"})
_SLOT = re.compile(r"\{(\w+)\}")
_ARTICLE = re.compile(r"\b([Aa]) (?=[aeiouAEIOU])(?!one|uni|use)")
_GAP = re.compile(r"\s+(?=[\s,.;:?!])|(?<=[,;]),|^[\s,;]+|[\s,;]+$")
_LONG_WORD = re.compile(r"[a-z]{4,}")
_NEIGHBOURS = dict(zip("qwertyuiopasdfghjklzxcvbnm", "wertyuioposdfghjklkxcvbnmn", strict=True))
_UNSEEN_WORD_SHARE = 0.5
_VALUES = ("word.", "noun.", "precise.")
"""Beginnings of the paths of lists that name things and values; other lists are templates and frames."""
_NAMING = re.compile(
    r"\b(?!(?:any|back|down|for|from|front|here|into|near|next|not|off|out|over|some|the|there|under|with)\b)[a-z]{3,}"
)
"""Words of three letters and more, less those that name nothing themselves."""
_SOUNDS = ("bcdfghjklmnprstvwz", "aeiou")


@cache
def book(package: str, *files: str, more: tuple[str, ...] = ()) -> Book:
    """Every list of some TOML files that are package data.

    Args:
        package: import name of the package in whose folder the files lie.
        *files: their names; a table may be spread over several, a list may not.
        more: further files, whose lists go on where those of the others end. The phrases of the others are repeated as
            often as it takes for both to be said about equally often: plain words stay the common ones.

    Raises:
        ValueError: two files have the same list, a list of `more` goes on from none, or a phrase stands in both parts
            of a list.
    """
    found: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}
    for file in files:
        for path, parts in _read(package, file).items():
            if path in found:
                raise ValueError(f"{package}/{file}: {path}: stands there twice")
            found[path] = parts
    for file in more:
        for path, (training, unseen) in _read(package, file).items():
            if path not in found:
                raise ValueError(f"{package}/{file}: {path}: goes on from no list")
            before = found[path]
            found[path] = (_evenly(before[0], training), _evenly(before[1], unseen))
    for path, (training, unseen) in found.items():
        both = set(training) & set(unseen)
        if both:
            raise ValueError(f"{package}: {path}: stands there twice {sorted(both)}")
    return found


def _evenly(common: tuple[str, ...], rare: tuple[str, ...]) -> tuple[str, ...]:
    return common * max(1, round(len(rare) / max(1, len(common)))) + rare


def _read(package: str, file: str) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    return _lists("", tomllib.loads(resources.files(package).joinpath(file).read_text("utf-8")))


def _lists(path: str, table: Mapping[str, Any]) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    if table.keys() == _PARTS:
        return {path: (tuple(table["training"]), tuple(table["unseen"]))}
    found: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}
    for name, inner in table.items():
        found |= _lists(f"{path}.{name}" if path else name, inner)
    return found


@cache
def slots_of(template: str) -> frozenset[str]:
    """Names of the slots of a template."""
    return frozenset(_SLOT.findall(template))


class Speaker:
    """Picks templates and words: training's, or with `unseen` those that training never uses.

    Unseen words (synonyms) are mixed with training's: a listener who meets only new words learns little about either.

    Args:
        book: the phrases.
        rng: source of all choices.
        unseen: whether to use the part that training never uses.
        invented: probability of a name of a thing or value to be one that means nothing. Who learns from such texts
            learns to go by the rest of the text and by the picture where a word is not known.
    """

    def __init__(self, book: Book, rng: random.Random, unseen: bool = False, invented: float = 0.0) -> None:
        self.book = book
        self.rng = rng
        self.unseen = unseen
        self.invented = invented

    def templates(self, path: str, slots: Container[str] | None = None) -> list[str]:
        """Templates of a list, this speaker's part, that need no other slots than these; none if there is no list."""
        part = self.book.get(path, ((), ()))[self.unseen]
        return [one for one in part if slots is None or all(slot in slots for slot in slots_of(one))]

    def template(self, path: str, slots: Container[str] | None = None) -> str:
        """One of `templates`.

        Raises:
            IndexError: there is none.
        """
        return self.rng.choice(self.templates(path, slots))

    def word(self, path: str) -> str:
        """A word of a list.

        Raises:
            KeyError: there is no such list.
        """
        training, unseen = self.book[path]
        new = self.unseen and unseen and self.rng.random() < _UNSEEN_WORD_SHARE
        word = self.rng.choice(unseen if new else training)
        if self.invented and path.startswith(_VALUES) and "{" not in word and self.chance(self.invented):
            return _NAMING.sub(lambda _: nonsense(self.rng), word)
        return word

    def chance(self, probability: float) -> bool:
        """Whether something of this probability happens."""
        return self.rng.random() < probability


def nonsense(rng: random.Random) -> str:
    """Letters that can be spoken and mean nothing."""
    return "".join(rng.choice(_SOUNDS[place % 2]) for place in range(rng.randint(3, 7)))


def fill(template: str, makers: Makers) -> str:
    """A template with its slots filled, each by calling its maker.

    Raises:
        KeyError: the template names a slot that is not among the makers.
    """
    return _SLOT.sub(lambda slot: makers[slot[1]](), template)


def always(text: str) -> Callable[[], str]:
    """A maker of the same text every time."""
    return lambda: text


def tidy(text: str) -> str:
    """The text without the gaps that empty slots leave, and with "an" where the next word begins with a vowel."""
    before = ""
    while before != text:
        before, text = text, _GAP.sub("", text)
    return _ARTICLE.sub(r"\1n ", text)


def listed(phrases: Sequence[str], comma: str = ", ", last: str = " and ") -> str:
    """Phrases in a row: "a, b and c"; nothing for none."""
    return last.join(part for part in (comma.join(phrases[:-1]), *phrases[-1:]) if part)


def definite(noun: str) -> str:
    """A noun with the definite article in place of the indefinite or none: "a zip" -> "the zip"."""
    return "the " + re.sub(r"^an? ", "", noun)


def sentence(text: str, end: str = ".") -> str:
    """The text as a written sentence: a capital first, and an end where it has none."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else end)


def typo(text: str, rng: random.Random, unseen: bool = False) -> str:
    """The text with one slip of the keyboard in a word of four letters or more, as it was if there is no such word.

    Training's slips leave a letter out or swap two; unseen ones double a letter or hit the key beside it. The first
    letter of a word stays: that is how people slip, and it keeps the word readable.
    """
    words = list(_LONG_WORD.finditer(text))
    if not words:
        return text
    word = rng.choice(words)
    at = rng.randrange(word.start() + 1, word.end() - 1)
    one, other = text[at], text[at + 1]
    slips = (one + one + other, _NEIGHBOURS[one] + other) if unseen else (other, other + one)
    return text[:at] + rng.choice(slips) + text[at + 2 :]

"""Words of the wardrobe: its phrase book, nouns and adjectives for values, and what agrees with the garment."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from instructcir.worlds.phrasing import Book, Speaker, always, book, fill, tidy
from instructcir.worlds.world import Facts

FILES = (
    "phrases.toml", "phrases_words.toml", "phrases_edits.toml", "phrases_edits_cut.toml", "phrases_edits_details.toml",
)  # fmt: skip
MORE = ("more_frames.toml", "more_words.toml", "more_edits.toml", "more_edits_cut.toml", "more_edits_details.toml")
PLURAL = frozenset({"trousers", "shorts"})
_LENGTH_GROUPS = {"dress": "skirted", "skirt": "skirted", "coat": "skirted", "trousers": "legs", "shorts": "legs",
                  "jumpsuit": "legs"}  # fmt: skip
_TWICE_PLACED = re.compile(r"( on the front| on the chest| at the sides| down the front| all over| across| everywhere)"
                           r" (?:added|(?:on|to) (?:it|them))\b")  # fmt: skip


_AGREEING = {
    "it": ("it", "them"),
    "they": ("it", "they"),
    "this": ("this", "these"),
    "one": ("one", "a pair"),
    "single": ("one", "ones"),
    "is": ("is", "are"),
    "Is": ("Is", "Are"),
    "does": ("does", "do"),
    "Does": ("Does", "Do"),
    "look": ("looks", "look"),
}
_AGREEING_WITH_ONE = {name: always(one) for name, (one, _) in _AGREEING.items()}
_AGREEING_WITH_MANY = {name: always(many) for name, (_, many) in _AGREEING.items()}


def phrases() -> Book:
    """The phrase book of the wardrobe."""
    return book(__package__ or "", *FILES, more=MORE)


def speaker(rng: random.Random, unseen: bool, invented: float = 0.0) -> Speaker:
    """A speaker of this world; arguments as of `Speaker`."""
    return Speaker(phrases(), rng, unseen, invented)


def bare(noun: str) -> str:
    """A noun without its indefinite article."""
    return re.sub(r"^an? ", "", noun)


def polished(text: str) -> str:
    """The text tidied, and without a second place for what has one: "a star on the front on it"."""
    return _TWICE_PLACED.sub(r"\1", tidy(text))


def agreeing(speaker: Speaker, garment: str) -> dict[str, Callable[[], str]]:
    """Slots that agree with a garment in number: "it" or "them"."""
    fixed = _AGREEING_WITH_MANY if garment in PLURAL else _AGREEING_WITH_ONE
    return {**fixed, "garment": lambda: speaker.word(f"word.garment.{garment}")}


def length_word(speaker: Speaker, length: str, garment: str) -> str:
    """An adjective for a garment's length: a long dress, a longline sweater."""
    return speaker.word(f"word.length.{_LENGTH_GROUPS.get(garment, 'top')}.{length}")


def marks_in(speaker: Speaker, pattern: str, second: str) -> str:
    """A pattern in a colour: "white polka dots"."""
    return fill(speaker.word(f"word.pattern_in.{pattern}"), {"second": lambda: speaker.word(f"word.colour.{second}")})


def garment_noun(speaker: Speaker, garment: str, adjectives: str = "") -> str:
    """The garment with an article, if it takes one: "a red dress", "red trousers", "a pair of red trousers"."""
    noun = speaker.word(f"word.garment.{garment}")
    article = "a" if garment not in PLURAL else "a pair of" if speaker.chance(0.4) else ""
    return tidy(f"{article} {adjectives} {noun}")


def pattern_and_colour(speaker: Speaker, facts: Facts, told: frozenset[str]) -> tuple[str, str]:
    """What the garment is made of, as adjectives before the noun and as a detail after it; each may be empty."""
    colour = speaker.word(f"word.colour.{facts['colour']}") if "colour" in told else ""
    pattern, second = facts["pattern"], facts.get("second colour")
    if "pattern" not in told:
        return colour, f"some {speaker.word(f'word.colour.{second}')}" if second and "second colour" in told else ""
    if pattern == "plain":
        return f"{speaker.word('word.patterned.plain') if speaker.chance(0.4) else ''} {colour}", ""
    if second and "second colour" in told:
        return colour, marks_in(speaker, pattern, second)
    if speaker.chance(0.5):
        return f"{colour} {speaker.word(f'word.patterned.{pattern}')}", ""
    return colour, speaker.word(f"word.pattern.{pattern}")

"""What an instruction asks for, read from its words: what is to be seen, and what is to go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile

from instructcir.synthesis.lexicon import Lexicon, Phrase, lexicon
from instructcir.synthesis.remembered import Remembered
from instructcir.synthesis.texts import is_mark, meanings, stem, taken_apart

_LONGEST = 6
"""Words of a thing that is to go; what is longer is no name of one."""
_JOINS = frozenset({"and", "with", "or", "but"})
_ARE = frozenset({"is", "are"})
_UNTIL = {"trade": "for", "swap": "for", "exchange": "for", "switch": "for", "from": "to", "take": "off"}
"""Words between which what goes stands: "from red to blue"."""
_BEFORE_COUNTS = frozenset({"the", "these", "those", "both", "all", "other", "of", "my"})
_AFTER_COUNTS = frozenset(
    {"more", "fewer", "less", "other", "others", "another", "extra", "additional", "times", "thirds", "of"}
    | {"tone", "toned", "blocks", "colours", "colors", "coloured", "colored", "quarter", "quarters", "piece", "way"}
    | {"wheeled", "dimensional", "walls", "seasons", "colour", "color", "block", "areas"}
)
"""Words around a number that make it no number of things to be seen."""
_LATER = frozenset({"more", "fewer", "less", "extra", "blocks", "areas"})
"""Those of them that a thing's name may stand before: "three dogs more"."""
_WITHIN = 4
"""Words behind a number, itself among them, in which such a word is looked for."""
_PART = frozenset({"one", "half", "some", "most", "two", "three", "four", "five", "another"})
"""Words by which only a part of something goes."""


@dataclass(frozen=True, slots=True)
class Wish:
    """An instruction.

    Attributes:
        wanted: what each of its words says (stem and groups), without words that are to go or only ask.
        said: all of that together.
        colours: of the colour words among them, each word's stem and groups: one of them must be seen.
        counts: likewise of numbers that are asked for as they are.
        gone: things that are to go, each as the stems of its words.
        vague: it asks for a change without naming what will be seen.
    """

    wanted: tuple[frozenset[str], ...]
    said: frozenset[str]
    colours: tuple[frozenset[str], ...]
    counts: tuple[frozenset[str], ...]
    gone: tuple[frozenset[str], ...]
    vague: bool


@lru_cache(maxsize=8192)
def wish_of(instruction: str) -> Wish:
    """Read an instruction."""
    known = lexicon()
    tokens = taken_apart(instruction).sequence
    away, things = _gone(tokens, known)
    wanted = []
    colours: list[frozenset[str]] = []
    counts: list[frozenset[str]] = []
    for place, token in enumerate(tokens):
        if place in away:
            continue
        word = _ASKED[token]
        if word.wanted:
            wanted.append(word.wanted)
        if word.colour:
            if place - 1 not in away and (shade := _shade_before(tokens, place)):
                colours[-1:] = [word.colour | shade]
            else:
                colours.append(word.colour)
        if word.counts and _is_plain_count(tokens, place):
            counts.extend(word.counts)
    vague = not known.vague.isdisjoint(tokens)
    return Wish(tuple(wanted), frozenset[str]().union(*wanted), tuple(colours), tuple(counts), things, vague)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a word of an instruction asks for; each part is empty where it asks for no such thing."""

    wanted: frozenset[str]
    colour: frozenset[str]
    counts: tuple[frozenset[str], ...]


def _asked(token: str) -> _Asked:
    known = lexicon()
    if is_mark(token):
        return _Asked(frozenset(), frozenset(), ())
    groups = known.concepts.get(token, ())
    first = next((place for place, group in enumerate(groups) if group.startswith("=colour_")), len(groups))
    plain = token not in known.hints
    colour = frozenset((stem(token), *groups)) if plain and first < len(groups) else frozenset[str]()
    counts = tuple(frozenset((token, group)) for group in groups[:first] if plain and group.startswith("=count_"))
    wanted = frozenset[str]() if token in known.asking else frozenset(meanings(token))
    return _Asked(wanted, colour, counts)


_ASKED = Remembered(_asked)


def _is_plain_count(tokens: Phrase, place: int) -> bool:
    """Whether a number is asked for as it is: "three dogs", but neither "three more dogs" nor "the three dogs"."""
    before = tokens[place - 1] if place else ""
    after = tokens[place + 1] if place + 1 < len(tokens) else ""
    near = takewhile(lambda token: not is_mark(token) and token not in _JOINS, tokens[place + 1 : place + _WITHIN])
    return before not in _BEFORE_COUNTS and after not in _AFTER_COUNTS and _LATER.isdisjoint(near)


def _shade_before(tokens: Phrase, place: int) -> frozenset[str]:
    """The colour right before another, which only tells its shade: navy before blue; empty where there is none."""
    return _ASKED[tokens[place - 1]].colour if place else frozenset()


def _gone(tokens: Phrase, known: Lexicon) -> tuple[set[int], tuple[frozenset[str], ...]]:
    """Places of words about what goes, and the things that do."""
    away: set[int] = set()
    things = []
    for place, token in enumerate(tokens):
        if token not in known.cues and token not in _UNTIL:
            continue
        if cue := _cue(tokens, place, known.before):
            start = end = place + cue
            while end < len(tokens) and not _ends(tokens[end], known):
                end += 1
            away.update(range(place, end))
            things.append(tokens[start:end])
        if cue := _cue(tokens, place, known.after):
            start = place
            while start and (tokens[start - 1] in _ARE or not _ends(tokens[start - 1], known)):
                start -= 1
            away.update(range(start, place + cue))
            things.append(tuple(word for word in tokens[start:place] if word not in _ARE))
        until = _UNTIL.get(token)
        if until is not None and until in tokens[place + 1 : place + 1 + _LONGEST]:
            end = tokens.index(until, place)
            away.update(range(place, end))
            if token == "take":
                things.append(tokens[place + 1 : end])
    return away, tuple(named for thing in things if (named := _named(thing, known)))


def _cue(tokens: Phrase, place: int, cues: Mapping[str, tuple[Phrase, ...]]) -> int:
    """How many words the phrase has that stands at a place and is one of the cues; 0 for none."""
    return next((len(cue) for cue in cues.get(tokens[place], ()) if tokens[place : place + len(cue)] == cue), 0)


def _ends(token: str, known: Lexicon) -> bool:
    return is_mark(token) or token in known.ends


def _named(thing: Phrase, known: Lexicon) -> frozenset[str]:
    """The stems of a thing's words; empty where it is no whole thing, or one whose name may stay."""
    words = [word for word in thing if word not in known.weak or word in _PART]
    unusable = not words or len(words) > _LONGEST or words[-1] in known.general or not _PART.isdisjoint(words)
    return frozenset() if unusable else frozenset(stem(word) for word in words)

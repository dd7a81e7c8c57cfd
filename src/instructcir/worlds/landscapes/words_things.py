"""Names of things in words: "two small brown dogs on the left", "the dogs", "an adult in red"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from instructcir.worlds.landscapes.facts import THING_FACTS
from instructcir.worlds.phrasing import Speaker
from instructcir.worlds.world import Facts

CLOTHED = ("person", "child")
"""Kinds whose colour is that of their clothes."""

_SIMILAR = {"tree": ("pine", "palm"), "person": ("child",), "bird": ("duck",)}
_GINGER = ("dog", "cat")
_IRREGULAR = {
    "sheep": "sheep", "person": "people", "child": "children", "cactus": "cacti", "aircraft": "aircraft",
    "grown-up": "grown-ups",
}  # fmt: skip


def plural(noun: str) -> str:
    """The plural of a noun or of a phrase that ends with one."""
    before, space, last = noun.rpartition(" ")
    if last in _IRREGULAR:
        return before + space + _IRREGULAR[last]
    if last.endswith("y") and last[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    return noun + ("es" if last.endswith(("s", "x", "ch", "sh")) else "s")


def noun(speaker: Speaker, kind: str, many: bool, precise: bool = False) -> str:
    """A name of this kind of thing.

    Args:
        speaker: picks the name.
        kind: which kind.
        many: whether in the plural.
        precise: whether to avoid a name that could also mean another kind ("tree" where there are pines).
    """
    path = f"precise.{kind}" if precise and kind in _SIMILAR else f"noun.{kind}"
    one = speaker.word(path)
    return plural(one) if many else one


def ambiguous(kind: str, kinds: Iterable[str]) -> bool:
    """Whether the plain name of a kind could also mean another one of these."""
    return any(other in kinds for other in _SIMILAR.get(kind, ()))


def colour(speaker: Speaker, kind: str, value: str) -> str:
    """A word for the colour of this kind of thing."""
    return speaker.word("word.colour.ginger" if value == "orange" and kind in _GINGER else f"word.colour.{value}")


def things(speaker: Speaker, kind: str, about: Mapping[str, str], precise: bool = False) -> str:
    """New things with all that is known about them.

    Args:
        speaker: picks the words.
        kind: which kind.
        about: any of "count" (also "some": two or more; without it: one or more), "colour", "size", "position".
        precise: as in `noun`.
    """
    count = about.get("count", "any")
    many = count not in ("1", "any")
    words = [_number(speaker, count)]
    if "size" in about:
        words.append(speaker.word(f"word.size.{about['size']}"))
    clothed = kind in CLOTHED
    if "colour" in about and not clothed:
        words.append(colour(speaker, kind, about["colour"]))
    words.append(noun(speaker, kind, many, precise))
    if "colour" in about and clothed:
        words.append(f"in {colour(speaker, kind, about['colour'])}")
    if "position" in about:
        words.append(speaker.word(f"word.position.{about['position']}"))
    return " ".join(words)


def _number(speaker: Speaker, count: str) -> str:
    if count == "1":
        return "a" if speaker.rng.random() < 0.9 else "one"
    return speaker.word(f"word.number.{count}")


def described(speaker: Speaker, facts: Facts, kind: str, names: Iterable[str] = THING_FACTS) -> str:
    """Things of a scene with those facts about them that are named; without "count" it stays open how many."""
    about = {name: facts[f"{kind}.{name}"] for name in names}
    if "count" not in about and facts[f"{kind}.count"] != "1":
        about["count"] = "some"
    return things(speaker, kind, about, ambiguous(kind, _kinds(facts)))


def _kinds(facts: Facts) -> list[str]:
    return [name.removesuffix(".count") for name in facts if name.endswith(".count")]


def the(speaker: Speaker, facts: Facts, kind: str, plain: bool = False) -> str:
    """Things that are in a scene: "the dog", "the two dogs", "the brown dog"; `plain` leaves it at the first."""
    many = facts[f"{kind}.count"] != "1"
    name = noun(speaker, kind, many, ambiguous(kind, _kinds(facts)))
    chance = speaker.rng.random()
    if plain or chance < 0.75:
        return f"the {name}"
    if chance < 0.85 and many:
        return f"the {('two', 'three', 'four')[int(facts[f'{kind}.count']) - 2]} {name}"
    if chance >= 0.85 and kind not in CLOTHED:
        return f"the {colour(speaker, kind, facts[f'{kind}.colour'])} {name}"
    return f"the {name}"

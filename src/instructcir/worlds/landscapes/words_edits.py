"""What fills the slots of an edit's templates."""

from __future__ import annotations

from collections.abc import Callable

from instructcir.worlds.landscapes import words_things
from instructcir.worlds.landscapes.facts import kinds_in
from instructcir.worlds.landscapes.words_place import scene
from instructcir.worlds.landscapes.words_things import CLOTHED, ambiguous, noun, the
from instructcir.worlds.phrasing import Makers, Speaker
from instructcir.worlds.world import Edit, Facts

_PLACE_LISTS = {
    "setting": {"where": "where", "place": "place"},
    "time": {"at": "at", "time": "time"},
    "weather": {name: name for name in ("weather", "in_weather", "sky", "it_is", "no_weather")},
    "season": {"season": "season", "season_adjective": "season_adjective"},
    "viewpoint": {"seen": "seen", "view": "view"},
}  # fmt: skip
"""Kind of edit -> slot -> list of words; the same slots with "old_" speak of the reference."""


def makers(speaker: Speaker, facts: Facts, edit: Edit) -> Makers:
    """Slots of an edit's templates, each with what makes its words.

    Args:
        speaker: picks the words.
        facts: the reference.
        edit: the edit, of any kind.
    """
    if edit.kind in _PLACE_LISTS:
        return _of_place(speaker, facts, edit)
    if edit.kind == "add":
        return _of_new(speaker, facts, edit)
    return _of_things(speaker, facts, edit)


def _of_place(speaker: Speaker, facts: Facts, edit: Edit) -> Makers:
    found: dict[str, Callable[[], str]] = {}
    for slot, words in _PLACE_LISTS[edit.kind].items():
        for prefix, key in (("", "to"), ("old_", "from")):
            value = edit.said.get(key)
            if value is not None:
                found[prefix + slot] = _word(speaker, f"word.{words}.{value}")
    if edit.kind == "viewpoint" and "to" in edit.said:
        found["seen_bare"] = lambda: speaker.word(f"word.seen.{edit.said['to']}").removeprefix("seen ")
    if edit.kind == "setting" and ("weather" in edit.said or "season" in edit.said):
        new = {**edit.said, "setting": edit.said["to"]}
        names = frozenset(("setting", "weather", "season"))
        found["where"] = lambda: scene(speaker, new, names, preposition=True)
        found["place"] = lambda: scene(speaker, new, names, preposition=False)
    return found


def _word(speaker: Speaker, path: str) -> Callable[[], str]:
    return lambda: speaker.word(path)


def _of_new(speaker: Speaker, facts: Facts, edit: Edit) -> Makers:
    many = edit.said["count"] != "1"
    return {"new": lambda: _new(speaker, facts, edit), "are_new": lambda: "are" if many else "is"}


def _new(speaker: Speaker, facts: Facts, edit: Edit) -> str:
    """New things with what is said of them: "a small red dog left of the tree"."""
    phrase = words_things.things(speaker, edit.said["thing"], edit.said, precise=True)
    if "beside" not in edit.said:
        return phrase
    side = speaker.word(f"word.side.{edit.said['side']}")
    return f"{phrase} {side} {the(speaker, facts, edit.said['beside'])}"


def _of_things(speaker: Speaker, facts: Facts, edit: Edit) -> Makers:
    """Slots about things that are there, and about their new count, colour or place."""
    said = edit.said
    if "category" in said:
        return {"category": lambda: speaker.word(f"word.category.{said['category']}")}
    kind = said["old"] if edit.kind == "replace" else said["thing"]
    many = facts[f"{kind}.count"] != "1"

    def named(plural: bool, of: str = kind) -> Callable[[], str]:
        return lambda: noun(speaker, of, plural, ambiguous(of, kinds_in(facts)))

    found: dict[str, Callable[[], str]] = {
        "the": lambda: the(speaker, facts, kind, plain=edit.kind == "count"),
        "noun": named(many),
        "nouns": named(True),
        "one": named(False),
        "are": lambda: "are" if many else "is",
        "was": lambda: "were" if many else "was",
        "it": lambda: "they" if many else "it",
        "s": lambda: "" if many else "s",
        "pronoun": lambda: "ones" if many else "one",
    }
    if "second" in said:
        second = said["second"]
        found["second"] = lambda: the(speaker, facts, second)
        found["second_nouns"] = named(True, second)
        found["second_was"] = lambda: "was" if facts[f"{second}.count"] == "1" else "were"
    if "beside" in said:
        found |= _beside(speaker, facts, said["beside"])
        found["side"] = lambda: speaker.word(f"word.side.{said['side']}")
        found["beside_nouns"] = named(True, said["beside"])
    return found | _values(speaker, facts, edit, kind)


def _beside(speaker: Speaker, facts: Facts, kind: str) -> dict[str, Callable[[], str]]:
    """The thing that an edit points at, and what has its colour: "the tree", "the clothes of the child"."""
    clothed = kind in CLOTHED
    alone = facts[f"{kind}.count"] == "1" and not clothed
    return {
        "beside": lambda: the(speaker, facts, kind),
        "twin": lambda: ("the clothes of " if clothed else "") + the(speaker, facts, kind, plain=True),
        "twin_have": lambda: "has" if alone else "have",
    }


def _values(speaker: Speaker, facts: Facts, edit: Edit, kind: str) -> dict[str, Callable[[], str]]:
    """Slots about the old and the new value."""
    said = edit.said
    if edit.kind == "replace":
        many = said["count"] != "1"
        return {
            "new": lambda: words_things.things(speaker, said["thing"], said, precise=True),
            "are_new": lambda: "are" if many else "is",
        }
    if edit.kind == "colour":
        many = facts[f"{kind}.count"] != "1"
        article = "" if many else "a "
        about = {"count": facts[f"{kind}.count"], "colour": said.get("to", said["from"])}
        return {
            "colour": lambda: words_things.colour(speaker, kind, about["colour"]),
            "old_colour": lambda: words_things.colour(speaker, kind, said["from"]),
            "old_one": lambda: (
                f"{article}{words_things.colour(speaker, kind, said['from'])} {'ones' if many else 'one'}"
            ),
            "new": lambda: words_things.things(speaker, kind, about, ambiguous(kind, kinds_in(facts))),
        }
    if edit.kind == "size":
        article = "" if facts[f"{kind}.count"] != "1" else "a "
        return {"bigger": lambda: f"{article}bigger", "smaller": lambda: f"{article}smaller"}
    if edit.kind == "position":
        return {
            "place": _word(speaker, f"word.position.{said.get('to')}"),
            "old_place": _word(speaker, f"word.position.{said.get('from')}"),
            "way": lambda: said["side"],
        }
    return _counts(speaker, facts, edit, kind) if edit.kind == "count" else {}


def _counts(speaker: Speaker, facts: Facts, edit: Edit, kind: str) -> dict[str, Callable[[], str]]:
    """Slots about the old and the new number: "two dogs" instead of "one"."""
    old, new = edit.said["from"], edit.said["to"]
    words = ("one", "two", "three", "four")
    precise = ambiguous(kind, kinds_in(facts))

    def numbered() -> str:
        return f"{speaker.word(f'word.number.{new}')} {noun(speaker, kind, new != '1', precise)}"

    return {
        "to": numbered,
        "number": lambda: words[int(new) - 1],
        "from": lambda: words[int(old) - 1],
        "from_noun": lambda: f"the {words[int(old) - 1]} {noun(speaker, kind, old != '1', precise)}",
        "are_to": lambda: "is" if new == "1" else "are",
    }

"""The slots of wishes: what an edit's templates can name, in words."""

from __future__ import annotations

import re
from collections.abc import Callable

from instructcir.worlds.phrasing import Speaker, definite
from instructcir.worlds.wardrobe import words
from instructcir.worlds.world import Edit

FAMILIES = ("neckline", "collar", "closure", "pocket", "belt", "print")
"""Kinds of edits whose forms "add", "swap", "without" and "any" use the phrases of those families as well."""
CLASSES = ("do", "with", "bit", "say")
_NOUNS = {"colour": "colour", "second colour": "colour", "pattern": "pattern", "sleeve": "sleeve", "fit": "fit",
          "setting": "where", **{name: name for name in FAMILIES}}  # fmt: skip
_ADJECTIVES = {"sleeve": "sleeved", "neckline": "necked"}


def lists_of(kind: str, form: str, sort: str) -> tuple[str, ...]:
    """Paths of the lists in the phrase book that hold a class of phrases of a form of edit."""
    return (f"{kind}.{form}.{sort}", *((f"family.{form}.{sort}",) if kind in FAMILIES else ()))


def makers(speaker: Speaker, edit: Edit, garment: str) -> dict[str, Callable[[], str]]:
    """What the templates of an edit can name.

    Args:
        speaker: picks the words.
        edit: the wish.
        garment: of which it is said.
    """
    found = words.agreeing(speaker, garment)
    said = edit.said
    for name, key in (("new", "to"), ("old", "old")):
        if key in said:
            found |= _value(speaker, edit.kind, name, said[key], garment)
    if edit.kind in FAMILIES:
        found["some"] = lambda: "a " + edit.kind
        found["bare_some"] = lambda: edit.kind
    if edit.kind == "second colour":
        found["marks"] = lambda: speaker.word(f"word.marks.{said['pattern']}")
    if "second" in said:
        found["new_in"] = lambda: words.marks_in(speaker, said["to"], said["second"])
    return found


def _value(speaker: Speaker, kind: str, name: str, value: str, garment: str) -> dict[str, Callable[[], str]]:
    """The slots of one value: with and without its article, as an adjective."""

    def noun() -> str:
        if kind == "garment":
            return words.garment_noun(speaker, value)
        if kind == "length":
            return words.length_word(speaker, value, garment)
        return speaker.word(f"word.{_NOUNS[kind]}.{value}")

    found: dict[str, Callable[[], str]] = {
        name: noun,
        f"bare_{name}": lambda: _bare(noun()),
        f"the_{name}": lambda: definite(noun()),
    }
    if kind in _ADJECTIVES:
        found[f"adj_{name}"] = lambda: speaker.word(f"word.{_ADJECTIVES[kind]}.{value}")
    if kind == "fit":
        found[f"noun_{name}"] = lambda: speaker.word(f"word.fit_noun.{value}")
        found[f"bare_noun_{name}"] = lambda: _bare(speaker.word(f"word.fit_noun.{value}"))
    if kind == "pattern":
        slot = "patterned" if name == "new" else "old_patterned"
        found[slot] = lambda: speaker.word(f"word.patterned.{value}")
    return found


def _bare(noun: str) -> str:
    return re.sub(r"^pair of ", "", words.bare(noun))

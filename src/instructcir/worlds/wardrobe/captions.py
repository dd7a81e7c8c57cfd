"""Captions of garments, from one thing that can be seen to all that is true; questions live beside them."""

from __future__ import annotations

import random

from instructcir.worlds.phrasing import Speaker, always, fill, listed, slots_of, tidy
from instructcir.worlds.wardrobe import words
from instructcir.worlds.wardrobe.questions import question
from instructcir.worlds.world import Detail, Facts

__all__ = ["caption", "question"]

_SAYS_NONE = {"collar": 0.4, "closure": 0.3, "pocket": 0.25, "belt": 0.3, "print": 0.2}
_AS_ADJECTIVE = {"fit": 0.7, "length": 1.0, "sleeve": 0.4, "neckline": 0.25}
_ADJECTIVES = {"fit": "fit", "sleeve": "sleeved", "neckline": "necked"}
_NOUNS = {"fit": "fit_noun", "sleeve": "sleeve", "neckline": "neckline"}
_DULL = {("length", "regular"), ("fit", "regular"), ("pattern", "plain")}  # nobody would pick these to tell
_SHORT = (1, 2)
_MEDIUM_SHARE = 0.5


def caption(
    facts: Facts,
    rng: random.Random,
    detail: Detail = "full",
    *,
    omit: frozenset[str] = frozenset(),
    unseen: bool = False,
) -> str:
    """A sentence about a garment.

    "full" tells every fact; what is "none", and that a garment is plain, may go without saying.

    Args:
        facts: a possible garment.
        rng: source of all choices.
        detail: "full", "medium" for about half of the facts, "short" for the garment and one or two more.
        omit: attributes that must not be told.
        unseen: whether to use templates, and at times words, that training never uses.
    """
    return told_by(words.speaker(rng, unseen), facts, detail, omit)


def told_by(speaker: Speaker, facts: Facts, detail: Detail, omit: frozenset[str]) -> str:
    """The same by a speaker, whose phrase book may have other words for the values."""
    rng = speaker.rng
    told = _told(facts, rng, detail, omit)
    item, details = _item(speaker, facts, told)
    parts = {"item": item, "details": details}
    if "setting" in told:
        parts["where"] = speaker.word(f"word.where.{facts['setting']}")
    path = "caption.placeless" if detail == "full" and "setting" not in told else f"caption.{detail}"
    templates = speaker.templates(path, parts)
    needed = {name for name, text in parts.items() if text}
    whole = [template for template in templates if needed <= slots_of(template)]
    template = rng.choice(whole or templates)
    if " is {item}" in template and facts["garment"] in words.PLURAL and not item.startswith("a"):
        parts["item"] = f"a pair of {item}"
    return words.polished(fill(template, {name: always(text) for name, text in parts.items()}))


def _told(facts: Facts, rng: random.Random, detail: Detail, omit: frozenset[str]) -> frozenset[str]:
    """The attributes to tell beside the garment, which is always told unless it is to be left out."""
    names = [name for name in facts if name not in omit and name != "garment"]
    if detail == "short":
        sure = [name for name in names if facts[name] != "none" and (name, facts[name]) not in _DULL]
        number = rng.choice(_SHORT)
        names = rng.sample(sure, min(number, len(sure)))
    elif detail == "medium":
        names = [name for name in names if rng.random() < _MEDIUM_SHARE or name == "colour"]
    if "pattern" not in names and detail != "full":  # "some white" says little of an unknown pattern
        names = [name for name in names if name != "second colour"]
    return frozenset(names) | ({"garment"} - omit)


def _item(speaker: Speaker, facts: Facts, told: frozenset[str]) -> tuple[str, str]:
    """The garment with its adjectives and article, and what is on it: "a loose red dress", "with a belt and a zip"."""
    adjectives: list[str] = []
    details: list[str] = []
    for name, share in _AS_ADJECTIVE.items():
        if name in told:
            adjective = speaker.chance(share)
            (adjectives if adjective else details).append(_word(speaker, facts, name, adjective))
    before, after = words.pattern_and_colour(speaker, facts, told)
    details += [after] if after else []
    for name, share in _SAYS_NONE.items():
        if name in told and (facts[name] != "none" or speaker.chance(share)):
            details.append(speaker.word(f"word.{name}.{facts[name]}"))
    speaker.rng.shuffle(details)
    described = " ".join((*adjectives, before))
    noun = words.garment_noun(speaker, facts["garment"], described) if "garment" in told else f"a {described} garment"
    return tidy(noun), f"with {listed(details)}" if details else ""


def _word(speaker: Speaker, facts: Facts, name: str, adjective: bool) -> str:
    """A word for the cut, before the noun or after it."""
    if name == "length":
        return words.length_word(speaker, facts["length"], facts["garment"])
    path = _ADJECTIVES[name] if adjective else _NOUNS[name]
    return speaker.word(f"word.{path}.{facts[name]}")

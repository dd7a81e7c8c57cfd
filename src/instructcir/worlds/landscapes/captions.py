"""Captions of scenes, from one thing that can be seen to all that is true; questions live beside them."""

from __future__ import annotations

import random
from collections.abc import Callable

from instructcir.errors import InputError
from instructcir.worlds.landscapes.facts import THING_FACTS, kinds_in
from instructcir.worlds.landscapes.questions import question
from instructcir.worlds.landscapes.words_book import speaker as new_speaker
from instructcir.worlds.landscapes.words_place import scene
from instructcir.worlds.landscapes.words_things import described
from instructcir.worlds.phrasing import Speaker, fill, listed, tidy
from instructcir.worlds.world import Detail, Facts

__all__ = ["caption", "question"]

_PLACE = frozenset({"setting", "time", "weather", "season", "viewpoint"})
_SLOTS = {"time": ("{at}",), "viewpoint": ("{seen}", "{view}"), "weather": ("{in_weather}",), "season": ("{season}",)}


def caption(
    facts: Facts,
    rng: random.Random,
    detail: Detail = "full",
    *,
    omit: frozenset[str] = frozenset(),
    unseen: bool = False,
) -> str:
    """A sentence about a scene.

    Args:
        facts: a possible scene.
        rng: source of all choices.
        detail: "full" tells every fact, "medium" about half of them, "short" the things or the place or both.
        omit: attributes that must not be told; a count that is left out leaves open how many ("some dogs").
        unseen: whether to use templates, and at times words, that training never uses.

    Raises:
        InputError: everything that could be told is to be left out.
    """
    speaker = new_speaker(rng, unseen)
    told = _told(facts, rng, detail, omit)
    if not told:
        raise InputError("a caption needs at least one fact that is not left out")
    template = speaker.template(f"caption.{detail}")
    while not _suits(template, facts, told, detail):
        template = speaker.template(f"caption.{detail}")
    return tidy(fill(template, _makers(speaker, facts, told, template)))


def _told(facts: Facts, rng: random.Random, detail: Detail, omit: frozenset[str]) -> frozenset[str]:
    """The attributes to tell: all, or a random part, always with at least one kind of thing."""
    names = [name for name in facts if name not in omit]
    if detail == "full":
        return frozenset(names)
    share = 0.55 if detail == "medium" else 0.15
    kinds = kinds_in(facts)
    number = len(kinds) if detail == "medium" else rng.randint(1, len(kinds))
    shown = set(rng.sample(kinds, number))
    kept = [name for name in names if name.partition(".")[0] in shown and (_is_count(name) or rng.random() < share)]
    return frozenset(kept) | (_PLACE & frozenset(names)) | frozenset(f"{kind}.shown" for kind in shown)


def _is_count(name: str) -> bool:
    return name.endswith(".count")


def _suits(template: str, facts: Facts, told: frozenset[str], detail: Detail) -> bool:
    """Whether what the template says outside the place applies and may be told; a full one must say what may be."""
    for name, slots in _SLOTS.items():
        if name in ("season", "weather") and name not in told and any(slot in template for slot in slots):
            return False
        if name == "viewpoint" and "{view}" in template and name not in told:
            return False
        if detail != "full" and name == "time" and "{at}" in template and name not in told:
            return False
    bare = detail != "full" and "{scene}" in template and "setting" not in told
    return not bare


def _makers(speaker: Speaker, facts: Facts, told: frozenset[str], template: str) -> dict[str, Callable[[], str]]:
    """What fills the slots of a template."""
    elsewhere = {name for name, slots in _SLOTS.items() if any(slot in template for slot in slots)}
    whole = "{seen}" in template or "{view}" in template  # a full caption puts into the scene what has no slot
    place = (told & _PLACE) - elsewhere
    if not whole:
        place = frozenset(name for name in sorted(place) if name == "setting" or speaker.rng.random() < 0.4)

    def word(list_name: str, name: str) -> Callable[[], str]:
        return lambda: speaker.word(f"word.{list_name}.{facts[name]}") if name in told else ""

    return {
        "things": lambda: _all_things(speaker, facts, told),
        "where": lambda: scene(speaker, facts, place, preposition=True) if place - {"viewpoint", "time"} else "",
        "scene": lambda: scene(speaker, facts, place, preposition=False),
        "at": word("at", "time"),
        "seen": word("seen", "viewpoint"),
        "view": word("view", "viewpoint"),
        "in_weather": word("in_weather", "weather"),
        "season": word("season", "season"),
    }


def _all_things(speaker: Speaker, facts: Facts, told: frozenset[str]) -> str:
    """The things in a random order."""
    everything = not any(name.endswith(".shown") for name in told)
    kinds = [kind for kind in kinds_in(facts) if everything or f"{kind}.shown" in told]
    speaker.rng.shuffle(kinds)
    phrases = []
    for kind in kinds:
        names = [name for name in THING_FACTS if f"{kind}.{name}" in told]
        phrases.append(described(speaker, facts, kind, names))
    return listed(phrases)

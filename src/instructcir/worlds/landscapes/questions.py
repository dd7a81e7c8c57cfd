"""Questions about scenes and their short answers, for teaching a model to look."""

from __future__ import annotations

import random

from instructcir.worlds.landscapes.facts import KINDS, POSITIONS, kinds_in
from instructcir.worlds.landscapes.words_book import speaker as new_speaker
from instructcir.worlds.landscapes.words_things import CLOTHED, ambiguous, noun
from instructcir.worlds.phrasing import Speaker, fill, tidy
from instructcir.worlds.world import Facts

_NUMBERS = ("no", "one", "two", "three", "four")
_NEAR_KINDS = ("tree", "pine", "palm", "person", "child", "bird", "duck")  # "is there a tree?" has two answers


def question(facts: Facts, rng: random.Random) -> tuple[str, str]:
    """A question about a scene and its answer in a word or two.

    Args:
        facts: a possible scene.
        rng: source of all choices.
    """
    speaker = new_speaker(rng)
    about = rng.choice(("place", "count", "colour", "size", "position", "presence", "presence", "more"))
    if about == "place":
        return _about_place(speaker, facts)
    if about == "presence":
        return _about_presence(speaker, facts)
    kind = rng.choice(kinds_in(facts))
    if about == "more" and len(kinds_in(facts)) > 1:
        return _about_more(speaker, facts, kind)
    about = "count" if about == "more" else about
    many = facts[f"{kind}.count"] != "1"
    name = noun(speaker, kind, many, ambiguous(kind, kinds_in(facts)))
    slots = {
        "noun": name,
        "nouns": noun(speaker, kind, True, ambiguous(kind, kinds_in(facts))),
        "are": "are" if many else "is",
        "do": "do" if many else "does",
    }
    value = facts[f"{kind}.{about}"]
    answer = _NUMBERS[int(value)] if about == "count" else value
    if about == "position":
        answer = {"left": "on the left", "centre": "in the centre", "right": "on the right"}[value]
    asked = "clothes" if about == "colour" and kind in CLOTHED else about
    return _say(speaker, f"question.{asked}", slots), answer


def _say(speaker: Speaker, path: str, slots: dict[str, str]) -> str:
    return tidy(fill(speaker.template(path), {name: value.__str__ for name, value in slots.items()}))


def _about_place(speaker: Speaker, facts: Facts) -> tuple[str, str]:
    names = [name for name in ("setting", "time", "weather", "season", "viewpoint") if name in facts]
    name = speaker.rng.choice(names)
    answers = {"near": "close up", "far": "from afar", "above": "from above", "sea": "the sea", "lake": "a lake"}
    answers |= {"city": "a city", "desert": "a desert", "meadow": "a meadow", "room": "a room"}
    return speaker.template(f"question.{name}"), answers.get(facts[name], facts[name])


def _about_presence(speaker: Speaker, facts: Facts) -> tuple[str, str]:
    here = kinds_in(facts)
    if speaker.rng.random() < 0.5:
        kind, answer = speaker.rng.choice(here), "yes"
    else:
        away = [kind for kind in KINDS if kind not in here and kind not in _NEAR_KINDS]
        kind, answer = speaker.rng.choice(away), "no"
    return _say(speaker, "question.presence", {"noun": noun(speaker, kind, False, precise=True)}), answer


def _about_more(speaker: Speaker, facts: Facts, kind: str) -> tuple[str, str]:
    """Which of two is more, or further left."""
    other = speaker.rng.choice([found for found in kinds_in(facts) if found != kind])
    names = [noun(speaker, k, True, ambiguous(k, kinds_in(facts))) for k in (kind, other)]
    if speaker.rng.random() < 0.5:
        answer = int(facts[f"{kind}.count"]) > int(facts[f"{other}.count"])
        path = "question.more"
    else:
        places = [POSITIONS.index(facts[f"{k}.position"]) for k in (kind, other)]
        answer = places[0] < places[1]
        path = "question.left_of"
        singular = [noun(speaker, k, facts[f"{k}.count"] != "1", ambiguous(k, kinds_in(facts))) for k in (kind, other)]
        names = singular
    are = "are" if facts[f"{kind}.count"] != "1" else "is"
    return _say(speaker, path, {"one": names[0], "other": names[1], "are": are}), "yes" if answer else "no"

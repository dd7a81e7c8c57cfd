"""Questions about a picture of a garment, with short answers."""

from __future__ import annotations

import random

from instructcir.worlds.phrasing import Speaker, fill
from instructcir.worlds.wardrobe import words
from instructcir.worlds.world import Facts


def question(facts: Facts, rng: random.Random) -> tuple[str, str]:
    """A question about one fact and its short answer: the value as it is in the facts, "yes" or "no" for a belt.

    Args:
        facts: a possible garment.
        rng: source of all choices.
    """
    return asked_by(words.speaker(rng, unseen=False), facts)


def asked_by(speaker: Speaker, facts: Facts) -> tuple[str, str]:
    """The same by a speaker, whose phrase book may have other words for the values."""
    rng = speaker.rng
    name = rng.choice(list(facts))
    makers = words.agreeing(speaker, facts["garment"])
    makers["marks"] = lambda: speaker.word(f"word.marks.{facts['pattern']}")
    text = words.polished(fill(speaker.template(f"question.{name}", makers), makers))
    if name == "belt":
        return text, "yes" if facts["belt"] == "belt" else "no"
    return text, facts[name]

"""Places in words: "in foggy autumn hills", "a snowy city", with the adjectives for what is not said elsewhere."""

from __future__ import annotations

from instructcir.worlds.phrasing import Speaker
from instructcir.worlds.world import Facts


def scene(speaker: Speaker, facts: Facts, names: frozenset[str], preposition: bool) -> str:
    """The place with what else is to be said of it.

    Args:
        speaker: picks the words.
        facts: what is true of the picture.
        names: which of "setting", "weather" and "season" to tell, if they apply.
        preposition: whether as an adverbial ("in foggy hills") rather than a noun ("foggy hills").
    """
    told = {name: facts[name] for name in ("setting", "weather", "season") if name in names and name in facts}
    setting = told.get("setting", "anywhere")
    weather = told.get("weather")
    if preposition and len(told) == 1 and "setting" in told:
        return speaker.word(f"word.where.{setting}")
    before, article, noun = speaker.word(f"word.scene.{setting}").split("|")
    words = [before if preposition else "", article]
    after = ""
    if weather is not None and (weather == "clear" or speaker.rng.random() < 0.3):
        after = speaker.word(f"word.in_weather.{weather}")  # "clear hills" would say something else
    elif weather is not None:
        words.append(speaker.word(f"word.weather.{weather}"))
    if "season" in told:
        words.append(speaker.word(f"word.season_adjective.{told['season']}"))
    return " ".join(word for word in (*words, noun, after) if word)

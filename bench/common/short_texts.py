"""Short texts about drawn pictures, two to six words each, and what a picture must show to be what they say."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from instructcir.worlds.landscapes.words_things import plural
from instructcir.worlds.world import Facts

Text = tuple[str, Facts]
_PLURAL = ("trousers", "shorts")
_PLACES = {
    "sea": "at the sea", "lake": "at a lake", "hills": "in the hills", "mountains": "in the mountains",
    "city": "in a city", "desert": "in the desert", "meadow": "on a meadow", "room": "in a room",
}  # fmt: skip
_NUMBERS = {"2": "two", "3": "three", "4": "four"}
_CLOTHED = ("person", "child")


def _a(noun: str) -> str:
    return noun if noun.split()[-1] in _PLURAL else f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def garment_texts(facts: Facts) -> list[Text]:
    """All short texts that this bench knows about a garment."""
    kind, colour = facts["garment"], facts["colour"]
    named = {"garment": kind}
    found: list[Text] = [(_a(f"{colour} {kind}"), {**named, "colour": colour})]
    if facts["pattern"] != "plain":
        found.append((f"{kind} with {facts['pattern']}", {**named, "pattern": facts["pattern"]}))
    if facts.get("closure") in ("buttons", "zip"):
        closed = {"buttons": "buttons", "zip": "a zip"}[facts["closure"]]
        wanted = {**named, "colour": colour, "closure": facts["closure"]}
        found.append((f"{_a(f'{colour} {kind}')} with {closed}", wanted))
    if facts.get("belt") == "belt":
        found.append((f"{_a(kind)} with a belt", {**named, "belt": "belt"}))
    if facts.get("sleeve") == "long":
        found.append((f"{kind} with long sleeves", {**named, "sleeve": "long"}))
    if facts.get("print", "none") != "none":
        found.append((f"{kind} with a {facts['print']}", {**named, "print": facts["print"]}))
    if facts["setting"] == "beach":
        found.append((f"{_a(kind)} on the beach", {**named, "setting": "beach"}))
    return found


def scene_texts(facts: Facts) -> list[Text]:
    """All short texts that this bench knows about a scene."""
    found: list[Text] = []
    where = _PLACES[facts["setting"]]
    for kind in (name.removesuffix(".count") for name in facts if name.endswith(".count")):
        count, colour = facts[f"{kind}.count"], facts[f"{kind}.colour"]
        one = count == "1"
        counted = {f"{kind}.count": count}
        some = _a(kind) if one else f"{_NUMBERS[count]} {plural(kind)}"
        found.append((f"{some} {where}", {**counted, "setting": facts["setting"]}))
        if kind not in _CLOTHED:
            coloured = _a(f"{colour} {kind}") if one else f"{_NUMBERS[count]} {colour} {plural(kind)}"
            found.append((coloured, {**counted, f"{kind}.colour": colour}))
    if facts.get("time") in ("night", "sunset"):
        about = {"setting": facts["setting"], "time": facts["time"]}
        found.append((f"{where.partition(' ')[2]} at {facts['time']}", about))
    return found


def short_texts(
    pictures: Sequence[Facts], kinds: Callable[[Facts], list[Text]], count: int, seed: int = 0
) -> list[Text]:
    """So many different texts, each of which some picture is right for."""
    chance, found = random.Random(seed), dict[str, Facts]()
    while len(found) < count:
        text, wanted = chance.choice(kinds(chance.choice(pictures)))
        if 2 <= len(text.split()) <= 6:
            found[text] = wanted
    return list(found.items())

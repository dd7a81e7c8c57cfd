"""The drawn worlds' test queries in wordings of another hand: terse, as annotators of photographs write them.

    python bench/other_wordings.py                      # the bundled model
    python bench/other_wordings.py runs/tiny-finish/model --world wardrobe

The worlds' own modifications come from thousands of templates; these here come from none of them. They are written from
the edits alone, after the manner of FashionIQ's ("is darker and has longer sleeves") and CIRR's annotators. Edits that
no wording is given for leave their query out; how many are left is told, and the same queries are scored as the test
words them, too.

Beside them all queries are asked as strangers would type them: `common/strangers.json` holds a text for each, written
one by one by four writers who saw the picture's facts and the edits as data, and no text of this project.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from instructcir.evaluation.drawn import SIDE
from instructcir.items import ComposedQuery
from instructcir.model.embedder import Embedder
from instructcir.ranking import blocked_top_k
from instructcir.worlds.galleries import ComposedTest, TestQuery, composed_test
from instructcir.worlds.rasterise import rasterise
from instructcir.worlds.registry import world
from instructcir.worlds.splits import split_named
from instructcir.worlds.world import Edit

Wordings = Mapping[tuple[str, str], Sequence[str]]
STRANGERS = Path(__file__).parent / "common" / "strangers.json"
"""World -> a text for each of its test's queries."""

WARDROBE: Wordings = {
    ("colour", "to"): ("is {to}", "has a {to} color", "the {to} one"),
    ("colour", "not"): ("is not {old}", "has a color that isn't {old}"),
    ("colour", "lighter"): ("is lighter", "has a lighter shade than {old}"),
    ("colour", "darker"): ("is darker", "is a darker color than {old}"),
    ("second colour", "to"): ("has {to} {pattern} rather than {old}", "the {pattern} are {to}"),
    ("second colour", "not"): ("the {pattern} are not {old}", "has {pattern} in a color other than {old}"),
    ("setting", "swap"): ("is shown {to}", "was photographed {to} and not {old}"),
    ("setting", "not"): ("is not shown {old}", "was photographed elsewhere"),
    ("length", "to"): ("is {to} in length", "its length is {to}"),
    ("length", "shorter"): ("is shorter", "ends higher up"),
    ("length", "longer"): ("is longer", "comes down further"),
    ("fit", "to"): ("is {to} on the body", "fits {to}"),
    ("fit", "tighter"): ("is tighter", "is more fitted"),
    ("fit", "looser"): ("is looser", "is more loose and baggy"),
    ("garment", "to"): ("is a {to}", "is a {to} not a {old}"),
    ("pattern", "swap"): ("has {to} not {old}", "the {old} became {to}"),
    ("pattern", "add"): ("has {to} on it", "is not plain but has {to}"),
    ("pattern", "add_in"): ("has {second} {to} on it", "is covered with {second} {to}"),
    ("pattern", "swap_in"): ("has {second} {to} not {old}", "the {old} became {second} {to}"),
    ("pattern", "not"): ("does not have {old}", "isn't covered in {old}"),
    ("pattern", "plain"): ("has no pattern", "is plain without {old}"),
    ("pocket", "add"): ("has {to}", "got {to}"),
    ("pocket", "without"): ("has no pockets", "does not have any pocket"),
    ("neckline", "swap"): ("has a {to} neck", "the neck is {to} instead of {old}"),
    ("neckline", "not"): ("does not have a {old} neck", "has a neck that isn't {old}"),
    ("sleeve", "to"): ("has {to} sleeves", "its sleeves are {to} rather than {old}"),
    ("sleeve", "give"): ("has {to} sleeves", "got {to} sleeves"),
    ("sleeve", "some"): ("has sleeves", "isn't sleeveless"),
    ("sleeve", "shorter"): ("has shorter sleeves", "shows more of the arms"),
    ("sleeve", "longer"): ("has longer sleeves", "its sleeves are longer"),
    ("sleeve", "without"): ("is sleeveless", "has no sleeves"),
    ("belt", "add"): ("has a belt", "is worn with a belt"),
    ("belt", "without"): ("has no belt", "is worn without a belt"),
    ("closure", "add"): ("has {to}", "closes with {to}"),
    ("closure", "swap"): ("has {to} not {old}", "closes with {to}"),
    ("closure", "without"): ("does not have {old}", "has no {old}"),
    ("collar", "add"): ("has a {to} collar", "got a {to} collar"),
    ("collar", "any"): ("has a collar", "got a collar"),
    ("collar", "swap"): ("has a {to} collar", "its collar is {to}, not {old}"),
    ("print", "swap"): ("has a {to} on the chest", "the {old} became a {to}"),
}
LANDSCAPES: Wordings = {
    ("replace", "thing"): ("{many to} where the {old} was", "has {many to} but no {old}"),
    ("setting", "to"): ("same but {to}{besides}", "it is {to}{besides} now"),
    ("setting", "other"): ("is not {from}", "same things in another place"),
    ("colour", "to"): ("the {thing} {is} {to}", "has {a}{to} {thing}, not {from}"),
    ("colour", "not"): ("the {thing} {is} not {from}", "has {a}{thing} that {is} not {from}"),
    ("weather", "to"): ("{to}", "now with {to}"),
    ("weather", "not"): ("no {from}", "without {from}"),
    ("add", "thing"): ("has {many to} too", "there is also {many to}"),
    ("add", "number"): ("has {many to} too", "there are also {many to}"),
    ("viewpoint", "to"): ("seen {to}", "taken {to}"),
    ("viewpoint", "not"): ("not seen {from}", "isn't taken {from}"),
    ("viewpoint", "closer"): ("taken closer", "seen from less far away"),
    ("viewpoint", "further"): ("taken from further away", "seen from more distance"),
    ("remove", "thing"): ("has no {thing}", "the {thing} {is} gone"),
    ("remove", "things"): ("has no {thing} and no {second}", "there is neither {thing} nor {second}"),
    ("remove", "only"): ("has nothing but the {thing}", "shows the {thing} and nothing else"),
    ("remove", "category"): ("has no {category}", "there are no {category} anymore"),
    ("time", "to"): ("{to}", "taken {to} not {from}"),
    ("time", "lighter"): ("it is brighter outside", "taken when it was less dark"),
    ("time", "darker"): ("it is darker outside", "taken when it got dark"),
    ("season", "to"): ("it is {to}", "in {to} not {from}"),
    ("season", "colder"): ("in a colder time of the year", "it is a colder season now"),
    ("season", "warmer"): ("in a warmer time of the year", "it is a warmer season now"),
    ("count", "exact"): ("has {n} {thing}", "{n} {thing} not {old}"),
    ("count", "double"): ("has double the {thing}", "twice the {thing}"),
    ("count", "half"): ("has half the {thing}", "only half of the {thing}"),
    ("count", "one_more"): ("has one {thing} more", "add a {thing}"),
    ("count", "two_more"): ("has two {thing} more", "add two {thing}"),
    ("count", "one_fewer"): ("has one {thing} less", "take one {thing} away"),
    ("count", "more"): ("has more {thing}", "add some {thing}"),
    ("count", "fewer"): ("has less {thing}", "fewer {thing}"),
    ("size", "bigger"): ("the {thing} {is} bigger", "has {a}bigger {thing}"),
    ("size", "smaller"): ("the {thing} {is} smaller", "has {a}smaller {thing}"),
    ("position", "to"): ("the {thing} {is} {to}", "has the {thing} {to}"),
    ("position", "further"): ("the {thing} {is} further {to}", "has the {thing} more {to}"),
    ("position", "side_of"): ("the {thing} {is} {side} of the {beside}", "has the {thing} {side} of the {beside}"),
    ("position", "not"): ("the {thing} {is} not {from}", "the {thing} {is} somewhere else"),
    ("position", "across"): ("the {thing} {is} on the other side", "has the {thing} on the other side"),
    ("position", "swap"): ("the {thing} and the {second} change places", "{thing} and {second} swapped"),
    ("colour", "same"): ("the {thing} {has} the color of the {beside}", "{thing} and {beside} have the same color"),
}
WORDS = {
    "mannequin": "on a mannequin", "studio": "in a studio", "hanger": "on a hanger", "beach": "at the beach",
    "brick wall": "before a brick wall", "garden": "in a garden", "shop window": "in a shop window",
    "wooden floor": "on a wooden floor", "none": "no print", "checks": "checks", "floral": "flowers",
    "colour block": "color blocks", "zigzag": "zigzags", "side": "side pockets", "chest": "a chest pocket",
    "regular": "normal", "zip": "a zipper", "buttons": "buttons", "fitted": "tight", "turtleneck": "turtle",
    "v-neck": "v", "stand-up": "standing",
}  # fmt: skip
PLACES = {
    "city": "in a city", "desert": "in the desert", "hills": "in the hills", "lake": "at a lake",
    "meadow": "on a meadow", "mountains": "in the mountains", "room": "in a room", "sea": "at the sea",
    "dawn": "at dawn", "day": "in daylight", "night": "at night", "sunset": "at sunset", "clear": "a clear sky",
    "cloudy": "clouds", "fog": "fog", "rain": "rain", "snow": "snow", "above": "from above",
    "far": "from far away", "near": "from near", "left": "on the left", "right": "on the right",
    "centre": "in the middle", "person": "adult", "palm": "palm tree", "plane": "airplane", "pine": "fir tree",
    "animals": "animals",
}  # fmt: skip
NUMBERS = {"1": "one", "2": "two", "3": "three", "4": "four", "some": "some"}


def reworded(name: str, query: TestQuery, reference: Mapping[str, str | None], number: int) -> str | None:
    """A query's edits in our words; None where one of them has none."""
    rng = random.Random(number)
    wordings, words = (WARDROBE, WORDS) if name == "wardrobe" else (LANDSCAPES, PLACES)
    said = []
    for edit in query.change.edits:
        choices = wordings.get((edit.kind, edit.said.get("form", "")))
        if choices is None:
            return None
        said.append(rng.choice(list(choices)).format_map(_slots(edit, words, reference)))
    return " and ".join(said)


def _slots(edit: Edit, words: Mapping[str, str], reference: Mapping[str, str | None]) -> dict[str, str]:
    slots = {name: words.get(value, value) for name, value in edit.said.items()}
    besides = [f"in {edit.said['season']}"] if "season" in edit.said else []
    besides += [f"with {words.get(edit.said['weather'], '')}"] if "weather" in edit.said else []
    slots["besides"] = "".join(f" {one}" for one in besides)
    slots |= {"is": "is", "has": "has", "a": "a "}
    if edit.kind in {"replace", "add"}:
        slots["many to"] = _many(edit.said, words)
    if edit.kind == "position" and edit.said.get("form") == "further":
        slots["to"] = "to the " + {"left": "left", "right": "right"}.get(edit.said["side"], "middle")
    if edit.kind == "position" and edit.said.get("form") == "side_of":
        slots["side"] = edit.said["side"]
    if edit.kind == "count":
        slots["n"] = NUMBERS.get(edit.said.get("to", ""), "some")
        slots["old"] = NUMBERS.get(edit.said.get("from", ""), "some")
        more_than_one = edit.said.get("to") != "1" and edit.said["form"] not in {"one_more", "one_fewer"}
        slots["thing"] = _plural(slots["thing"]) if more_than_one else slots["thing"]
    elif "thing" in slots and (reference.get(f"{edit.said['thing']}.count") or "1") != "1" and edit.kind != "replace":
        slots |= {"thing": _plural(slots["thing"]), "is": "are", "has": "have", "a": ""}
    return slots


def _many(said: Mapping[str, str], words: Mapping[str, str]) -> str:
    count = said.get("count", "1")
    thing = words.get(said["thing"], said["thing"])
    parts = [said[name] for name in ("size", "colour") if name in said]
    place = [words.get(said["position"], said["position"])] if "position" in said else []
    named = " ".join([*parts, thing if count == "1" else _plural(thing), *place])
    return f"a {named}" if count == "1" else f"{NUMBERS[count]} {named}"


def _plural(thing: str) -> str:
    return {"child": "children", "bus": "buses", "sheep": "sheep", "cactus": "cacti", "bench": "benches"}.get(
        thing, thing + "s"
    )


def right_at(
    embedder: Embedder, test: ComposedTest, pictures: Sequence[Any], gallery: Any, texts: Sequence[str | None]
) -> str:
    """Recall at 1 and 10, in percent, of the queries that have a text; `gallery` holds the pictures' vectors."""
    asked = [(query, text) for query, text in zip(test.queries, texts, strict=True) if text is not None]
    queries = embedder.embed_queries([ComposedQuery(pictures[query.reference], text) for query, text in asked])
    references = np.array([query.reference for query, _ in asked])
    ranked = blocked_top_k(queries, gallery, 11)[0]
    found = []
    for row, own, (query, _) in zip(ranked, references, asked, strict=True):
        order = [index for index in row.tolist() if index != own][:10]
        found.append((order[0] in query.relevant, any(index in query.relevant for index in order)))
    first, ten = np.mean(np.array(found, dtype=float), axis=0) * 100
    return f"{first:.1f} / {ten:.1f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="tiny")
    parser.add_argument("--world", choices=("wardrobe", "landscapes"))
    parser.add_argument("--show", action="store_true", help="print the texts and embed nothing")
    options = parser.parse_args()
    for name in (options.world,) if options.world else ("wardrobe", "landscapes"):
        test = composed_test(world(name), split_named("test"))
        texts = [
            reworded(name, query, test.gallery[query.reference].facts, number)
            for number, query in enumerate(test.queries)
        ]
        strangers = json.loads(STRANGERS.read_text(encoding="utf-8"))[name]
        if options.show:
            for query, text, typed in zip(test.queries, texts, strangers, strict=True):
                print(f"{query.modification.text} | {text} | {typed}")
            continue
        embedder = Embedder.load(options.model, "cpu")
        pictures = [rasterise(world(name).svg(drawing), SIDE) for drawing in test.gallery]
        own = [query.modification.text if text else None for query, text in zip(test.queries, texts, strict=True)]
        gallery = embedder.embed_images(pictures)
        ours, theirs, typed = (right_at(embedder, test, pictures, gallery, some) for some in (texts, own, strangers))
        print(
            f"{name}: {sum(text is not None for text in texts)} of {len(texts)} queries, recall@1 / recall@10: {ours} "
            f"in these wordings, {theirs} in the test's own; all of them as strangers type them: {typed}"
        )


if __name__ == "__main__":
    main()

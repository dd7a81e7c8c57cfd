"""The demo's catalogue: drawn garments that no model was trained on, and wishes whose right answers are known."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from dataclasses import dataclass

from instructcir.errors import InputError
from instructcir.worlds.distractors import distractors
from instructcir.worlds.galleries import relevant_in
from instructcir.worlds.landscapes.facts import kinds_in
from instructcir.worlds.landscapes.words_things import plural
from instructcir.worlds.splits import Split, belongs, drawing_of, facts_of
from instructcir.worlds.wardrobe.facts import COLOURS, complete
from instructcir.worlds.world import Change, Drawing, Edit, Facts, World

SPLIT: Split = "test"
_NEAR_MISSES = 6  # for each query at most, where the catalogue has room
_TRIES = 20_000  # one in a hundred fits: reference and target are to be of a split that a tenth of all belongs to
_LOOKS = 2**32


@dataclass(frozen=True, slots=True)
class Wish:
    """Something to ask for.

    Attributes:
        text: as a person would say it.
        shown: what its reference must show, garment and pattern at least; all else is left to chance.
        asked: for each part of the text, attribute -> values that fulfil it, None standing for "absent".
    """

    text: str
    shown: Facts
    asked: tuple[Mapping[str, tuple[str | None, ...]], ...]


ASKED = (
    Wish("the same in red", {"garment": "blouse", "pattern": "floral", "colour": "teal"}, ({"colour": ("red",)},)),
    Wish(
        "with long sleeves and without the belt",
        {"garment": "dress", "pattern": "stripes", "sleeve": "short", "belt": "belt"},
        ({"sleeve": ("long",)}, {"belt": ("none",)}),
    ),
    Wish(
        "shorter, with stripes",
        {"garment": "skirt", "pattern": "plain", "length": "long"},
        ({"length": ("short", "regular")}, {"pattern": ("stripes", "vertical stripes"), "second colour": COLOURS}),
    ),
    Wish(
        "on the beach",
        {"garment": "t-shirt", "pattern": "plain", "print": "heart", "setting": "brick wall"},
        ({"setting": ("beach",)},),
    ),
    Wish(
        "with a zip instead of the buttons, and in yellow",
        {"garment": "jacket", "pattern": "plain", "colour": "blue", "closure": "buttons"},
        ({"closure": ("zip",)}, {"colour": ("yellow",)}),
    ),
    Wish("shorts just like these", {"garment": "trousers", "pattern": "checks"}, ({"garment": ("shorts",)},)),
)
FEWEST = 4 * len(ASKED)


@dataclass(frozen=True, slots=True)
class Query:
    """A wish in a catalogue.

    Attributes:
        wish: what is asked.
        change: the same as data.
        reference: number of its picture in the catalogue.
        relevant: numbers of all pictures that are right, ascending; there is at least one.
    """

    wish: Wish
    change: Change
    reference: int
    relevant: tuple[int, ...]


def catalogue(world: World, pictures: int) -> tuple[tuple[Drawing, ...], tuple[Query, ...]]:
    """Garments of the test split, and `ASKED` of some of them: the same for the same number of pictures.

    For each wish there are its reference, a picture that is right, and some that are nearly right.

    Args:
        world: the wardrobe.
        pictures: how many, `FEWEST` or more.

    Raises:
        InputError: fewer are asked for, or no reference shows what a wish needs.
    """
    if pictures < FEWEST:
        raise InputError(f"{pictures} pictures are too few for the demo's queries; take {FEWEST} or more")
    near = min(_NEAR_MISSES, pictures // len(ASKED) - 2)
    gathered: list[Facts] = []
    begun: list[tuple[int, Change]] = []
    for wish in ASKED:
        rng = random.Random(f"demo/{wish.text}")  # so that the number of pictures does not change the references
        reference, change = _posed(world, wish, rng)
        begun.append((len(gathered), change))
        gathered += [reference, change.target]
        misses = distractors(world, reference, change, rng, lambda facts: belongs(world, facts) == SPLIT)
        gathered += itertools.islice(misses, near)
    gathered += [facts_of(world, SPLIT, number) for number in range(pictures - len(gathered))]
    rng = random.Random(f"demo/{pictures}")
    order = list(range(pictures))
    rng.shuffle(order)  # among equal scores the lower number comes first: a number must not tell what is right
    drawings = tuple(Drawing(gathered[old], rng.randrange(_LOOKS)) for old in order)
    queries = []
    for wish, (old, change) in zip(ASKED, begun, strict=True):
        reference_at = order.index(old)
        queries.append(Query(wish, change, reference_at, relevant_in(drawings, reference_at, change)))
    return drawings, tuple(queries)


def scenes(world: World, pictures: int) -> tuple[Drawing, ...]:
    """Scenes of the test split, to be told apart from garments; the same for the same number."""
    return tuple(drawing_of(world, SPLIT, number) for number in range(pictures))


def name_of(facts: Facts) -> str:
    """What a person would call a garment: "red dress, polka dots, brick wall"."""
    pattern = "" if facts["pattern"] == "plain" else f", {facts['pattern']}"
    return f"{facts['colour']} {facts['garment']}{pattern}" + (f", {facts['setting']}" if "setting" in facts else "")


def name_of_scene(facts: Facts) -> str:
    """What a person would call a scene: "lake, winter night, 2 brown dogs"."""
    kind = kinds_in(facts)[0]
    count, things = facts[f"{kind}.count"], f"{facts[f'{kind}.colour']} {kind}"
    first = things if count == "1" else f"{count} {plural(things)}"
    air = [facts[name] for name in ("season", "weather") if name in facts][:1]
    when = " ".join([*air, *([facts["time"]] if "time" in facts else [])])
    return ", ".join(part for part in (facts["setting"], when, first) if part)


def faults(change: Change, reference: Facts, candidate: Facts) -> list[str]:
    """What is wrong with an answer, in words, what was asked for first; empty if it is right."""
    allowed = change.allowed
    names = dict.fromkeys([*allowed, *reference, *candidate])
    return [
        _said(name, candidate.get(name))
        for name in names
        if candidate.get(name) not in allowed.get(name, (reference.get(name),))
    ]


_SPEAK_FOR_THEMSELVES = ("garment", "colour", "pattern", "closure", "belt", "setting")


def _said(name: str, value: str | None) -> str:
    if value is None or value == "none":
        return f"no {name}"
    return value if name in _SPEAK_FOR_THEMSELVES or value in ("sleeveless", "turtleneck") else f"{value} {name}"


def _posed(world: World, wish: Wish, rng: random.Random) -> tuple[Facts, Change]:
    """A reference of the split that shows what the wish needs, and the change into a target of the split."""
    edits = tuple(
        Edit(next(iter(part)), {name: frozenset(values) for name, values in part.items()}, {}) for part in wish.asked
    )
    for _ in range(_TRIES):
        reference = complete(wish.shown, rng)
        if belongs(world, reference) != SPLIT:
            continue
        wanted = {name: rng.choice(values) for part in wish.asked for name, values in part.items()}
        target = {name: value for name, value in {**reference, **wanted}.items() if value is not None}
        if world.is_possible(target) and belongs(world, target) == SPLIT:
            return reference, Change(edits, target)
    raise InputError(f"{world.name}: no reference for {wish.text!r} in the split {SPLIT!r}; show something else")

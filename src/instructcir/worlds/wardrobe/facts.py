"""What can be true of a garment picture, and random garments."""

from __future__ import annotations

import random

from instructcir.worlds.world import Facts

COLOURS = (
    "black", "white", "grey", "red", "orange", "yellow", "green", "teal", "blue", "navy", "purple", "pink", "brown",
    "beige",
)  # fmt: skip
PATTERNS = ("plain", "stripes", "vertical stripes", "checks", "polka dots", "floral", "zigzag", "stars", "colour block")
SETTINGS = ("studio", "hanger", "mannequin", "wooden floor", "shop window", "brick wall", "garden", "beach")

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "garment": (
        "dress", "skirt", "t-shirt", "shirt", "blouse", "sweater", "hoodie", "jacket", "coat", "trousers", "shorts",
        "jumpsuit",
    ),
    "colour": COLOURS,
    "pattern": PATTERNS,
    "second colour": COLOURS,
    "sleeve": ("sleeveless", "short", "three-quarter", "long"),
    "length": ("short", "regular", "long"),
    "fit": ("fitted", "regular", "loose"),
    "neckline": ("round", "v-neck", "square", "turtleneck"),
    "collar": ("none", "pointed", "stand-up"),
    "closure": ("none", "buttons", "zip"),
    "pocket": ("none", "chest", "side"),
    "belt": ("none", "belt"),
    "print": ("none", "star", "heart", "flower", "moon", "cat"),
    "setting": SETTINGS,
}  # fmt: skip
"""Attributes and values. `pattern` "plain" has no `second colour`; `print` needs a plain pattern."""

_ALWAYS = ("garment", "colour", "pattern", "length", "fit", "setting")
_EXTRA: dict[str, tuple[str, ...]] = {
    "dress": ("sleeve", "neckline", "closure", "belt"),
    "skirt": ("closure", "belt", "pocket"),
    "t-shirt": ("sleeve", "neckline", "pocket", "print"),
    "shirt": ("sleeve", "collar", "closure", "pocket"),
    "blouse": ("sleeve", "neckline", "closure"),
    "sweater": ("sleeve", "neckline", "print"),
    "hoodie": ("sleeve", "closure", "pocket", "print"),
    "jacket": ("sleeve", "collar", "closure", "pocket"),
    "coat": ("sleeve", "collar", "closure", "belt", "pocket"),
    "trousers": ("belt", "pocket"),
    "shorts": ("belt", "pocket"),
    "jumpsuit": ("sleeve", "neckline", "closure", "belt"),
}
_NARROWED: dict[tuple[str, str], tuple[str, ...]] = {
    ("shirt", "closure"): ("buttons", "zip"),
    ("jacket", "closure"): ("buttons", "zip"),
    ("coat", "closure"): ("buttons", "zip"),
    ("coat", "sleeve"): ("three-quarter", "long"),
    ("hoodie", "closure"): ("none", "zip"),
    ("t-shirt", "pocket"): ("none", "chest"),
    ("hoodie", "pocket"): ("none", "side"),
    ("trousers", "pocket"): ("none", "side"),
    ("shorts", "pocket"): ("none", "side"),
    ("skirt", "pocket"): ("none", "side"),
    ("coat", "pocket"): ("none", "side"),
}
HELD_OUT_BETWEEN = (
    ("garment", "colour"), ("garment", "pattern"), ("colour", "pattern"), ("pattern", "sleeve"),
    ("garment", "setting"),
)  # fmt: skip


def values_of(garment: str, attribute: str) -> tuple[str, ...]:
    """The values an attribute can take on a garment, none where it does not apply (not yet regarding the pattern)."""
    if attribute not in _ALWAYS and attribute != "second colour" and attribute not in _EXTRA[garment]:
        return ()
    return _NARROWED.get((garment, attribute), ATTRIBUTES[attribute])


def applies(facts: Facts) -> tuple[str, ...]:
    """Attributes that a garment with this kind and pattern must have, in the order of `ATTRIBUTES`."""
    names = set(_ALWAYS) | set(_EXTRA[facts["garment"]])
    if facts["pattern"] == "plain":
        return tuple(name for name in ATTRIBUTES if name in names)
    return tuple(name for name in ATTRIBUTES if name in names - {"print"} | {"second colour"})


def is_possible(facts: Facts) -> bool:
    """Whether these facts can be drawn: values known, attributes that apply present, none that do not."""
    if facts.get("garment") not in ATTRIBUTES["garment"] or facts.get("pattern") not in PATTERNS:
        return False
    if set(applies(facts)) != set(facts) or facts["colour"] == facts.get("second colour"):
        return False
    return all(value in values_of(facts["garment"], name) for name, value in facts.items())


def sample(rng: random.Random) -> dict[str, str]:
    """Facts of a random garment; what most garments lack (belts, prints, pockets) is rarer than chance."""
    facts = {"garment": rng.choice(ATTRIBUTES["garment"])}
    facts["pattern"] = "plain" if rng.random() < 0.35 else rng.choice(PATTERNS[1:])
    return complete(facts, rng)


def complete(facts: Facts, rng: random.Random) -> dict[str, str]:
    """Facts with everything that applies and is missing chosen at random, and what does not apply left out.

    Args:
        facts: at least `garment` and `pattern`.
        rng: source of the choices.
    """
    whole = {}
    for name in applies(facts):
        values = values_of(facts["garment"], name)
        if facts.get(name) in values:
            whole[name] = facts[name]
            continue
        if name == "second colour":
            values = tuple(value for value in values if value != whole["colour"])
        rare = values[0] == "none" and rng.random() < 0.4
        whole[name] = "none" if rare else rng.choice(values)
    if whole["colour"] == whole.get("second colour"):
        whole["second colour"] = rng.choice([value for value in COLOURS if value != whole["colour"]])
    return whole

"""A garment picture as SVG."""

from __future__ import annotations

import random
from collections.abc import Callable

from instructcir.worlds.shapes import crisp, disc, fill, number
from instructcir.worlds.wardrobe import draw_details as details
from instructcir.worlds.wardrobe.draw_cut import Cut, cut_of
from instructcir.worlds.wardrobe.draw_fabric import Trim, cloth
from instructcir.worlds.wardrobe.draw_palette import Colour, contrast, dyed
from instructcir.worlds.wardrobe.draw_prints import printed
from instructcir.worlds.wardrobe.draw_settings import backdrop, in_front
from instructcir.worlds.wardrobe.draw_supports import behind, over, within
from instructcir.worlds.world import Box, Drawing, Facts

_TILT = {"wooden floor": 11.0, "studio": 3.0, "brick wall": 3.0, "garden": 2.5, "beach": 2.5}
"""Largest rotation in degrees; what stands or hangs from a rail is nearly upright."""
_TOPS = {"hanger": 24.0, "garden": 20.0, "beach": 20.0, "brick wall": 24.0, "mannequin": 22.0, "shop window": 30.0}
"""Where the neck or waist of what hangs or stands is, at the latest; elsewhere a garment is in the middle."""
_NECK_ROOM = {"hoodie": 19.0, "jumpsuit": 12.0, "dress": 12.0}
"""How far down the neck is at least, so that all above it is in the picture."""
_TRIMS = {"sweater": Trim(6.5, 5.2), "hoodie": Trim(5, 4), "jacket": Trim(5, 4), "shirt": Trim(0, 4.5)}


def svg(drawing: Drawing) -> str:
    """The picture as SVG with viewBox 0 0 128 128; the same drawing gives the same bytes everywhere."""
    facts, rng = drawing.facts, random.Random(drawing.look)
    setting = facts["setting"]
    scene = backdrop(setting, rng)
    cut = cut_of(facts)
    size = min(rng.uniform(0.9, 1.0), 61 / (cut.reach * cut.scale))  # the widest sleeves stay in the picture
    top = top_of(facts, cut, size) + rng.uniform(-2.5, 2.5)
    scale = cut.scale * size
    sway = max(0.5, min(5.0, 62 - cut.reach * scale))
    x, tilt = 64 + rng.uniform(-sway, sway), rng.uniform(-1, 1) * _TILT.get(setting, 1.5)
    middle = cut.hem * scale / 2
    place = (
        f'<g transform="translate({number(x)} {number(top)}) rotate({tilt:.1f} 0 {number(middle)}) scale({scale:.2f})">'
    )
    garment = garment_on(facts, cut, -top / scale, rng)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 128 128">'
        f"{scene}{ground_shadow(setting, x)}{place}{garment}</g>{in_front(setting, rng)}</svg>"
    )


def boxes(drawing: Drawing) -> list[tuple[str, Box]]:
    """No boxes: the garment is the picture's one thing, and no attribute is named after it."""
    return []


def top_of(facts: Facts, cut: Cut, size: float) -> float:
    """Y of the neck or waist on the canvas."""
    kind, setting = facts["garment"], facts["setting"]
    tall = cut.hem * cut.scale * size
    centred = 66 - tall / 2
    return max(_NECK_ROOM.get(kind, 11.0), min(centred, _TOPS.get(setting, centred), 122 - tall))


def ground_shadow(setting: str, x: float) -> str:
    """A shadow below what stands outdoors, around a place on the canvas."""
    if setting not in ("garden", "beach"):
        return ""
    return fill(disc(x, 121, 34, 3.6), "#000", 0.1) + fill(disc(x, 121, 24, 2.3), "#000", 0.1)


def _wall_shadow(setting: str, cut: Cut, rng: random.Random) -> str:
    """The garment's shadow on what is right behind it."""
    side = rng.choice((-1, 1))
    if setting in ("garden", "beach", "shop window"):
        return ""
    parts = "".join(f'<path d="{shape}"/>' for shape in (cut.body, *(sleeve.shape for sleeve in cut.sleeves)))
    return crisp(
        "".join(
            f'<g transform="translate({side * far:.1f} {far:.1f})" fill="#000" fill-opacity="0.09">{parts}</g>'
            for far in (1.6, 3.2)
        )
    )


def garment_on(
    facts: Facts, cut: Cut, edge: float, rng: random.Random, dye: Callable[[str, random.Random], Colour] = dyed
) -> str:
    """The garment with its shadow and support.

    Args:
        facts: of the garment.
        cut: its geometry.
        edge: y of the picture's upper edge, in the garment's units.
        rng: source of all choices.
        dye: the shade of a colour word.
    """
    setting = facts["setting"]
    base = dye(facts["colour"], rng)
    second = dye(facts["second colour"], rng) if "second colour" in facts else None
    pieces = [behind(setting, cut, edge), _wall_shadow(setting, cut, rng)]
    if facts["garment"] == "hoodie":
        pieces.append(details.hood(cut, base))
    pieces.append(details.neck_back(cut, facts, base))
    pieces.append(within(setting, cut, edge))
    pieces.append(cloth(cut, facts["pattern"], base, second, _TRIMS.get(facts["garment"], Trim()), rng))
    pieces.append(_sewn_on(facts, cut, base))
    pieces.append(over(setting, cut))
    return "".join(pieces)


def _sewn_on(facts: Facts, cut: Cut, base: Colour) -> str:
    kind = facts["garment"]
    pieces = [details.seams(cut, facts, base)]
    pieces.append(details.closure(cut, facts, base))
    pieces.append(details.neck_trim(cut, facts, base))
    pieces.append(details.pockets(cut, facts, base))
    pieces.append(details.belt(cut, facts, base))
    if kind == "hoodie":
        pieces.append(details.drawstrings(cut, base))
    if facts.get("print", "none") != "none":
        pieces.append(printed(facts["print"], *_print_place(cut, facts), contrast(base), base))
    return "".join(pieces)


def _print_place(cut: Cut, facts: Facts) -> tuple[float, float, float]:
    """X and y of a print's centre and half its height, clear of pockets and cords."""
    if facts.get("pocket") == "chest":
        return -cut.half(28) * 0.42, 26.0, 7.5
    if facts.get("pocket") == "side":
        return (0.0, 17.0, 7.0) if facts["length"] == "short" else (0.0, 23.5 if cut.hem < 60 else 27.0, 10.0)
    return 0.0, 25.0 if facts["length"] == "short" else 28.0, 9.0 if facts["length"] == "short" else 11.0

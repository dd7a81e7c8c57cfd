from __future__ import annotations

import hashlib
import itertools
import random
from xml.etree import ElementTree

import numpy as np
import pytest

from instructcir.worlds.rasterise import rasterise
from instructcir.worlds.shapes import box, data, disc, number, polygon, smooth
from instructcir.worlds.wardrobe import facts as wardrobe
from instructcir.worlds.wardrobe.draw_cut import cut_of
from instructcir.worlds.wardrobe.draw_palette import PALETTE, dyed
from instructcir.worlds.wardrobe.drawing import svg
from instructcir.worlds.world import Drawing

SIDE = 96
PLAIN = {"pattern": "plain", "colour": "blue", "length": "regular", "fit": "regular", "setting": "studio"}
QUIET = {"closure": "none", "pocket": "none", "belt": "none", "print": "none", "collar": "none", "sleeve": "long"}
PINNED = "bbb0f9e218fd048f07538f32f844c0c673e344baba6815b792f638856046a04f"


def facts_of(garment: str, **given: str) -> dict[str, str]:
    return wardrobe.complete({"garment": garment, **PLAIN, **QUIET, **given}, random.Random(4))


def pixels(facts: dict[str, str], look: int = 7, side: int = SIDE) -> np.ndarray:
    return np.asarray(rasterise(svg(Drawing(facts, look)), side), dtype=float)


def steps() -> list[tuple[str, str]]:
    """Each garment with each attribute of which it can have several values."""
    return [
        (garment, attribute)
        for garment in wardrobe.ATTRIBUTES["garment"]
        for attribute in wardrobe.ATTRIBUTES
        if attribute not in ("garment", "second colour") and len(wardrobe.values_of(garment, attribute)) > 1
    ]


def test_an_svg_is_rasterised_to_rgb_of_the_side_asked_for() -> None:
    red = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4"><path d="M0 0h4v4H0z" fill="#ff0000"/></svg>'
    image = rasterise(red, 9)
    assert image.mode == "RGB"
    assert image.size == (9, 9)
    assert image.getpixel((4, 4)) == (255, 0, 0)


@pytest.mark.parametrize("markup", ["<svg", "<svg >", "", "<html/>"])
def test_markup_that_cannot_be_drawn_is_refused(markup: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        rasterise(markup, 8)


def test_the_same_drawing_gives_the_same_bytes_and_they_never_change() -> None:
    drawing = Drawing(facts_of("coat", pattern="floral", colour="red", closure="zip", belt="belt"), 11)
    assert svg(drawing) == svg(drawing)
    assert hashlib.sha256(svg(drawing).encode()).hexdigest() == PINNED


def test_every_sampled_garment_can_be_drawn() -> None:
    rng = random.Random(1)
    for _ in range(200):
        facts = wardrobe.sample(rng)
        markup = svg(Drawing(facts, rng.randrange(10**9)))
        root = ElementTree.fromstring(markup)
        assert root.get("viewBox") == "0 0 128 128"
        assert "nan" not in markup
        assert rasterise(markup, 32).size == (32, 32)


@pytest.mark.parametrize(("garment", "attribute"), steps())
def test_every_value_of_every_attribute_changes_the_picture(garment: str, attribute: str) -> None:
    pictures = {
        value: pixels(facts_of(garment, **{attribute: value})) for value in wardrobe.values_of(garment, attribute)
    }
    for one, other in itertools.combinations(pictures, 2):
        apart = np.abs(pictures[one] - pictures[other])
        assert apart.mean() > 0.4, (one, other)
        assert (apart.max(axis=2) > 40).sum() > 25, (one, other)


def test_every_garment_looks_different() -> None:
    pictures = {garment: pixels(facts_of(garment)) for garment in wardrobe.ATTRIBUTES["garment"]}
    for one, other in itertools.combinations(pictures, 2):
        assert np.abs(pictures[one] - pictures[other]).mean() > 1, (one, other)


@pytest.mark.parametrize("pattern", wardrobe.PATTERNS[1:])
def test_the_second_colour_covers_a_good_part_of_the_garment(pattern: str) -> None:
    first = pixels(facts_of("dress", pattern=pattern, colour="black", **{"second colour": "yellow"}))
    second = pixels(facts_of("dress", pattern=pattern, colour="black", **{"second colour": "red"}))
    changed = (np.abs(first - second).max(axis=2) > 40).mean()
    swapped = pixels(facts_of("dress", pattern=pattern, colour="white", **{"second colour": "yellow"}))
    based = (np.abs(first - swapped).max(axis=2) > 40).mean()
    assert 0.05 < changed < 0.25
    assert based > 0.07


def test_looks_differ_and_keep_the_facts_colour() -> None:
    facts = facts_of("t-shirt", colour="red")
    pictures = [pixels(facts, look) for look in range(4)]
    for one, other in itertools.combinations(pictures, 2):
        assert np.abs(one - other).mean() > 1
    for picture in pictures:
        assert ((picture[..., 0] > 130) & (picture[..., 1] < 90) & (picture[..., 2] < 100)).mean() > 0.1


def test_a_dyed_colour_is_nearest_to_its_own_name() -> None:
    rng = random.Random(3)
    palette = {name: np.array(colour, dtype=float) for name, colour in PALETTE.items()}
    assert tuple(palette) == wardrobe.COLOURS
    for name in palette:
        for _ in range(50):
            colour = np.array(dyed(name, rng), dtype=float)
            assert min(palette, key=lambda other: float(np.square(palette[other] - colour).sum())) == name


@pytest.mark.parametrize("garment", wardrobe.ATTRIBUTES["garment"])
def test_longer_is_longer_and_looser_is_wider(garment: str) -> None:
    hems = [cut_of(facts_of(garment, length=length)).hem for length in ("short", "regular", "long")]
    assert hems[0] * 1.15 < hems[1]
    assert hems[1] * 1.15 < hems[2]
    cuts = [cut_of(facts_of(garment, fit=fit)) for fit in ("fitted", "regular", "loose")]
    middles = [cut.half(cut.hem / 2) for cut in cuts]
    assert middles == sorted(middles)
    assert middles[2] > 1.2 * middles[0]


@pytest.mark.parametrize("setting", ["studio", "hanger", "shop window"])
@pytest.mark.parametrize("garment", wardrobe.ATTRIBUTES["garment"])
def test_the_largest_garment_leaves_the_picture_s_edges_free(garment: str, setting: str) -> None:
    red, blue = (
        pixels(facts_of(garment, colour=colour, length="long", fit="loose", setting=setting), side=128)
        for colour in ("red", "blue")
    )
    rows, columns = np.nonzero(np.abs(red - blue).max(axis=2) > 40)
    assert rows.min() > 1
    assert rows.max() < 127
    assert columns.min() > 0
    assert columns.max() < 127


def test_a_cut_knows_which_places_it_covers() -> None:
    cut = cut_of(facts_of("t-shirt", sleeve="long"))
    (outer_x, outer_y), (inner_x, inner_y) = cut.sleeves[1].cuff
    x, y = (outer_x + inner_x) / 2, (outer_y + inner_y) / 2
    assert cut.covers(0, 30, 0)
    assert cut.covers(x, y, 0)
    assert not cut.covers(0, 500, -100)
    assert not cut_of(facts_of("t-shirt", sleeve="sleeveless")).covers(x, y, 0)


def test_numbers_and_curves_are_written_with_one_decimal() -> None:
    assert number(-0.04) == "0.0"
    assert data("M", 1, 2.26) == "M 1.0 2.3"
    assert data("M", -0.04, -10.04, "H", -0.0, "L", 0.04, -100) == "M 0.0 -10.0 H 0.0 L 0.0 -100.0"
    assert box(-0.01, 3, 10, 0.01) == "M 0.0 3.0 h 10.0 v 0.0 h -10.0 Z"
    assert polygon([(0.25, -0.01), (-20.04, 1)]) == "M0.2 0.0L-20.0 1.0Z"
    assert smooth([(0, 0), (6, 0)]) == "C 1.0 0.0 5.0 0.0 6.0 0.0"
    assert disc(5, 5, 2).startswith("M3.0 5.0c")

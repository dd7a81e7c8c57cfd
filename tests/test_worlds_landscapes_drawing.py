from __future__ import annotations

import hashlib
import itertools
import random
from xml.etree import ElementTree

import numpy as np
import pytest

from instructcir.worlds.landscapes import facts as landscapes
from instructcir.worlds.landscapes.draw_figures import FIGURES
from instructcir.worlds.landscapes.drawing import svg
from instructcir.worlds.rasterise import rasterise
from instructcir.worlds.world import Drawing

SIDE = 96
PLACE = {"time": "day", "weather": "clear", "season": "summer", "viewpoint": "near"}
GROUP = {"count": "1", "size": "big", "position": "centre"}
PINNED = "1f58852435a69d66e8a61146209910e12980b216506ae073a09cea5485b01217"


def facts_of(setting: str, kind: str, **given: str) -> dict[str, str]:
    """A quiet scene with one group of things; `given` names facts of the place or of the group."""
    place = {name: given.get(name, PLACE[name]) for name in landscapes.place_attributes(setting)[1:]}
    group = {"colour": landscapes.KINDS[kind].colours[0], **GROUP}
    about = {f"{kind}.{name}": given.get(name, value) for name, value in group.items()}
    facts = landscapes.ordered({"setting": setting, **place, **about})
    assert landscapes.is_possible(facts)
    return facts


def pixels(facts: dict[str, str], look: int = 7, side: int = SIDE) -> np.ndarray:
    return np.asarray(rasterise(svg(Drawing(facts, look)), side), dtype=float)


def differ(pictures: dict[str, np.ndarray], mean: float, pixels_at_least: int) -> None:
    for one, other in itertools.combinations(pictures, 2):
        apart = np.abs(pictures[one] - pictures[other])
        assert apart.mean() > mean, (one, other)
        assert (apart.max(axis=2) > 30).sum() > pixels_at_least, (one, other)


def columns_of(setting: str, kind: str, side: int = SIDE, **given: str) -> np.ndarray:
    """Columns of the pixels that the colour of a group of things reaches, one for each pixel."""
    first, last = landscapes.KINDS[kind].colours[0], landscapes.KINDS[kind].colours[-1]
    pair = [pixels(facts_of(setting, kind, colour=colour, **given), side=side) for colour in (first, last)]
    return np.nonzero(np.abs(pair[0] - pair[1]).max(axis=2) > 30)[1]


def reach(facts: dict[str, str], kind: str, look: int) -> int:
    """Number of pixels, at 64 a side, that show the colour of a group of things."""
    colour = next(value for value in landscapes.KINDS[kind].colours if value != facts[f"{kind}.colour"])
    dyed = {**facts, f"{kind}.colour": colour}
    apart = np.abs(pixels(facts, look, 64) - pixels(dyed, look, 64)).max(axis=2)
    return int((apart > 20).sum())


def test_the_same_drawing_gives_the_same_bytes_and_they_never_change() -> None:
    drawing = Drawing(landscapes.sample(random.Random(5)), 11)
    assert svg(drawing) == svg(drawing)
    assert hashlib.sha256(svg(drawing).encode()).hexdigest() == PINNED


def test_every_sampled_scene_can_be_drawn() -> None:
    rng = random.Random(1)
    for _ in range(100):
        markup = svg(Drawing(landscapes.sample(rng), rng.randrange(10**9)))
        root = ElementTree.fromstring(markup)
        assert root.get("viewBox") == "0 0 128 128"
        assert "nan" not in markup
        assert rasterise(markup, 32).size == (32, 32)


def test_every_kind_is_drawn_wherever_it_can_be() -> None:
    assert list(FIGURES) == list(landscapes.KINDS)
    for kind, about in landscapes.KINDS.items():
        for setting, viewpoint in itertools.product(about.settings, landscapes.VIEWPOINTS):
            columns = columns_of(setting, kind, 48, viewpoint=viewpoint)
            assert len(columns) > 8, (kind, setting, viewpoint)
            assert abs(np.median(columns) - 24) < 8, (kind, setting, viewpoint)


@pytest.mark.parametrize("setting", landscapes.SETTINGS)
def test_every_value_of_every_attribute_of_a_place_changes_the_picture(setting: str) -> None:
    kind = landscapes.kinds_for(setting)[0]
    for name in landscapes.place_attributes(setting)[1:]:
        values = landscapes.ATTRIBUTES[name]
        differ({value: pixels(facts_of(setting, kind, **{name: value})) for value in values}, 1.0, 40)


def test_every_setting_looks_different() -> None:
    for viewpoint in landscapes.VIEWPOINTS:
        scenes = {
            setting: pixels(facts_of(setting, landscapes.kinds_for(setting)[0], viewpoint=viewpoint))
            for setting in landscapes.SETTINGS
        }
        differ(scenes, 4.0, 300)


@pytest.mark.parametrize("kind", landscapes.KINDS)
def test_every_value_of_every_attribute_of_a_thing_changes_the_picture(kind: str) -> None:
    setting = landscapes.KINDS[kind].settings[0]
    for name in landscapes.THING_FACTS:
        values = landscapes.ATTRIBUTES[f"{kind}.{name}"]
        differ({value: pixels(facts_of(setting, kind, **{name: value})) for value in values}, 0.2, 15)


@pytest.mark.parametrize("kind", landscapes.KINDS)
def test_a_group_stands_in_its_third_and_big_is_big(kind: str) -> None:
    setting = landscapes.KINDS[kind].settings[0]
    for position, (least, most) in zip(landscapes.POSITIONS, ((0, 1), (1, 2), (2, 3)), strict=True):
        columns = columns_of(setting, kind, position=position)
        assert least * SIDE / 3 <= np.median(columns) <= most * SIDE / 3, position
    small, big = (len(columns_of(setting, kind, size=size)) for size in landscapes.SIZES)
    assert big > 2.2 * small  # an area: 1.6 times as long is 2.6 times as large, less the edges


def test_looks_differ_and_facts_stay() -> None:
    facts = facts_of("meadow", "balloon", colour="red")
    pictures = {str(look): pixels(facts, look) for look in range(4)}
    differ(pictures, 1.0, 100)
    for picture in pictures.values():
        red = (picture[..., 0] > 150) & (picture[..., 1] < 110) & (picture[..., 2] < 110)
        assert red.sum() > 150


def test_no_group_hides_another() -> None:
    rng = random.Random(3)
    for look in range(60):
        facts = landscapes.sample(rng)
        for kind in (kinds := landscapes.kinds_in(facts)):
            if sum(facts[f"{other}.position"] == facts[f"{kind}.position"] for other in kinds) > 1:
                alone = {name: value for name, value in facts.items() if "." not in name or name.startswith(f"{kind}.")}
                assert reach(facts, kind, look) > 0.35 * reach(alone, kind, look), (kind, facts)

"""Changes of garments: exactly the values that a fair reader would accept."""

import random
from collections import Counter
from functools import cache
from itertools import product

import pytest

from instructcir.errors import InputError
from instructcir.worlds.wardrobe import changes_of_cloth, changes_of_cut, changes_of_details
from instructcir.worlds.wardrobe.changes import KINDS, change
from instructcir.worlds.wardrobe.facts import ATTRIBUTES, COLOURS, is_possible, sample
from instructcir.worlds.world import Change, Edit, Facts

SAMPLES = 4000
DRESS = {
    "garment": "dress", "colour": "red", "pattern": "polka dots", "second colour": "white", "sleeve": "long",
    "length": "regular", "fit": "fitted", "neckline": "v-neck", "closure": "buttons", "belt": "belt",
    "setting": "studio",
}  # fmt: skip
TEE = {
    "garment": "t-shirt", "colour": "blue", "pattern": "plain", "sleeve": "sleeveless", "length": "short",
    "fit": "loose", "neckline": "round", "pocket": "none", "print": "cat", "setting": "beach",
}  # fmt: skip
COAT = {
    "garment": "coat", "colour": "navy", "pattern": "plain", "sleeve": "long", "length": "long", "fit": "regular",
    "collar": "none", "closure": "zip", "pocket": "side", "belt": "none", "setting": "garden",
}  # fmt: skip


@cache
def sampled() -> tuple[tuple[dict[str, str], Change], ...]:
    found = []
    for seed in range(SAMPLES):
        rng = random.Random(seed)
        facts = sample(rng)
        found.append((facts, change(facts, rng, 1 + seed % 3)))
    return tuple(found)


def forms(make: object, facts: Facts) -> dict[str, Edit]:
    """One edit of each form that this maker makes of these facts."""
    found: dict[str, Edit] = {}
    for seed in range(400):
        edit = make(facts, random.Random(seed))  # type: ignore[operator]
        if edit is not None:
            found.setdefault(edit.said["form"], edit)
    return found


def test_the_examples_are_possible() -> None:
    assert is_possible(DRESS)
    assert is_possible(TEE)
    assert is_possible(COAT)


def test_a_change_is_fulfilled_by_its_target_and_not_by_its_reference() -> None:
    for number, (facts, found) in enumerate(sampled()):
        assert is_possible(found.target)
        assert found.accepts(facts, found.target)
        assert not found.accepts(facts, facts)
        assert len(found.edits) == 1 + number % 3
        touched = Counter(name for edit in found.edits for name in edit.allowed)
        assert max(touched.values()) == 1


def test_no_edit_is_idle_and_no_allowed_value_is_impossible() -> None:
    for facts, found in sampled():
        for edit in found.edits:
            assert any(facts.get(name) not in values for name, values in edit.allowed.items())
        for name, values in found.allowed.items():
            for value in values:
                assert value is None or value in ATTRIBUTES[name]
                assert _reachable(facts, found, name, value), (facts, found, name, value)


def _reachable(facts: Facts, found: Change, name: str, value: str | None) -> bool:
    """Whether a possible garment with this value is accepted; tries every choice of what else is open."""
    if found.target.get(name) == value:
        return True
    near = ("pattern", "second colour", "print", "colour")
    options = [
        [value] if other == name
        else sorted(found.allowed[other], key=str) if other in found.allowed and (other in near or name == "garment")
        else [found.target.get(other)]
        for other in ATTRIBUTES
    ]  # fmt: skip
    for values in product(*options):
        candidate = {key: one for key, one in zip(ATTRIBUTES, values, strict=True) if one is not None}
        if is_possible(candidate) and found.accepts(facts, candidate):
            return True
    return False


def test_every_kind_occurs() -> None:
    assert {edit.kind for _, found in sampled() for edit in found.edits} == set(KINDS)


@pytest.mark.parametrize("edits", [0, 4])
def test_a_change_has_one_to_three_edits(edits: int) -> None:
    with pytest.raises(InputError, match="1 to 3"):
        change(DRESS, random.Random(0), edits)


def test_colour() -> None:
    found = forms(changes_of_cloth.colour, COAT)
    assert set(found) == {"to", "darker", "lighter", "not"}
    assert found["darker"].allowed == {"colour": {"black"}}
    assert found["lighter"].allowed == {"colour": set(COLOURS) - {"black", "navy"}}
    assert found["not"].allowed == {"colour": set(COLOURS) - {"navy"}}
    assert "darker" not in forms(changes_of_cloth.colour, {**COAT, "colour": "black"})
    for seed in range(200):
        edit = changes_of_cloth.colour(DRESS, random.Random(seed))
        if edit is not None and edit.said["form"] == "to":
            assert not edit.allowed["colour"] & {"red", "white"}


def test_a_colour_left_open_leaves_out_that_of_the_pattern() -> None:
    edits = [found.edits[0] for seed in range(300) if (found := change(DRESS, random.Random(seed))).edits]
    [allowed] = {edit.allowed["colour"] for edit in edits if edit.kind == "colour" and edit.said["form"] == "not"}
    assert allowed == set(COLOURS) - {"red", "white"}


def test_pattern() -> None:
    found = forms(changes_of_cloth.pattern, DRESS)
    assert set(found) == {"swap", "swap_in", "plain", "not"}
    assert set(found["swap"].allowed) == {"pattern"}
    assert found["plain"].allowed == {"pattern": {"plain"}, "second colour": {None}}
    assert found["not"].allowed["pattern"] == set(ATTRIBUTES["pattern"]) - {"polka dots"}
    added = forms(changes_of_cloth.pattern, TEE)
    assert set(added) == {"add", "add_in"}
    assert added["add"].allowed["print"] == {None}
    assert len(added["add_in"].allowed["second colour"]) == 1
    dotted = {name: value for name, value in TEE.items() if name != "print"} | {
        "pattern": "checks",
        "second colour": "pink",
    }
    assert forms(changes_of_cloth.pattern, dotted)["plain"].allowed["print"] == {"none"}
    assert forms(changes_of_cloth.pattern, dotted)["not"].allowed["print"] == {"none", None}


def test_a_new_pattern_is_in_any_colour_but_the_garments() -> None:
    for seed in range(400):
        found = change(TEE, random.Random(seed))
        if found.edits[0].said["form"] == "add" and found.edits[0].kind == "pattern":
            assert found.allowed["second colour"] == set(COLOURS) - {"blue"}
            return
    raise AssertionError("no pattern was added")


def test_second_colour() -> None:
    found = forms(changes_of_cloth.second_colour, DRESS)
    assert set(found) == {"to", "not"}
    assert not found["to"].allowed["second colour"] & {"red", "white"}
    assert forms(changes_of_cloth.second_colour, TEE) == {}


def test_sleeves() -> None:
    found = forms(changes_of_cut.sleeve, DRESS)
    assert set(found) == {"to", "shorter", "without"}
    assert found["shorter"].allowed == {"sleeve": {"short", "three-quarter"}}
    assert found["without"].allowed == {"sleeve": {"sleeveless"}}
    assert forms(changes_of_cut.sleeve, COAT)["shorter"].allowed == {"sleeve": {"three-quarter"}}
    bare = forms(changes_of_cut.sleeve, TEE)
    assert set(bare) == {"give", "some"}
    assert bare["some"].allowed == {"sleeve": {"short", "three-quarter", "long"}}
    short = forms(changes_of_cut.sleeve, {**TEE, "sleeve": "short"})
    assert short["longer"].allowed == {"sleeve": {"three-quarter", "long"}}
    assert "shorter" not in short


def test_length_and_fit_have_every_value_further_on() -> None:
    assert forms(changes_of_cut.length, TEE)["longer"].allowed == {"length": {"regular", "long"}}
    assert forms(changes_of_cut.length, DRESS)["shorter"].allowed == {"length": {"short"}}
    assert forms(changes_of_cut.fit, TEE)["tighter"].allowed == {"fit": {"fitted", "regular"}}
    assert "looser" not in forms(changes_of_cut.fit, TEE)


@pytest.mark.parametrize(
    ("make", "facts", "form", "allowed"),
    [
        (changes_of_details.neckline, DRESS, "not", {"neckline": {"round", "square", "turtleneck"}}),
        (changes_of_details.collar, COAT, "any", {"collar": {"pointed", "stand-up"}}),
        (changes_of_details.collar, {**COAT, "collar": "pointed"}, "swap", {"collar": {"stand-up"}}),
        (changes_of_details.closure, DRESS, "without", {"closure": {"none", "zip"}}),
        (changes_of_details.closure, COAT, "without", {"closure": {"buttons"}}),
        (changes_of_details.pocket, COAT, "without", {"pocket": {"none"}}),
        (changes_of_details.belt, DRESS, "without", {"belt": {"none"}}),
        (changes_of_details.belt, COAT, "add", {"belt": {"belt"}}),
        (changes_of_details.print_, TEE, "not", {"print": {"star", "heart", "flower", "moon"}}),
        (changes_of_details.print_, TEE, "without", {"print": {"none"}}),
        (changes_of_details.setting, TEE, "not", {"setting": set(ATTRIBUTES["setting"]) - {"beach"}}),
    ],
)
def test_details(make: object, facts: Facts, form: str, allowed: dict[str, set[str]]) -> None:
    assert forms(make, facts)[form].allowed == allowed


def test_another_garment_loses_what_it_cannot_have_and_is_free_in_what_only_it_has() -> None:
    edits = (changes_of_cut.garment(DRESS, random.Random(seed)) for seed in range(300))
    by_garment = {edit.said["to"]: edit.allowed for edit in edits}
    none = {None}
    assert set(by_garment) == set(ATTRIBUTES["garment"]) - {"dress"}
    assert by_garment["skirt"] == {
        "garment": {"skirt"}, "sleeve": none, "neckline": none, "pocket": {"none", "side"},
    }  # fmt: skip
    assert by_garment["jumpsuit"] == {"garment": {"jumpsuit"}}
    assert by_garment["hoodie"] == {
        "garment": {"hoodie"}, "neckline": none, "closure": {"none", "zip"}, "pocket": {"none", "side"}, "belt": none,
    }  # fmt: skip
    plain = {name: value for name, value in DRESS.items() if name != "second colour"} | {"pattern": "plain"}
    tees = (changes_of_cut.garment(plain, random.Random(seed)) for seed in range(300))
    assert {edit.allowed["print"] for edit in tees if edit.said["to"] == "t-shirt"} == {frozenset(ATTRIBUTES["print"])}

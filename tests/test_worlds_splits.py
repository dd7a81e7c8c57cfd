"""Splits share no facts and training sees no held-out pair; the same number is the same picture in every process."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter

import pytest

from instructcir.errors import InputError
from instructcir.worlds.registry import NAMES, world
from instructcir.worlds.splits import (
    SPLITS,
    Split,
    belongs,
    change_into,
    combination_change,
    drawing_of,
    facts_of,
    has_held_out_pair,
    held_out_pairs,
    split_named,
    training_change,
)
from instructcir.worlds.world import Change, Facts, World

PICTURES = 400

worlds = pytest.mark.parametrize("name", NAMES)


def key(facts: Facts) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(facts.items()))


def pairs_in(facts: Facts, drawn: World) -> set[tuple[str, str, str, str]]:
    """Every combination of two values that could be held out, found the long way."""
    return {
        (one, facts[one], other, facts[other])
        for one, other in drawn.held_out_between
        if one in facts and other in facts
    }


@worlds
def test_splits_share_no_facts_and_the_first_three_no_held_out_pair(name: str) -> None:
    drawn = world(name)
    held_out = {(a, v, b, w) for (a, b), pairs in held_out_pairs(drawn).items() for v, w in pairs}
    seen: dict[Split, set[object]] = {}
    for split in SPLITS:
        pictures = [facts_of(drawn, split, number) for number in range(PICTURES)]
        assert all(drawn.is_possible(facts) for facts in pictures)
        assert {belongs(drawn, facts) for facts in pictures} == {split}
        for facts in pictures:
            assert bool(pairs_in(facts, drawn) & held_out) == (split == "test-combinations")
            assert has_held_out_pair(drawn, facts) == (split == "test-combinations")
        seen[split] = {key(facts) for facts in pictures}
        assert len(seen[split]) > 0.95 * PICTURES
    assert sum(len(facts) for facts in seen.values()) == len(set().union(*seen.values()))


@worlds
def test_shares_of_all_facts(name: str) -> None:
    drawn, rng = world(name), random.Random(1)
    counts = Counter(belongs(drawn, drawn.sample(rng)) for _ in range(6000))
    plain = counts["train"] + counts["dev"] + counts["test"]
    assert 0.78 < counts["train"] / plain < 0.82
    assert 0.085 < counts["dev"] / plain < 0.115
    assert 0.085 < counts["test"] / plain < 0.115
    assert 0.15 < counts["test-combinations"] / 6000 < 0.45
    held_out = sum(len(pairs) for pairs in held_out_pairs(drawn).values())
    possible = sum(len(drawn.attributes[a]) * len(drawn.attributes[b]) for a, b in drawn.held_out_between)
    assert 0.04 < held_out / possible < 0.08


@worlds
def test_every_value_is_seen_in_training(name: str) -> None:
    drawn = world(name)
    pictures = [facts_of(drawn, "train", number) for number in range(3000)]
    seen = {pair for facts in pictures for pair in facts.items()}
    assert {(attribute, value) for attribute, values in drawn.attributes.items() for value in values} == seen


@worlds
def test_the_order_of_facts_does_not_matter(name: str) -> None:
    drawn, rng = world(name), random.Random(2)
    for _ in range(200):
        facts = drawn.sample(rng)
        assert belongs(drawn, dict(reversed(facts.items()))) == belongs(drawn, facts)


@worlds
def test_another_process_draws_the_same_pictures(name: str) -> None:
    script = (
        "from instructcir.worlds.registry import world\n"
        "from instructcir.worlds.splits import SPLITS, drawing_of\n"
        f"print([drawing_of(world({name!r}), split, n) for split in SPLITS for n in (0, 1, 10**9)])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    drawn = world(name)
    assert done.stdout.strip() == str([drawing_of(drawn, split, n) for split in SPLITS for n in (0, 1, 10**9)])


def test_numbers_splits_and_worlds_differ() -> None:
    drawings = [drawing_of(world(name), split, n) for name in NAMES for split in SPLITS for n in range(30)]
    assert len({drawing.look for drawing in drawings}) == len(drawings)


@worlds
@pytest.mark.parametrize("edits", [1, 2, 3])
def test_a_training_change_stays_in_training(name: str, edits: int) -> None:
    drawn, rng = world(name), random.Random(edits)
    for number in range(40):
        facts = facts_of(drawn, "train", number)
        change = training_change(drawn, facts, rng, edits)
        assert len(change.edits) == edits
        assert belongs(drawn, change.target) == "train"
        assert change.accepts(facts, change.target)


@worlds
def test_a_combination_change_brings_a_held_out_pair(name: str) -> None:
    drawn, rng = world(name), random.Random(3)
    found = 0
    for number in range(40):
        facts = facts_of(drawn, "test", number)
        try:
            change = combination_change(drawn, facts, rng)
        except InputError:
            continue
        found += 1
        assert has_held_out_pair(drawn, change.target)
        assert not has_held_out_pair(drawn, facts)
    assert found > 25
    with pytest.raises(InputError, match="held-out pair already"):
        combination_change(drawn, facts_of(drawn, "test-combinations", 0), rng)


@worlds
def test_changes_are_repeatable(name: str) -> None:
    def changes() -> list[Change]:
        rng = random.Random(4)
        facts = [facts_of(world(name), "dev", number) for number in range(5)]
        return [change_into(world(name), one, rng, 1, "dev") for one in facts]

    assert changes() == changes()


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="did you mean wardrobe"):
        world("Wardrob")
    with pytest.raises(InputError, match="did you mean landscapes"):
        world("landscape")
    with pytest.raises(InputError, match="numbers count from 0"):
        facts_of(world("wardrobe"), "train", -1)
    with pytest.raises(InputError, match="is no split"):
        split_named("val")
    assert [split_named(split) for split in SPLITS] == list(SPLITS)

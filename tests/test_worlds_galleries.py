"""Test sets for composed retrieval: what is relevant is proved by brute force, and the galleries are hard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache

import pytest

from instructcir.errors import InputError
from instructcir.worlds.exported import difference
from instructcir.worlds.galleries import ComposedTest, TestQuery, composed_test
from instructcir.worlds.registry import NAMES, world
from instructcir.worlds.splits import belongs, has_held_out_pair
from instructcir.worlds.world import Facts

QUERIES, GALLERY = 60, 240

worlds = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module")
def made() -> Callable[[str], ComposedTest]:
    return cache(lambda name: composed_test(world(name), "test", queries=QUERIES, gallery=GALLERY))


def fulfils(reference: Facts, query: TestQuery, candidate: Facts) -> bool:
    """The definition of relevance, written out without `Change.accepts`."""
    wishes = {name: values for edit in query.change.edits for name, values in edit.allowed.items()}
    for name in {*reference, *candidate, *wishes}:
        value = candidate.get(name)
        if name in wishes and value not in wishes[name]:
            return False
        if name not in wishes and value != reference.get(name):
            return False
    return True


@worlds
def test_relevant_are_exactly_the_pictures_that_fulfil_the_change(
    made: Callable[[str], ComposedTest], name: str
) -> None:
    test = made(name)
    assert len(test.queries) == QUERIES
    for query in test.queries:
        reference = test.gallery[query.reference].facts
        expected = [i for i, drawing in enumerate(test.gallery) if fulfils(reference, query, drawing.facts)]
        assert list(query.relevant) == expected
        assert query.target in expected
        assert query.reference not in expected
        assert query.modification.text
    assert any(len(query.relevant) > 1 for query in test.queries)


@worlds
def test_sizes_and_shares(made: Callable[[str], ComposedTest], name: str) -> None:
    test = made(name)
    assert len(test.gallery) == len(test.captions) == GALLERY
    assert Counter(len(query.kinds) for query in test.queries) == {1: 30, 2: 21, 3: 9}
    shared = Counter(query.reference for query in test.queries)
    assert set(shared.values()) <= {1, 2, 3, 4}
    assert len(shared) <= QUERIES / 2 + 1
    for reference in shared:
        asked = [query.change.allowed for query in test.queries if query.reference == reference]
        assert all(asked.count(allowed) == 1 for allowed in asked)
    assert len({(d.look, tuple(sorted(d.facts.items()))) for d in test.gallery}) == GALLERY
    assert all(world(name).is_possible(drawing.facts) for drawing in test.gallery)


@worlds
def test_the_gallery_is_hard(made: Callable[[str], ComposedTest], name: str) -> None:
    """Most queries meet a wrong picture beside the target, one beside the reference, and many edits half fulfilled."""
    test = made(name)
    near_target = near_reference = half = several = 0
    for query in test.queries:
        wrong = [d.facts for i, d in enumerate(test.gallery) if i not in query.relevant and i != query.reference]
        reference, target = test.gallery[query.reference].facts, query.change.target
        near_target += any(difference(facts, target) <= 2 for facts in wrong)
        near_reference += any(difference(facts, reference) <= 2 for facts in wrong)
        if len(query.kinds) > 1:
            several += 1
            half += any(_half(query, reference, facts) for facts in wrong)
    assert near_target > 0.6 * QUERIES
    assert near_reference > 0.6 * QUERIES
    assert half > 0.3 * several


def _half(query: TestQuery, reference: Facts, candidate: Facts) -> bool:
    done = [all(candidate.get(n) in values for n, values in e.allowed.items()) for e in query.change.edits]
    return any(done) and not all(done) and difference(candidate, reference) <= 6


@worlds
def test_targets_and_references_are_of_the_split_and_nothing_is_of_training(
    made: Callable[[str], ComposedTest], name: str
) -> None:
    drawn = world(name)
    assert all(belongs(drawn, drawing.facts) != "train" for drawing in made(name).gallery)
    for query in made(name).queries:
        for index in (query.reference, query.target):
            assert belongs(drawn, made(name).gallery[index].facts) == "test"
    test = composed_test(drawn, "test-combinations", queries=10, gallery=40)
    for query in test.queries:
        assert has_held_out_pair(drawn, query.change.target)
        assert not has_held_out_pair(drawn, test.gallery[query.reference].facts)
    train = composed_test(drawn, "train", queries=10, gallery=40)
    assert {belongs(drawn, drawing.facts) for drawing in train.gallery} == {"train"}


@worlds
def test_equal_arguments_make_equal_tests(made: Callable[[str], ComposedTest], name: str) -> None:
    assert composed_test(world(name), "test", queries=QUERIES, gallery=GALLERY) == made(name)
    assert composed_test(world(name), "test", queries=QUERIES, gallery=GALLERY, seed=1) != made(name)


@worlds
def test_unseen_words_change_the_words_only(name: str) -> None:
    seen = composed_test(world(name), "test", queries=10, gallery=30)
    unseen = composed_test(world(name), "test", queries=10, gallery=30, unseen=True)
    assert seen.gallery == unseen.gallery
    assert [q.change for q in seen.queries] == [q.change for q in unseen.queries]
    assert seen.captions != unseen.captions
    assert [q.modification for q in seen.queries] != [q.modification for q in unseen.queries]


@pytest.mark.parametrize(("queries", "gallery"), [(1, 2), (3, 6), (5, 10), (7, 40)])
def test_small_tests_have_their_exact_size(queries: int, gallery: int) -> None:
    for seed in range(4):
        test = composed_test(world("wardrobe"), "dev", queries=queries, gallery=gallery, seed=seed)
        assert (len(test.queries), len(test.gallery)) == (queries, gallery)
        assert all(query.target in query.relevant for query in test.queries)


def test_a_condition_keeps_pictures_out() -> None:
    kinds = ("dress", "skirt")
    test = composed_test(
        world("wardrobe"), "test", queries=24, gallery=96, keep=lambda facts: facts["garment"] in kinds
    )
    assert {drawing.facts["garment"] for drawing in test.gallery} == set(kinds)


@pytest.mark.parametrize(("queries", "gallery"), [(0, 10), (6, 11)])
def test_sizes_that_cannot_be_are_refused(queries: int, gallery: int) -> None:
    with pytest.raises(InputError, match="twice as many"):
        composed_test(world("wardrobe"), "test", queries=queries, gallery=gallery)

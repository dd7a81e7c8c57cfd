"""The rule writer: what it edits, that its English holds, that it says what it did, and that it repeats itself."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterable
from typing import get_args

import pytest

from instructcir.synthesis.planning import Order, Planner
from instructcir.synthesis.rule_phrases import phrase_sites
from instructcir.synthesis.rule_sites import word_sites
from instructcir.synthesis.rule_words import nouns, rule_words, same, splice, words_of
from instructcir.synthesis.rules import RuleWriter, vocabulary_of
from instructcir.synthesis.writer import Draft, Task
from instructcir.synthesis.written import ASPECTS, KINDS, STYLES, Aspect, Source
from instructcir.worlds.registry import world

CAPTIONS = [
    "a man with a hat riding a brown horse on a beach",
    "Two dogs are sitting on a wooden bench in a park at sunset.",
    "A red car parked in front of a house",
    "a photo of a young girl in a pink dress with short sleeves and a belt",
    "an orange on a plate",
    "a cat sleeping on a couch, seen from above",
]


def edited(caption: str) -> dict[str, set[str]]:
    """Kind -> every caption that an edit of it can make."""
    words = words_of(caption)
    found: dict[str, set[str]] = {}
    for site in (*word_sites(words), *phrase_sites(caption, words)):
        for piece in site.options:
            found.setdefault(site.kind, set()).add(splice(caption, site.start, site.end, piece))
    return found


@pytest.mark.parametrize(
    ("caption", "kind", "modified"),
    [
        ("a dog on a beach", "replace", "a cat on a beach"),
        ("a dog", "replace", "a rabbit"),
        ("an elephant", "replace", "a zebra"),
        ("A bear in a field", "replace", "An elephant in a field"),
        ("two women at a table", "replace", "two men at a table"),
        ("an orange ball", "colour", "a green ball"),
        ("a red ball", "colour", "an orange ball"),
        ("a red ball", "colour", "a dark red ball"),
        ("a wooden bench", "attribute", "a metal bench"),
        ("a dress with short sleeves", "attribute", "a dress with long sleeves"),
        ("a young man", "attribute", "an old man"),
        ("three black dogs", "count", "five black dogs"),
        ("3 dogs", "count", "5 dogs"),
        ("a child on a bench", "count", "four children on a bench"),
        ("a dog sitting", "action", "a dog running"),
        ("a dog on the left", "position", "a dog on the right"),
        ("a dog on the beach", "place", "a dog in a park"),
        ("a dog.", "place", "a dog in a park."),
        ("a dog, seen from above", "place", "a dog in a park, seen from above"),
        ("a dog at night", "time", "a dog at dawn"),
        ("a dog", "time", "a dog in winter"),
        ("a dog", "viewpoint", "a dog, seen from above"),
        ("a dog, seen from behind", "viewpoint", "a dog, seen from above"),
        ("The dog", "medium", "A painting of the dog"),
        ("a photo of a dog", "medium", "a drawing of a dog"),
        ("a man on a horse", "add", "a man with sunglasses on a horse"),
        ("a man with a bag", "add", "a man with sunglasses and a bag"),
        ("a man with a black bag", "remove", "a man"),
        ("a coat with a belt and buttons", "remove", "a coat with buttons"),
    ],
)
def test_what_can_be_edited(caption: str, kind: str, modified: str) -> None:
    assert modified in edited(caption)[kind]


@pytest.mark.parametrize(
    ("caption", "kind"),
    [
        ("a man and his dog", "replace:man"),  # "a woman and his dog"
        ("a dog house", "replace"),
        ("a teddy bear", "replace:lion"),
        ("a red and white ball", "colour:red"),
        ("a dress with long sleeves", "remove"),
        ("a kitchen with a stove", "place"),
        ("a street at night", "time:rain"),
        ("a dog is on a beach", "count"),  # "three dogs is"
        ("a sofa", "replace:couch"),
        ("a dress", "count"),
    ],
)
def test_what_is_left_alone(caption: str, kind: str) -> None:
    name, _, word = kind.partition(":")
    found = edited(caption).get(name, set())
    if word in caption.split():
        assert all(word in one.split() for one in found)
    else:
        assert not [one for one in found if not word or word in one.split()]


def drafts(captions: list[str], seed: int = 0, vocabulary: Iterable[str] = ()) -> list[tuple[str, Draft]]:
    writer, planner = RuleWriter(seed, vocabulary_of(vocabulary)), Planner(seed)
    found = []
    for number, caption in enumerate(captions):
        source = Source(str(number), None, caption)
        [one] = writer.write([Task(source, tuple(planner.orders(6, writer.possible(source))))])
        found += [(caption, draft) for draft in one]
    return found


def drawn() -> list[str]:
    rng = random.Random(5)
    worlds = [world("wardrobe"), world("landscapes")]
    return [one.caption(one.sample(rng), rng) for one in worlds for _ in range(40)]


def test_what_is_possible_is_written() -> None:
    written = drafts([*CAPTIONS, *drawn()])
    assert {draft.reason for _, draft in written} == {""}
    for caption, draft in written:
        assert draft.modified_caption.lower() != caption.lower()
        assert not re.search(r"[{}]|  | ,|\ba [aeio]|\ban [^aeiouh]", draft.modified_caption), draft
        assert not re.search(r"[{}]|  | ,", draft.instruction), draft
        assert set(draft.aspects) <= set(get_args(Aspect))
        assert draft.aspects
    assert {draft.kind for _, draft in written} == set(KINDS)
    assert {draft.style for _, draft in written} == set(STYLES)
    assert {aspect for _, draft in written for aspect in draft.aspects} == set(ASPECTS)


def test_triplets_of_one_source_show_different_things() -> None:
    for _, group in itertools.groupby(drafts(CAPTIONS), key=lambda one: one[0]):
        shown = [draft.modified_caption for _, draft in group]
        assert len(set(shown)) == len(shown)


def test_the_same_seed_writes_the_same() -> None:
    assert drafts(CAPTIONS, 3) == drafts(CAPTIONS, 3) != drafts(CAPTIONS, 4)
    assert RuleWriter().prompt == RuleWriter(5).prompt


SHOP = [
    "a close-fitting red dress with a belt",
    "a blue coat with long sleeves on a white background",
    "a green shirt with short sleeves, black and white stripes and a pocket",
    "a wool skirt on a chair, seen from behind",
]


def test_edits_keep_to_what_captions_say() -> None:
    free, kept = (drafts(SHOP * 5, vocabulary=words) for words in ((), SHOP))
    shown = vocabulary_of(SHOP)
    foreign = [
        {word for _, draft in some for word in vocabulary_of([draft.modified_caption]) - shown if " " not in word}
        for some in (free, kept)
    ]
    assert len(foreign[0]) > 20
    assert not foreign[1]
    text = " / ".join(draft.modified_caption for _, draft in kept)
    assert "seen from behind" in text  # of another caption
    assert "up close" not in text  # "close-fitting" shows no distance
    assert "black and white photo" not in text
    assert {draft.kind for _, draft in kept} >= {"colour", "replace", "remove", "viewpoint"}


def test_a_caption_without_such_edits_is_edited_all_the_same() -> None:
    writer, alone = RuleWriter(vocabulary=vocabulary_of(["a dog"])), Source("a", None, "a dog")
    assert writer.possible(alone) == RuleWriter().possible(alone)


def test_a_vocabulary_is_part_of_what_a_run_depends_on() -> None:
    told = RuleWriter(2).keeping_to(SHOP)
    assert told.prompt == RuleWriter(vocabulary=vocabulary_of(reversed(SHOP))).prompt != RuleWriter().prompt
    assert told.keeping_to(["a dog"]) is told
    assert drafts(SHOP, 2, SHOP) == drafts(SHOP, 2, reversed(SHOP)) != drafts(SHOP, 2)


def test_what_is_impossible_says_so() -> None:
    writer = RuleWriter()
    assert writer.possible(Source("a", None, "Qwrtz")).keys() == {"time", "place", "viewpoint"}
    [[draft]] = writer.write([Task(Source("a", None, "Qwrtz"), (Order("colour", "direct", "negation"),))])
    assert (draft.reason, draft.instruction) == ("impossible", "")
    assert "colour" in draft.detail


def test_the_lexicon_names_no_word_twice() -> None:
    forms = [form for entries in rule_words()["nouns"].values() for one in entries for form in {*one.split("|")}]
    assert len(forms) == len(set(forms))
    assert all(word in nouns() for row in rule_words()["same"]["rows"][:9] for word in row)
    assert "t-shirt" in same("tee")

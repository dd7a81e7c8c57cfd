"""The phrase book of the wardrobe: enough templates of every kind, and training's apart from the unseen ones."""

import random
import re
from collections.abc import Iterator
from functools import cache

import pytest

from instructcir.worlds.phrasing import slots_of
from instructcir.worlds.wardrobe import words, words_edits
from instructcir.worlds.wardrobe.changes import KINDS, change
from instructcir.worlds.wardrobe.facts import ATTRIBUTES, sample
from instructcir.worlds.world import Change

SAMPLES = 4000


@cache
def sampled() -> tuple[tuple[dict[str, str], Change], ...]:
    found = []
    for seed in range(SAMPLES):
        rng = random.Random(seed)
        facts = sample(rng)
        found.append((facts, change(facts, rng, 1 + seed % 3)))
    return tuple(found)


def lists(kind: str) -> Iterator[tuple[str, str]]:
    """Every form of a kind with every class of its phrases."""
    found = {(edit.kind, edit.said["form"]) for _, change_ in sampled() for edit in change_.edits}
    return ((form, sort) for name, form in sorted(found) if name == kind for sort in (*words_edits.CLASSES, "adj"))


def templates_of(kind: str, part: int) -> set[tuple[str, str, str]]:
    """Templates of a kind's own and its family's phrases, each with its form and class."""
    book = words.phrases()
    return {
        (form, sort, template)
        for form, sort in lists(kind)
        for path in words_edits.lists_of(kind, form, sort)
        for template in book.get(path, ((), ()))[part]
    }


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_forty_templates_some_of_them_unseen(kind: str) -> None:
    training, unseen = templates_of(kind, 0), templates_of(kind, 1)
    assert len({text for *_, text in training | unseen}) >= 40
    assert 0.2 <= len(unseen) / len(training | unseen) <= 0.4


@pytest.mark.parametrize("kind", KINDS)
def test_every_form_has_phrases_of_every_class_in_both_parts(kind: str) -> None:
    for part in (0, 1):
        found = {(form, sort) for form, sort, _ in templates_of(kind, part)}
        assert {pair for pair in lists(kind) if pair[1] != "adj"} <= found


@pytest.mark.parametrize("kind", KINDS)
def test_framed_templates_of_training_and_unseen_ones_are_never_the_same(kind: str) -> None:
    book = words.phrases()
    frames = [(name, part, text) for name in book if name.startswith("frame.") for part in (0, 1)
              for text in book[name][part] if slots_of(text) & {"do", "with", "bit"}]  # fmt: skip

    def texts(unseen: bool) -> set[str]:
        phrases = templates_of(kind, int(unseen))
        framed = {
            frame.replace(f"{{{sort}}}", text)
            for _, part, frame in frames
            if unseen or part == 0
            for _, sort, text in phrases
            if sort in slots_of(frame)
        }
        return {_folded(text) for text in framed | {text for _, sort, text in phrases if sort == "say"}}

    assert not texts(False) & texts(True)


def _folded(text: str) -> str:
    return re.sub(r"[^a-z{}_>]+", " ", text.lower()).strip()


def test_words_are_the_words_of_one_value_only() -> None:
    book = words.phrases()
    for group in (
        "garment",
        "colour",
        "pattern",
        "patterned",
        "sleeved",
        "neckline",
        "collar",
        "where",
        "print",
        "fit",
    ):
        values = {path: {*book[path][0], *book[path][1]} for path in book if path.startswith(f"word.{group}.")}
        assert len(values) >= 2
        assert sum(map(len, values.values())) == len(set().union(*values.values())), group


def test_every_value_has_a_word_of_training() -> None:
    book = words.phrases()
    for kind in ("garment", "colour", "neckline", "collar", "closure", "pocket", "belt", "print", "sleeve", "fit"):
        for value in ATTRIBUTES[kind]:
            assert book[f"word.{kind}.{value}"][0], value
    assert all(training for path, (training, _) in book.items() if path.startswith("word."))

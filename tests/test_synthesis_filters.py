"""Each filter on good and bad triplets; and how many of the drawn worlds' triplets they let pass."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from filter_samples import BAD, GOOD, triplet
from instructcir.errors import InputError
from instructcir.synthesis.filters import all_filters, described
from instructcir.synthesis.near_duplicates import NearDuplicate
from instructcir.synthesis.patterns import categories
from instructcir.synthesis.written import Source, Written, examine
from instructcir.worlds.registry import NAMES, world
from instructcir.worlds.splits import change_into, drawing_of

KEPT = 0.96
"""Of triplets whose modified caption tells all that is asked for."""


@pytest.mark.parametrize(("caption", "instruction", "modified"), GOOD)
def test_a_good_triplet_passes_every_filter(caption: str, instruction: str, modified: str) -> None:
    verdict = examine(*triplet(caption, instruction, modified, kind="position"), all_filters())
    assert verdict.reason == "", verdict.detail
    assert verdict.passed == tuple(described())


@pytest.mark.parametrize(("reason", "caption", "instruction", "modified"), BAD)
def test_a_bad_triplet_is_rejected_for_its_reason(reason: str, caption: str, instruction: str, modified: str) -> None:
    verdict = examine(*triplet(caption, instruction, modified), all_filters())
    assert (verdict.reason, bool(verdict.detail)) == (reason, True)


def test_every_filter_is_described_and_rejects_something() -> None:
    names = [check.__name__ for check in all_filters()]
    assert list(described()) == names
    assert all(described().values())
    assert {reason for reason, *_ in BAD} | {"near_duplicate"} == set(names)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("unseen", [False, True])
def test_most_triplets_of_the_drawn_worlds_pass(name: str, unseen: bool) -> None:
    triplets = drawn(name, 600, unseen)
    filters = all_filters()
    kept = [examine(source, written, filters).kept for source, written in triplets]
    assert len(kept) > 300
    assert sum(kept) / len(kept) >= KEPT


@pytest.mark.parametrize(("field", "least"), [("modified_caption", 0.8), ("instruction", 0.35)])
@pytest.mark.parametrize("name", NAMES)
def test_texts_of_another_triplet_are_found(name: str, field: str, least: float) -> None:
    triplets = drawn(name, 300, False)
    others = [written for _, written in triplets[7:] + triplets[:7]]
    mixed = [
        (source, replace(written, **{field: getattr(other, field)}))  # type: ignore[arg-type]
        for (source, written), other in zip(triplets, others, strict=True)
    ]
    rejected = [not examine(source, written, all_filters()[:-1]).kept for source, written in mixed]
    assert sum(rejected) / len(rejected) >= least


def drawn(name: str, count: int, unseen: bool) -> list[tuple[Source, Written]]:
    made, found = world(name), []
    for number in range(count):
        rng = random.Random(f"{name}/{number}")
        facts = drawing_of(made, "train", number).facts
        try:
            change = change_into(made, facts, rng, rng.choice((1, 1, 2, 3)), "train")
        except InputError:
            continue
        if change.free:  # what is left open is not told by the caption, and may well be called not reflected
            continue
        said = made.modification(facts, change, rng, unseen=unseen)
        caption, modified = (made.caption(one, rng, unseen=unseen) for one in (facts, change.target))
        kind = "position" if any(edit.kind == "position" for edit in change.edits) else "attribute"
        source, written = triplet(caption, said.text, modified, number, kind)
        found.append((source, replace(written, aspects=said.aspects)))
    return found


@pytest.mark.parametrize(
    ("field", "value"), [("kind", "magic"), ("kind", ""), ("kind", "add+"), ("style", "loud"), ("aspects", ("x",))]
)
def test_the_schema_knows_its_values(field: str, value: object) -> None:
    source, written = triplet(*GOOD[0])
    assert examine(source, replace(written, **{field: value}), all_filters()).reason == "schema"  # type: ignore[arg-type]


def test_a_reordered_caption_may_be_a_change_of_position() -> None:
    texts = "A dog, a cat and a bird.", "reverse their order", "A bird, a cat and a dog."
    assert examine(*triplet(*texts), all_filters()).reason == "caption_unchanged"
    assert examine(*triplet(*texts, kind="position"), all_filters()).kept


def test_categories_of_unsafe_content_are_named() -> None:
    assert {"violence", "an e-mail address"} <= set(categories())
    verdict = examine(*triplet("A card.", "write a@b.com on it", "A card that says a@b.com."), all_filters())
    assert verdict.detail.startswith("an e-mail address")


SAID = "put a tall white vase of roses on the table", "A vase of white roses stands on a table beside a sleeping cat."


@pytest.mark.parametrize(
    ("instruction", "modified", "same"),
    [
        (*SAID, True),
        (SAID[0].upper() + "!", SAID[1], True),
        ("please " + SAID[0], SAID[1].replace("a table", "the table"), True),
        (SAID[0].replace("white", "red"), SAID[1].replace("white", "red"), False),
        (SAID[0], SAID[1].replace("cat", "dog"), False),
        (SAID[0], SAID[1].replace("beside", "not beside"), False),
        ("add a vase of roses", SAID[1], False),
        ("three birds", "Three birds on a wire.", False),
    ],
)
def test_what_counts_as_near_duplicate(instruction: str, modified: str, same: bool) -> None:
    check = NearDuplicate()
    assert check(*triplet("A table.", *SAID, number=1)) == ""
    assert bool(check(*triplet("A table with a cat.", instruction, modified, number=2))) is same


def test_duplicates_are_found_in_a_long_stream_like_by_a_naive_search() -> None:
    rng = random.Random(0)
    stream = drawn("wardrobe", 300, False)
    stream += [
        (source, replace(written, source=f"again-{n}")) for n, (source, written) in enumerate(rng.sample(stream, 60))
    ]
    rng.shuffle(stream)
    naive, seen = [], set()
    for _, written in stream:
        key = written.instruction.lower(), written.modified_caption.lower()
        naive.append(key in seen)
        seen.add(key)
    check = NearDuplicate()
    found = [bool(check(source, written)) for source, written in stream]
    assert found == naive
    assert [bool(one) for one in map(NearDuplicate(), *zip(*stream, strict=True))] == found  # the same again


def test_memory_is_bounded_and_the_oldest_are_forgotten() -> None:
    check = NearDuplicate(memory=20)
    stream = drawn("landscapes", 60, False)[:25]
    assert [check(source, written) for source, written in stream] == [""] * 25
    assert check(*stream[-1])
    assert check(*stream[-20])
    assert check(*stream[0]) == ""

"""Rows of several prompts as tensors, against a naive reading of the rules; and how rows are cut into batches."""

from __future__ import annotations

import random

import pytest
import torch

from instructcir.model.packing import Row, group_by_budget, pack
from instructcir.model.planner import cut_by_tokens

SEEDS = range(12)
PAD = 99


def random_rows(seed: int) -> list[Row]:
    """1 to 5 rows of odd sizes: empty prefixes, one suffix or many, suffixes of one token."""
    chance = random.Random(seed)
    rows = []
    for _ in range(chance.randint(1, 5)):
        prefix = tuple(chance.randint(1, 50) for _ in range(chance.choice([0, 0, 1, 3, 7])))
        sizes = [chance.choice([1, 2, 5]) for _ in range(chance.choice([1, 1, 2, 5]))]
        suffixes = tuple(tuple(chance.randint(1, 50) for _ in range(size)) for size in sizes)
        rows.append(Row(prefix, suffixes, tuple(range(len(suffixes)))))
    return rows


def owners(row: Row, width: int) -> list[int | None]:
    """For each place of a row: 0 in the prefix, k in the k-th suffix, None in the padding."""
    told = [0] * len(row.prefix) + [k for k, suffix in enumerate(row.suffixes, start=1) for _ in suffix]
    return told + [None] * (width - len(told))


def may_see(told: list[int | None], query: int, key: int) -> bool:
    if told[query] is None or told[key] is None:
        return query == key  # padding sees itself alone, and nobody sees padding
    return key <= query and told[key] in (0, told[query])


@pytest.mark.parametrize("seed", SEEDS)
def test_who_sees_whom_is_as_the_rules_say(seed: int) -> None:
    rows = random_rows(seed)
    packed = pack(rows, PAD)
    _, width = packed.ids.shape
    for b, row in enumerate(rows):
        told = owners(row, width)
        expected = [[may_see(told, query, key) for key in range(width)] for query in range(width)]
        assert packed.visible[b].tolist() == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_ids_places_and_ends_are_those_of_each_prompt_alone(seed: int) -> None:
    rows = random_rows(seed)
    packed = pack(rows, PAD)
    assert packed.ids.shape == (len(rows), max(row.length for row in rows))
    for b, row in enumerate(rows):
        start = len(row.prefix)
        for s, suffix in enumerate(row.suffixes):
            end = int(packed.ends[b, s])
            own = list(range(start)) + list(range(end - len(suffix) + 1, end + 1))
            assert packed.ids[b, own].tolist() == [*row.prefix, *suffix]
            assert packed.after[b, own].tolist() == [-1] * start + list(range(len(suffix)))
            # the last token sees exactly its own prompt
            assert packed.visible[b, end].nonzero().flatten().tolist() == own
        assert packed.ids[b, row.length :].eq(PAD).all()
        assert packed.ends[b, len(row.suffixes) :].eq(0).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_no_token_is_left_without_one_it_may_see(seed: int) -> None:
    assert pack(random_rows(seed), PAD).visible.any(dim=-1).all()


def test_a_row_without_suffixes_is_a_plain_causal_prefix() -> None:
    packed = pack([Row((5, 6, 7), (), ())], PAD)
    assert packed.visible[0].equal(torch.ones(3, 3, dtype=torch.bool).tril())
    assert packed.ends.shape == (1, 0)


def test_a_row_knows_its_length_and_its_longest_prompt() -> None:
    row = Row((1, 2), ((3,), (4, 5, 6)), (0, 1))
    assert (row.length, row.longest) == (6, 5)


@pytest.mark.parametrize("seed", SEEDS)
def test_batches_keep_the_order_lose_nothing_and_stay_within_the_budget(seed: int) -> None:
    chance = random.Random(seed)
    lengths = [chance.randint(1, 60) for _ in range(chance.randint(0, 40))]
    rows = [chance.randint(1, 3) for _ in lengths]
    order = list(range(len(lengths)))
    chance.shuffle(order)
    for budget in (1, 50, 200, 10_000):
        batches = group_by_budget(lengths, order, budget, rows)
        assert [index for batch in batches for index in batch] == order
        for batch, following in zip(batches, [*batches[1:], []], strict=True):
            assert padded(lengths, rows, batch) <= budget or len(batch) == 1
            assert not following or padded(lengths, rows, [*batch, following[0]]) > budget  # none could be fuller
        assert group_by_budget(lengths, order, budget) == group_by_budget(lengths, order, budget, [1] * len(lengths))


def padded(lengths: list[int], rows: list[int], batch: list[int]) -> int:
    return max(lengths[index] for index in batch) * sum(rows[index] for index in batch)


@pytest.mark.parametrize("seed", SEEDS)
def test_parts_keep_the_order_lose_nothing_and_stay_within_the_bound(seed: int) -> None:
    chance = random.Random(seed)
    lengths = [chance.randint(1, 30) for _ in range(chance.randint(0, 40))]
    for most in (1, 29, 64, 5000):
        parts = list(cut_by_tokens(lengths, most))
        assert [number for part in parts for number in part] == list(range(len(lengths)))
        for part, following in zip(parts, [*parts[1:], []], strict=True):
            total = sum(lengths[number] for number in part)
            assert total <= most or len(part) == 1
            assert not following or total + lengths[following[0]] > most

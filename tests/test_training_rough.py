"""Texts made rougher: what is lost, what stays, and that nothing but the random numbers decides."""

from __future__ import annotations

import random

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from tokenizers.trainers import BpeTrainer
from transformers import PreTrainedTokenizerFast

from instructcir.errors import InputError
from instructcir.training.rough import Roughness

LINES = ["make it red and much shorter", "the same dress without the belt", "a flowery shirt with red flowers"]


def fast(model: object) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    if isinstance(model, models.BPE):
        trainer = BpeTrainer(vocab_size=400, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
        tokenizer.train_from_iterator(LINES * 3, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


def test_a_text_loses_at_most_one_word_and_short_ones_none() -> None:
    rough = Roughness(lost_words=0.999)
    gone, replaced = 0, 0
    for seed in range(200):
        words = rough.text(LINES[0], random.Random(seed)).split()
        gone += len(words) == 5
        replaced += len(words) == 6 and words != LINES[0].split()
        assert len(set(LINES[0].split()) - set(words)) <= 1
        assert rough.text("in red", random.Random(seed)) == "in red"
    assert gone > 50
    assert replaced > 50


def test_the_share_of_texts_that_lose_a_word_is_what_was_asked_for() -> None:
    changed = sum(Roughness(0.2).text(LINES[1], random.Random(seed)) != LINES[1] for seed in range(1000))
    assert 150 < changed < 250
    assert all(Roughness().text(LINES[1], random.Random(seed)) == LINES[1] for seed in range(100))


def test_words_that_mean_nothing_stand_before_some_and_every_word_stays() -> None:
    rough = Roughness(stray_words=0.2)
    strays, joined = 0, 0
    for seed in range(500):
        found = rough.text(LINES[0], random.Random(seed))
        left = iter(found.replace("-", " ").split())
        assert all(word in left for word in LINES[0].split())  # in their order
        strays += len(found.replace("-", " ").split()) - 6
        joined += found.count("-")
    assert 500 < strays < 700  # of 3,000 words
    assert 100 < joined < 200
    assert rough.text(LINES[0], random.Random(5)) == rough.text(LINES[0], random.Random(5))


def test_split_tokens_spell_the_same_text() -> None:
    tokenizer = fast(models.BPE())
    rough = Roughness.of(tokenizer, 0.0, 0.5)
    for line in LINES:
        ids = tokenizer.encode(line)
        split = {tuple(rough.ids(ids, random.Random(seed))) for seed in range(20)}
        assert len(split) > 10
        assert max(map(len, split)) > len(ids)
        assert {tokenizer.decode(list(one)) for one in split} == {line}
        assert rough.ids(ids, random.Random(3)) == rough.ids(ids, random.Random(3))


def test_spared_tokens_stay_whole() -> None:
    tokenizer = fast(models.BPE())
    ids = tokenizer.encode(LINES[0])
    assert Roughness.of(tokenizer, 0.0, 0.9, spared=ids).ids(ids, random.Random(1)) == ids


def test_a_tokenizer_without_merges_is_refused_only_if_words_are_to_be_split() -> None:
    tokenizer = fast(models.WordLevel({"a": 0}, unk_token="a"))
    with pytest.raises(InputError, match=r"data\.split_words .* WordLevel; set it to 0"):
        Roughness.of(tokenizer, 0.1, 0.1)
    assert Roughness.of(tokenizer, 0.1, 0.0).parts == {}

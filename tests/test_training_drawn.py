"""Samples from drawn worlds: the same whenever asked for, never from outside training, pictures drawn once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from instructcir.training import drawn
from instructcir.training.drawn import DrawnSamples, Pool
from instructcir.training.fresh import write_fresh
from instructcir.training.samples import Sample
from instructcir.worlds.registry import world
from instructcir.worlds.splits import belongs, facts_of


def test_a_sample_is_the_same_in_another_process_and_order(tmp_path: Path) -> None:
    one = DrawnSamples([Pool(tmp_path / "a", "wardrobe", 12, 48)], 30, seed=3, wishes=2, answers=3)
    other = DrawnSamples([Pool(tmp_path / "b", "wardrobe", 12, 48)], 30, seed=3, wishes=2, answers=3)
    for index in (7, 0, 29):
        first, second = one[index], other[index]
        assert (first.id, first.caption, first.wishes, first.answers) == (
            second.id, second.caption, second.wishes, second.answers,
        )  # fmt: skip
        assert np.array_equal(np.asarray(first.image), np.asarray(second.image))
        assert len(first.wishes) == 2
        assert len(first.answers) == 3
    assert one[0].caption != one[1].caption


def test_pictures_are_drawn_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(tmp_path, "wardrobe", 5, 48)
    first = np.asarray(pool.image(2))
    assert first.shape == (48, 48, 3)
    assert first.std() > 5

    def refuse(*_: object) -> None:
        raise AssertionError("drawn again")

    monkeypatch.setattr(drawn, "rasterise", refuse)
    again = Pool(tmp_path, "wardrobe", 5, 48)
    assert np.array_equal(np.asarray(again.image(2)), first)
    with pytest.raises(AssertionError, match="drawn again"):
        again.image(3)


def test_all_that_is_learned_from_is_of_the_training_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wardrobe = world("wardrobe")
    targets = []
    whole = drawn.training_change

    def watched(*arguments: object) -> object:
        change = whole(*arguments)  # type: ignore[arg-type]
        targets.append(change.target)
        return change

    monkeypatch.setattr(drawn, "training_change", watched)
    samples = DrawnSamples([Pool(tmp_path, "wardrobe", 8, 32)], 40, seed=0, answers=3)
    for index in range(40):
        number = int(samples[index].id.rpartition("/")[2])
        assert belongs(wardrobe, facts_of(wardrobe, "train", number)) == "train"
    assert len(targets) >= 40 * 3
    assert all(belongs(wardrobe, target) == "train" for target in targets)


def test_captions_tell_as_much_as_the_weights_say(tmp_path: Path) -> None:
    pool = Pool(tmp_path, "wardrobe", 8, 32)
    words = {
        detail: [len(DrawnSamples([pool], 30, seed=0, hard=1, details=weights)[n].caption.split()) for n in range(30)]
        for detail, weights in {"all": (), "full": (1, 0, 0), "short": (0, 0, 1), "mixed": (5, 2, 3)}.items()
    }
    assert sum(words["short"]) < 0.6 * sum(words["full"])
    assert words["all"] != words["short"]
    assert min(words["mixed"]) <= max(words["short"]) < max(words["mixed"])
    one, other = (DrawnSamples([pool], 8, seed=0, hard=1, details=(5, 2, 3))[3] for _ in range(2))
    assert (one.caption, one.wishes, one.hard) == (other.caption, other.wishes, other.hard)


@pytest.mark.parametrize("name", ["wardrobe", "landscapes", "plates"])
def test_invented_words_come_in_modifications_alone(tmp_path: Path, name: str) -> None:
    pool = Pool(tmp_path, name, 8, 32)

    def words(texts: Iterable[str]) -> set[str]:
        return {word for text in texts for word in re.findall("[a-z]+", text.lower())}

    plain, odd = (DrawnSamples([pool], 60, seed=0, hard=1, invented=share) for share in (0.0, 0.5))
    plain_samples, odd_samples = ([samples[n] for n in range(60)] for samples in (plain, odd))
    known = words(text for n in range(400) for text in _said(DrawnSamples([pool], 400, seed=1, hard=1)[n]))
    captions = words(
        text for one in odd_samples for text in (one.caption, *one.hard, *(said for _, said in one.wishes))
    )
    modifications = words(text for one in odd_samples for text, _ in one.wishes)
    of_plain = words(text for one in plain_samples for text, _ in one.wishes)
    assert len(modifications - known) > 20 + 2 * len(of_plain - known)
    assert len(captions - known) <= len(captions) / 20


def _said(sample: Sample) -> tuple[str, ...]:
    return sample.caption, *sample.hard, *(text for wish in sample.wishes for text in wish)


def test_a_share_repeats_its_samples(tmp_path: Path) -> None:
    samples = DrawnSamples([Pool(tmp_path, "wardrobe", 8, 32)], 16, seed=0, share=0.25)
    said = [samples[index].wishes for index in range(16)]
    assert len(set(said)) == 4
    assert said[:4] == said[4:8] == said[12:]


def test_a_fresh_models_prompts_are_short(tmp_path: Path) -> None:
    from transformers import PreTrainedTokenizerFast

    write_fresh(tmp_path / "fresh", "tiny", 0, ["wardrobe"])
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tmp_path / "fresh")
    assert len(tokenizer.tokenize("\nSummary above sentence in one word:\nASSISTANT:")) == 1
    assert len(tokenizer.tokenize("a red dress with white polka dots")) <= 8
    text = "Ünïcode, 中文 12 dots"
    assert tokenizer.decode(tokenizer.encode(text)).strip() == text


def test_wrong_captions_tell_all_and_are_never_right(tmp_path: Path) -> None:
    pool = Pool(tmp_path, "wardrobe", 8, 32)
    samples = DrawnSamples([pool], 40, seed=0, wishes=2, hard=3)
    for sample in (samples[number] for number in range(20)):
        assert len(sample.hard) == 6
        right = {sample.caption, *(caption for _, caption in sample.wishes)}
        assert not right & set(sample.hard)
    assert not samples[0].answers
    assert DrawnSamples([pool], 40, seed=0, wishes=2)[0].hard == ()

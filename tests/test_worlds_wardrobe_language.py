"""Captions, modifications and questions about garments."""

import random
import re
from collections import Counter
from functools import cache

import pytest

from instructcir.worlds.phrasing import typo
from instructcir.worlds.wardrobe import words
from instructcir.worlds.wardrobe.captions import caption, question
from instructcir.worlds.wardrobe.changes import change
from instructcir.worlds.wardrobe.facts import COLOURS, applies, sample
from instructcir.worlds.wardrobe.modifications import VOICES, modification
from instructcir.worlds.world import Change

SAMPLES = 4000
DRESS = {
    "garment": "dress", "colour": "red", "pattern": "polka dots", "second colour": "white", "sleeve": "long",
    "length": "regular", "fit": "fitted", "neckline": "v-neck", "closure": "buttons", "belt": "belt",
    "setting": "studio",
}  # fmt: skip


@cache
def sampled() -> tuple[tuple[dict[str, str], Change], ...]:
    found = []
    for seed in range(SAMPLES):
        rng = random.Random(seed)
        facts = sample(rng)
        found.append((facts, change(facts, rng, 1 + seed % 3)))
    return tuple(found)


# ---- modifications ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unseen", [False, True])
def test_modifications_are_clean_text(unseen: bool) -> None:
    for seed, (facts, found) in enumerate(sampled()):
        said = modification(facts, found, random.Random(seed), unseen=unseen)
        assert said.text == said.text.strip()
        assert not re.search(r"[{}]|  |,,| [,.?]|\b[Aa] [aeio]|\b(but but|now now|with with|a a|and and)\b", said.text)
        assert 2 < len(said.text) < 400, said.text


def test_texts_of_training_and_unseen_ones_are_never_the_same() -> None:
    training, unseen = (
        {modification(facts, found, random.Random(seed), unseen=part).text.lower() for seed, (facts, found) in
         enumerate(sampled())}
        for part in (False, True)
    )  # fmt: skip
    assert len(training) > 0.8 * SAMPLES
    assert not training & unseen


def test_unseen_words_never_stand_in_training_texts() -> None:
    book = words.phrases()
    known = " | ".join(text for path in book for text in book[path][0])
    new = {
        word
        for path in book
        if path.startswith(("word.colour.", "word.where.", "word.garment.", "word.pattern."))
        for word in book[path][1]
        if word not in known
    }
    assert len(new) > 40
    pattern = re.compile(r"\b(" + "|".join(sorted(map(re.escape, new))) + r")\b")
    for seed, (facts, found) in enumerate(sampled()):
        rng = random.Random(seed)
        texts = (modification(facts, found, rng).text, caption(facts, rng), caption(facts, rng, "medium"))
        assert not any(pattern.search(text) for text in texts), texts


@pytest.mark.parametrize("unseen", [False, True])
def test_a_colour_that_is_asked_for_is_named(unseen: bool) -> None:
    book = words.phrases()
    asked = 0
    for seed, (facts, found) in enumerate(sampled()):
        edit = found.edits[0]
        if len(found.edits) > 1 or edit.kind != "colour" or edit.said["form"] != "to":
            continue
        names = _as_typed({name for part in book[f"word.colour.{edit.said['to']}"] for name in part})
        texts = [modification(facts, found, random.Random(f"{seed}/{one}"), unseen=unseen).text for one in range(9)]
        assert all(any(name in text.lower() for name in names) for text in texts), texts
        asked += 1
    assert asked > 50


def _as_typed(names: set[str]) -> set[str]:
    """Names as they are, and with a slip of the keyboard."""
    slips = {typo(name, random.Random(seed), part) for name in names for seed in range(99) for part in (False, True)}
    return names | slips


def test_voices_and_aspects() -> None:
    voices: Counter[str] = Counter()
    aspects: Counter[str] = Counter()
    for seed, (facts, found) in enumerate(sampled()):
        said = modification(facts, found, random.Random(seed))
        voices[said.voice] += 1
        aspects.update(said.aspects)
        kinds = {edit.kind for edit in found.edits}
        assert ("spatial relations & background" in said.aspects) == ("setting" in kinds)
        assert "addition" in said.aspects or not any(edit.said["form"] == "add" for edit in found.edits)
    assert set(voices) == {*VOICES, "comparative", "negative"} - {"say", "mixed"}
    assert min(voices.values()) > SAMPLES / 100
    assert set(aspects) == {
        "addition", "negation", "direct addressing", "compare & change", "comparative statement",
        "statement with conjunction", "spatial relations & background",
    }  # fmt: skip


def test_promises_to_keep_something_are_true() -> None:
    promised = Counter[str]()
    needs = {"cut": "garment length fit", "colour": "colour", "pattern": "pattern", "belt": "belt"}
    for seed, (facts, found) in enumerate(sampled()):
        text = modification(facts, found, random.Random(seed)).text.lower()
        for thing, names in needs.items():
            if re.match(rf"(same|keep the|i like the|the) {thing}\b( can stay)?,? but", text):
                promised[thing] += 1
                assert not found.allowed.keys() & set(names.split())
                assert all(facts.get(name, "none") not in ("none", "plain") for name in names.split())
    assert set(promised) == {"cut", "colour", "pattern", "belt"}


# ---- captions and questions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unseen", [False, True])
def test_a_full_caption_tells_every_fact_but_what_it_leaves_open(unseen: bool) -> None:
    for seed, (_, found) in enumerate(sampled()):
        text = caption(found.target, random.Random(seed), omit=found.free, unseen=unseen)
        for name, value in found.target.items():
            if name in found.free or value in ("none", "plain"):
                continue
            assert any(word in text for word in _words(name, value, found.target.get("second colour", "red"))), text


@cache
def _words(name: str, value: str, second: str) -> tuple[str, ...]:
    """Every word for a value, those for a pattern in this colour."""
    book = words.phrases()
    groups = {
        "pattern": ("pattern", "pattern_in", "patterned"), "second colour": ("colour",),
        "sleeve": ("sleeve", "sleeved"),
        "length": ("length.skirted", "length.top", "length.legs"), "fit": ("fit", "fit_noun"),
        "neckline": ("neckline", "necked"), "setting": ("where",),
    }.get(name, (name,))  # fmt: skip
    found = [word for group in groups for part in book[f"word.{group}.{value}"] for word in part]
    colours = [word for part in book[f"word.colour.{second}"] for word in part]
    return tuple(words.polished(word.replace("{second}", colour)) for word in found for colour in colours)


def test_what_is_left_open_is_not_told() -> None:
    book = words.phrases()
    for seed, (facts, _) in enumerate(sampled()[:800]):
        text = caption(facts, random.Random(seed), omit=frozenset({"setting", "colour", "neckline"}))
        for name in ("where", "neckline", "necked"):
            assert not any(word in text for path in book if path.startswith(f"word.{name}.") for word in book[path][0])
        if "second colour" not in facts:
            assert not any(re.search(rf"\b{colour}\b", text) for colour in COLOURS)


def test_captions_grow_with_their_detail() -> None:
    def mean(detail: str) -> float:
        texts = [caption(facts, random.Random(seed), detail) for seed, (facts, _) in enumerate(sampled()[:1000])]  # type: ignore[arg-type]
        assert not any(re.search(r"[{}]|  |,,| ,|\b[Aa] [aeio]|,$|:$", text) for text in texts)
        return sum(len(text.split()) for text in texts) / len(texts)

    short, medium, full = mean("short"), mean("medium"), mean("full")
    assert 3 < short < medium < full
    assert 12 < full < 26


def test_captions_of_training_and_unseen_ones_are_never_the_same() -> None:
    for detail in ("short", "medium", "full"):
        training, unseen = (
            {caption(facts, random.Random(seed), detail, unseen=part).lower()
             for seed, (facts, _) in enumerate(sampled()[:2000])}
            for part in (False, True)
        )  # fmt: skip
        assert not training & unseen


def test_a_question_asks_for_a_fact_and_knows_it() -> None:
    for seed, (facts, _) in enumerate(sampled()):
        text, answer = question(facts, random.Random(seed))
        assert text.endswith("?")
        assert answer in (*facts.values(), "yes", "no")
        assert "{" not in text
    asked = {question(DRESS, random.Random(seed)) for seed in range(300)}
    assert {answer for text, answer in asked if "belt" in text} == {"yes"}
    assert {answer for text, answer in asked if "sleeves" in text} == {"long"}
    assert set(applies(DRESS)) == set(DRESS)


def test_everything_is_determined_by_the_generator() -> None:
    def texts(seed: int) -> tuple[str, ...]:
        rng = random.Random(seed)
        facts = sample(rng)
        found = change(facts, rng, 2)
        said = modification(facts, found, rng, unseen=seed % 2 == 1)
        return caption(facts, rng), said.text, caption(found.target, rng, omit=found.free), *question(facts, rng)

    assert [texts(seed) for seed in range(50)] == [texts(seed) for seed in range(50)]


def test_a_fragment_names_the_main_colour_so_that_it_cannot_be_taken_for_another() -> None:
    for seed, (facts, found) in enumerate(sampled()):
        kinds = [edit.kind for edit in found.edits]
        if "colour" not in kinds or not {"pattern", "second colour"} & set(kinds):
            continue
        said = modification(facts, found, random.Random(seed))
        if said.voice == "fragment" and "darker" not in said.text and "lighter" not in said.text:
            assert any(word in said.text for word in _as_typed({"main", "itself", "themselves"})), said.text


def test_the_texts_of_some_seeds_stay_as_they_are() -> None:
    assert [modification(*sampled()[seed], random.Random(seed)).text for seed in range(4)] == [
        "show me a hoody with the stars not canary yellow but baby pink, the rest as here",
        "Everything the same, only with short sleeves, not wrist-length sleeves and with the rollneck replaced by "
        "a V neckline.",
        "add a waistbelt to it, also reshoot it on wooden floorboards, and shorten it, please",
        "are you able to leave out the checked pattern?",
    ]
    unseen = modification(*sampled()[4], random.Random(4), unseen=True)
    assert unseen.text == "Could you pick out one like this with more room and on top of that in a new colour?"
    assert caption(DRESS, random.Random(1)) == (
        "in a photography studio there is a close-fitting normal-length red gown with a button fastening, "
        "a v-shaped neckline, dots in white, wrist-length sleeves and a waistbelt"
    )

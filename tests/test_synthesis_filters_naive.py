"""What filters find fast, beside the same found in the plainest way, on good, mixed-up and odd texts."""

from __future__ import annotations

import random
import re
import tomllib
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from importlib import resources
from itertools import pairwise
from zlib import crc32

import numpy as np
import pytest

from filter_samples import BAD, GOOD, triplet
from instructcir.synthesis.lexicon import lexicon
from instructcir.synthesis.near_duplicates import NearDuplicate
from instructcir.synthesis.patterns import leftover_in, unfit_in
from instructcir.synthesis.texts import meanings, stem, taken_apart
from instructcir.synthesis.wishes import wish_of
from instructcir.synthesis.written import Source, Written
from test_synthesis_filters import drawn

ODD = (
    *(
        "é",
        "ß",
        " 3/4 ",
        " 7/8ths ",
        "w/o ",
        " i/o ",
        "\u2019s",
        " @bob ",
        " a.b@c.org ",
        " 1.5 ",
        "->",
        " /",
        "|",
        "你好 ",
    ),
    *(
        " http://x.org ",
        " WWW.x.org ",
        " 12 Baker street, apt ",
        "İ",
        "ﬁ",
        "_x_",
        "٣",
        " don't ",
        " o'clock",
        "--",
        "\t",
    ),
    *(
        " +49 123 4567 890 ",
        " 555-123-4567 ",
        " 1.2.3.4 ",
        " 123-45-6789 ",
        " dead man",
        " topless",
        " &amp; ",
        " {x} ",
        "'",
    ),
)


def mixed() -> list[tuple[Source, Written]]:
    """Triplets of both worlds and of people, their texts changed about, and odd pieces put into them."""
    rng = random.Random(0)
    found = [one for name in ("wardrobe", "landscapes") for unseen in (False, True) for one in drawn(name, 60, unseen)]
    found += [triplet(*texts) for texts in GOOD] + [triplet(*texts) for _, *texts in BAD]
    found = [(source, replace(written, source=f"t{number}")) for number, (source, written) in enumerate(found)]
    for source, written in list(found):
        other = rng.choice(found)[1]
        found.append((source, replace(written, source=f"{written.source}-other", instruction=other.instruction)))
        texts = (written.instruction, written.modified_caption)
        instruction, modified = (_spoilt(text, rng) for text in texts)
        found.append((source, replace(written, source="odd", instruction=instruction, modified_caption=modified)))
    rng.shuffle(found)
    return found


def _spoilt(text: str, rng: random.Random) -> str:
    place = rng.randrange(len(text) + 1)
    return text[:place] + rng.choice(ODD) + text[place:]


@pytest.fixture(scope="module")
def triplets() -> list[tuple[Source, Written]]:
    return mixed()


@pytest.fixture(scope="module")
def texts(triplets: list[tuple[Source, Written]]) -> list[str]:
    return [text for _, one in triplets for text in (one.instruction, one.modified_caption)]


def tokens(text: str) -> Iterator[str]:
    """One character after the other: numbers, words with an apostrophe in them, marks, arrows."""
    text = text.lower().replace("\u2019", "'").replace("w/o", "without").replace("w/", "with ")
    text = text.replace("i/o ", "instead of ")
    at = 0

    def run(start: int, number: bool) -> int:
        end = start
        while end < len(text) and (unicodedata.category(text[end]) == "Nd" if number else _letter(text[end])):
            end += 1
        return end

    while at < len(text):
        end = run(at, True)
        if end > at and text[end : end + 1] in ("/", ".") and run(end + 1, True) > end + 1:
            end = run(end + 1, True)
        if end == at:
            end = run(at, False)
            if end > at and text[end : end + 1] == "'" and run(end + 1, False) > end + 1:
                end = run(end + 1, False)
        if end == at:
            end = at + (2 if text.startswith("->", at) else text[at] in ",.;:!?/|()")
        if end > at:
            yield text[at:end]
        at = max(end, at + 1)


def _letter(character: str) -> bool:
    return character.isalnum() and unicodedata.category(character) != "Nd"


def test_a_text_is_taken_apart_like_character_by_character(texts: list[str]) -> None:
    articles = lexicon().articles
    for text in texts:
        found, sequence = taken_apart(text), list(tokens(text))
        words = [one for one in sequence if one[0].isalnum()]
        said = [one for one in words if one not in articles]
        assert list(found.sequence) == sequence, text
        assert (list(found.words), list(found.said)) == (words, said)
        assert found.content == {item for word in said for item in meanings(word)}
        assert found.stems == {stem(word) for word in said if word not in lexicon().weak}


def test_cues_are_found_like_by_looking_for_each_at_each_place(texts: list[str]) -> None:
    known = lexicon()
    phrases = [cue for cues in (known.before, known.after) for several in cues.values() for cue in several]
    for text in texts:
        sequence = taken_apart(text).sequence
        cued = any(sequence[at : at + len(cue)] == cue for cue in phrases for at in range(len(sequence)))
        assert cued or not wish_of(text).gone or "take" in sequence, text


def test_patterns_find_what_all_of_them_would_without_signs(texts: list[str]) -> None:
    content = tomllib.loads(resources.files("instructcir.synthesis").joinpath("patterns.toml").read_text("utf-8"))
    personal = {name: re.compile(whole, re.I) for name, (_, whole) in content["personal"]["patterns"].items()}
    hits = 0
    for text in texts:
        category, found = unfit_in(text)
        naive = [(name, one.group()) for name, pattern in personal.items() if (one := pattern.search(text))]
        if category in personal or (naive and not category):
            hits += 1
            assert [(category, found)] == naive[:1], text
        any_leftover = any(re.search(one, text, re.I) for one in content["leftovers"]["patterns"])
        assert bool(leftover_in(text)) == any_leftover, text
    assert hits > 20


class NaiveNearDuplicate:
    """MinHash by its definition, in Python's own integers; whatever meets in a band is compared as sets of words."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.times = [int(one) | 1 for one in rng.integers(1, 1 << 63, 24, dtype=np.uint64)]
        self.plus = [int(one) for one in rng.integers(0, 1 << 63, 24, dtype=np.uint64)]
        self.tables: list[dict[int, int]] = [{} for _ in range(6)]
        self.seen: list[tuple[str, set[int]]] = []

    def __call__(self, source: Source, written: Written) -> str:
        single: dict[int, str] = {}
        pairs: set[int] = set()
        for text, salt in ((written.instruction, 0), (written.modified_caption, 0x9E3779B1)):
            words = [stem(word) for word in taken_apart(text).said]
            hashes = [crc32(word.encode()) ^ salt for word in words]
            single.update(zip(hashes, words, strict=True))
            pairs.update((one * 31 + other) % 2**32 for one, other in pairwise(hashes))
        mine = (set(single) | pairs) or {0}
        slots = list(self._slots(mine))
        met = sorted({table[slot] for table, slot in zip(self.tables, slots, strict=True) if slot in table})
        known = lexicon()
        weak = {stem(word) for word in (known.weak | known.asking) - known.absent}
        for number in met:
            name, theirs = self.seen[number]
            alike = len(mine & theirs) / len(mine | theirs) >= 0.85
            if alike and all(single[one] in weak for one in mine ^ theirs if one in single):
                return f"says the same as {name}"
        for table, slot in zip(self.tables, slots, strict=True):
            table[slot] = len(self.seen)
        self.seen.append((written.id, mine))
        return ""

    def _slots(self, shingles: set[int]) -> Iterator[int]:
        mix = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5)
        least = [
            min((times * one + plus) % 2**64 >> 32 for one in shingles)
            for times, plus in zip(self.times, self.plus, strict=True)
        ]
        for band in range(6):
            values = zip(least[4 * band : 4 * band + 4], mix, strict=True)
            yield sum(one * factor for one, factor in values) % 2**64 >> 46


def test_near_duplicates_are_those_of_plain_integers(triplets: list[tuple[Source, Written]]) -> None:
    again = [(source, replace(written, source=f"{written.source}-again")) for source, written in triplets[::3]]
    stream = [*triplets, *again]
    fast, naive = NearDuplicate(), NaiveNearDuplicate()
    found = [fast(source, written) for source, written in stream]
    assert found == [naive(source, written) for source, written in stream]
    assert sum(map(bool, found)) > len(again) / 2

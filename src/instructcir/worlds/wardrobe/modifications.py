"""Changes of garments as people type them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from instructcir.worlds.phrasing import Speaker, always, fill, listed, sentence, slots_of, typo
from instructcir.worlds.wardrobe import words
from instructcir.worlds.wardrobe.aspects import aspects_of
from instructcir.worlds.wardrobe.words_edits import lists_of, makers
from instructcir.worlds.world import Change, Edit, Facts, Modification

VOICES = {
    "direct": 18, "polite": 8, "question": 12, "statement": 12, "keep": 12, "fragment": 18, "description": 10,
    "say": 16, "mixed": 6,
}  # fmt: skip
"""Voice -> how often it is taken. "say" is for one wish, "mixed" for two; the others are for any number."""
_COMPARATIVE = frozenset({"darker", "lighter", "longer", "shorter", "looser", "tighter"})
_NEGATIVE = frozenset({"without", "not", "plain"})
_KEPT = {
    "cut": ("garment", "length", "fit"),
    "colour": ("colour", "pattern", "second colour"),
    "pattern": ("pattern", "second colour"),
    "belt": ("belt",),
    "sleeve": ("sleeve",),
}
_KEEP_SHARE = 0.5
_TYPOS = {"fragment": 0.12}
_TYPOS_ELSEWHERE = 0.03
_WRITTEN_OUT = 0.35
_UNSEEN_FRAME = 0.5


@dataclass(frozen=True, slots=True)
class _Teller:
    """Says the edits of one change: the speaker, the reference, the change, and the edits in the order to say them."""

    speaker: Speaker
    facts: Facts
    change: Change
    edits: tuple[Edit, ...]


def modification(
    facts: Facts, change: Change, rng: random.Random, *, unseen: bool = False, invented: float = 0.0
) -> Modification:
    """A change as a person would type it.

    Args:
        facts: the reference.
        change: a change of it.
        rng: source of all choices.
        unseen: whether to use phrases, and at times words and slips, that training never uses.
        invented: probability of a name of a garment or value to be one that means nothing.
    """
    return said_by(words.speaker(rng, unseen, invented), facts, change)


def said_by(speaker: Speaker, facts: Facts, change: Change) -> Modification:
    """The same by a speaker, whose phrase book may have other words for the values."""
    rng, unseen = speaker.rng, speaker.unseen
    edits = list(change.edits)
    rng.shuffle(edits)
    edits.sort(key=lambda edit: edit.kind != "garment")  # what follows is said of the new garment
    teller = _Teller(speaker, facts, change, tuple(edits))
    voice = _voice(rng, len(edits))
    text = words.polished(_TELL.get(voice, _framed)(teller, voice))
    aspects = aspects_of(text, change, voice)
    named = _named(text, change, voice)
    return Modification(_typed(text, voice, rng, unseen), named, aspects)


def _voice(rng: random.Random, edits: int) -> str:
    """A voice that suits the number of edits."""
    fitting = [voice for voice in VOICES if (voice != "say" or edits == 1) and (voice != "mixed" or edits == 2)]
    return rng.choices(fitting, [VOICES[voice] for voice in fitting])[0]


def _named(text: str, change: Change, voice: str) -> str:
    """How the text is called: by what it does if it compares or denies, else by its frame."""
    if voice not in ("direct", "say", "statement", "mixed"):
        return voice
    forms = {edit.said["form"] for edit in change.edits}
    if forms & _COMPARATIVE:
        return "comparative"
    if forms & _NEGATIVE:
        return "negative"
    if voice == "say":
        return "question" if text.endswith("?") else "statement"
    return "direct" if voice == "mixed" else voice


def _said(teller: _Teller, voice: str) -> str:
    """One wish that needs no frame."""
    return _phrase(teller, teller.edits[0], "say")


def _framed(teller: _Teller, voice: str) -> str:
    """All wishes joined, in a frame."""
    frame = _frame(teller, voice)
    makers = _frame_makers(teller)
    for sort in ("do", "with", "bit"):
        makers[sort] = partial(_joined, teller, sort)
    return fill(frame, makers)


def _mixed(teller: _Teller, voice: str) -> str:
    """Two wishes, each in its own part of the frame."""
    first, second = teller.edits
    makers = _frame_makers(teller)
    makers["with"] = lambda: _phrase(teller, first, "with")
    makers["do"] = lambda: _phrase(teller, second, "do")
    return fill(_frame(teller, voice), makers)


def _described(teller: _Teller, voice: str) -> str:
    """The wanted garment as a noun with adjectives and what follows them: "a red dress without a belt like this"."""
    before: list[str] = []
    after: list[str] = []
    for edit in teller.edits:
        if edit.kind == "garment":
            continue
        adjective = edit.kind not in _AFTER_ONLY and teller.speaker.chance(0.7)
        found = _phrase(teller, edit, "adj") if adjective else ""
        (before if found else after).append(found or _phrase(teller, edit, "with"))
    garment = teller.change.target["garment"]
    noun = words.garment_noun(teller.speaker, garment, " ".join(before))
    makers = _frame_makers(teller)
    makers["np"] = always(f"{noun} {listed(after)}")
    return fill(_frame(teller, "description_with" if after else voice), makers)


_AFTER_ONLY = frozenset({"second colour", "setting"})
_TELL: dict[str, Callable[[_Teller, str], str]] = {"say": _said, "mixed": _mixed, "description": _described}


def _frame(teller: _Teller, voice: str) -> str:
    """A frame of a voice that suits the wishes; an unseen one only half of the time, for the phrases are unseen too."""
    speaker, path = teller.speaker, f"frame.{voice}"
    if voice == "keep" and speaker.chance(_KEEP_SHARE):
        path = speaker.rng.choice([path, *_promises(teller)])
    training, unseen = speaker.book[path]
    only_frame = voice == "description" and all(edit.kind == "garment" for edit in teller.edits)
    frames = unseen if speaker.unseen and (only_frame or speaker.chance(_UNSEEN_FRAME)) else training
    if any(edit.kind == "garment" for edit in teller.edits):
        frames = tuple(frame for frame in frames if not slots_of(frame) & {"garment", "one"})
    return speaker.rng.choice(frames)


def _promises(teller: _Teller) -> list[str]:
    """Frames that promise to keep something that is there and that the change leaves alone."""
    touched = teller.change.allowed.keys()
    there = {**teller.facts, "pattern": teller.facts["pattern"].replace("plain", "none")}
    return [
        f"frame.keep_{name}"
        for name, attributes in _KEPT.items()
        if not touched & set(attributes) and there.get(attributes[0], "none") not in ("none", "sleeveless")
    ]


def _frame_makers(teller: _Teller) -> dict[str, Callable[[], str]]:
    return words.agreeing(teller.speaker, teller.facts["garment"])


def _phrase(teller: _Teller, edit: Edit, sort: str) -> str:
    """A phrase for one wish, nothing if this speaker has none of that class."""
    speaker = teller.speaker
    new = teller.edits[0].kind == "garment" and edit.kind != "garment"
    slots = makers(speaker, edit, teller.change.target["garment"] if new else teller.facts["garment"])
    form = edit.said["form"]
    if edit.kind == "colour" and sort in ("with", "bit") and _of_marks(teller.change):
        form += "_alone"
    paths = lists_of(edit.kind, form, sort)
    templates = [template for path in paths for template in speaker.templates(path, slots)]
    return fill(speaker.rng.choice(templates), slots) if templates else ""


def _of_marks(change: Change) -> bool:
    """Whether the text speaks of a pattern, for which a bare colour could be meant."""
    return any(edit.kind in ("pattern", "second colour") for edit in change.edits)


def _joined(teller: _Teller, sort: str) -> str:
    """All wishes in phrases of one class, joined."""
    edits = list(teller.edits)
    if sort == "bit":  # "a belt, red" would be taken for a red belt
        edits.sort(key=lambda edit: (edit.kind != "garment", edit.kind != "colour"))
    phrases = [_phrase(teller, edit, sort) for edit in edits]
    return _join(teller.speaker, phrases, "_bits" if sort == "bit" else "")


def _join(speaker: Speaker, phrases: list[str], suffix: str) -> str:
    if len(phrases) == 1:
        return phrases[0]
    template = speaker.template(f"join.{_NUMBERS[len(phrases)]}{suffix}")
    return fill(template, {name: always(text) for name, text in zip("abc", phrases, strict=False)})


_NUMBERS = {2: "two", 3: "three"}


def _typed(text: str, voice: str, rng: random.Random, unseen: bool) -> str:
    """The text as it leaves the keyboard: fragments small, other texts at times with a capital and a full stop."""
    if voice == "fragment":
        text = text.lower()
    elif text.startswith("I ") or rng.random() < _WRITTEN_OUT:
        text = sentence(text) if rng.random() < 0.8 else text[:1].upper() + text[1:]
    return typo(text, rng, unseen) if rng.random() < _TYPOS.get(voice, _TYPOS_ELSEWHERE) else text

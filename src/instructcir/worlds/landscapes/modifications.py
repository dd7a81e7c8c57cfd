"""Changes of scenes as people would type them."""

from __future__ import annotations

import random

from instructcir.worlds.landscapes.aspects import aspects, voice_of
from instructcir.worlds.landscapes.facts import kinds_in
from instructcir.worlds.landscapes.words_book import speaker as new_speaker
from instructcir.worlds.landscapes.words_edits import makers
from instructcir.worlds.landscapes.words_things import CLOTHED, ambiguous, noun
from instructcir.worlds.phrasing import Speaker, fill, tidy, typo
from instructcir.worlds.world import Change, Edit, Facts, Modification

_CLASSES = ("do", "with", "say")
_WRAPS = {
    "do": ("direct", "direct", "direct", "question", "polite"),
    "with": ("fragment", "fragment", "fragment", "description", "question", "direct", "keep", "keep"),
    "say": ("statement",),
}


def modification(
    facts: Facts, change: Change, rng: random.Random, *, unseen: bool = False, invented: float = 0.0
) -> Modification:
    """A change in words.

    Args:
        facts: the reference.
        change: a change of it.
        rng: source of all choices.
        unseen: whether every edit is said with a template, and at times a word or frame, that training never uses.
        invented: probability of a name of a thing or value to be one that means nothing.
    """
    speaker = new_speaker(rng, unseen, invented)
    style = rng.choice((*_CLASSES, "free")) if len(change.edits) > 1 else rng.choice(_CLASSES)
    edits = list(change.edits)
    rng.shuffle(edits)
    classes = [rng.choice(_CLASSES) if style == "free" else style for _ in edits]
    phrases = [phrase(speaker, facts, edit, kind) for edit, kind in zip(edits, classes, strict=True)]
    text = _joined(speaker, phrases, "join_free" if style == "free" else "join")
    frame = "mixed"
    if style != "free":
        text, frame = _framed(speaker, facts, change, text, style)
    text = _as_typed(tidy(text), rng, unseen)
    return Modification(text, voice_of(edits, style, frame), aspects(edits, frame, text))


def phrase(speaker: Speaker, facts: Facts, edit: Edit, kind: str) -> str:
    """One edit in words.

    Args:
        speaker: picks template and words.
        facts: the reference.
        edit: the edit.
        kind: class of the phrase: "do", "with" or "say".
    """
    return fill(speaker.template(f"{family(edit)}.{kind}"), makers(speaker, facts, edit))


def family(edit: Edit) -> str:
    """Where the phrase book keeps the templates of an edit: "time.later", "colour.to_clothes"."""
    form = edit.said["form"]
    if edit.kind == "add":
        form = "thing"
    if edit.kind == "colour" and form == "to" and edit.said["thing"] in CLOTHED:
        form = "to_clothes"
    return f"{edit.kind}.{form}"


def _joined(speaker: Speaker, phrases: list[str], joint: str) -> str:
    if len(phrases) == 1:
        return phrases[0]
    template = speaker.word(f"{joint}.{'two' if len(phrases) == 2 else 'three'}")
    return fill(template, {name: phrase.__str__ for name, phrase in zip("abc", phrases, strict=False)})


def _framed(speaker: Speaker, facts: Facts, change: Change, text: str, style: str) -> tuple[str, str]:
    """The text in a frame that suits it, and the frame's name."""
    frame = speaker.rng.choice(_WRAPS[style])
    kept_names = _kept(facts, change)
    if frame == "keep" and not kept_names:
        frame = "fragment"
    if frame != "keep":
        return speaker.word(f"wrap.{style}.{frame}").replace("{}", text), frame
    name = speaker.rng.choice(kept_names)
    if "." not in name:
        return speaker.word(f"keep.{name}").replace("{}", text), frame
    kind = name.removesuffix(".count")
    kept = noun(speaker, kind, facts[name] != "1", ambiguous(kind, kinds_in(facts)))
    template = speaker.word("keep.thing").replace("{the_kept}", f"the {kept}").replace("{kept}", kept)
    return template.replace("{}", text), frame


def _kept(facts: Facts, change: Change) -> list[str]:
    """What may truly be called the same: attributes of the place, and things, that the change does not touch."""
    touched = {name.partition(".")[0] for name in change.allowed}
    place = [name for name in facts if "." not in name and name not in touched]
    named = {value for edit in change.edits for value in edit.said.values()}  # not "the same house with only the house"
    return place + [f"{kind}.count" for kind in kinds_in(facts) if kind not in touched | named]


def _as_typed(text: str, rng: random.Random, unseen: bool) -> str:
    """With or without a capital and a full stop, now and then with a slip of the fingers."""
    chance = rng.random()
    if chance < 0.35:
        text = text[0].upper() + text[1:]
    if chance < 0.22 and not text.endswith("?"):
        text += "."
    if chance > 0.97 and text.endswith("?"):
        text = text[:-1]
    return typo(text, rng, unseen) if rng.random() < 0.05 else text

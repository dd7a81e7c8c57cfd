"""Filters that look at a triplet's form: its fields, its language, its length."""

from __future__ import annotations

from instructcir.synthesis.language import language_of, script_of
from instructcir.synthesis.patterns import leftover_in
from instructcir.synthesis.texts import taken_apart
from instructcir.synthesis.written import ASPECTS, KINDS, STYLES, Source, Written

LONGEST_INSTRUCTION = 60
"""Words; CIRCO's longest has 33, FashionIQ's joined captions fewer."""
LONGEST_CAPTION = 150
SHORTEST_CAPTION = 2
TIMES_LONGER = 3
"""Times its original, and `WORDS_LONGER` words more, a modified caption may have; then the writer told a story."""
WORDS_LONGER = 15
TIMES_SHORTER = 5
"""A modified caption with less than this part of an original of `WORDS_TO_SHORTEN` words or more has forgotten most."""
WORDS_TO_SHORTEN = 15
_SPACED = frozenset({"latin", "cyrillic", "greek", "arabic", "hebrew", "devanagari", ""})
"""Scripts that divide words by spaces; of others words cannot be counted."""

_KINDS, _STYLES, _ASPECTS = frozenset(KINDS), frozenset(STYLES), frozenset(ASPECTS)


def schema(source: Source, written: Written) -> str:
    """Every field is there, its value is one that is known, and texts hold nothing but the text."""
    for name in ("instruction", "modified_caption"):
        text = getattr(written, name)
        if not text.strip():
            return f"{name} is empty"
        if not text.isprintable():
            return f"{name} holds line breaks or control characters"
        if found := leftover_in(text):
            return f"{name} holds {found!r}, which is no part of a sentence"
    if not _KINDS.issuperset(written.kind.split("+")):
        return f"kind {written.kind!r} is not known"
    if written.style not in _STYLES:
        return f"style {written.style!r} is not known"
    if not _ASPECTS.issuperset(written.aspects):
        return f"aspects {', '.join(map(repr, written.aspects))} are not all known"
    return ""


def language(source: Source, written: Written) -> str:
    """Instruction and modified caption are in the caption's language, as far as their words tell one for sure."""
    own = language_of(source.caption) or language_of(written.modified_caption)
    script = script_of(source.caption)
    for name, text in (("instruction", written.instruction), ("modified_caption", written.modified_caption)):
        other = language_of(text)
        if own and other and own != other:
            return f"{name} is in {other}, its caption in {own}"
        if script and (found := script_of(text)) and found != script:
            return f"{name} is in {found} script, its caption in {script}"
    return ""


def length(source: Source, written: Written) -> str:
    """Texts are neither so short that they say nothing nor so long that they tell a story."""
    if script_of(written.modified_caption) not in _SPACED:
        return ""
    words = len(taken_apart(written.instruction).words)
    if not words:
        return "instruction holds no words"
    if words > LONGEST_INSTRUCTION:
        return f"instruction has {words} words, more than {LONGEST_INSTRUCTION}"
    words, own = len(taken_apart(written.modified_caption).words), len(taken_apart(source.caption).words)
    if not SHORTEST_CAPTION <= words <= LONGEST_CAPTION:
        return f"modified_caption has {words} words, not {SHORTEST_CAPTION} to {LONGEST_CAPTION}"
    if own and words > TIMES_LONGER * own + WORDS_LONGER:
        return f"modified_caption has {words} words, its caption {own}"
    if own >= WORDS_TO_SHORTEN and words * TIMES_SHORTER < own:
        return f"modified_caption has {words} words, its caption {own}"
    return ""

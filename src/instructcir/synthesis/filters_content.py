"""Filters that compare a triplet's texts with each other as a whole, and look for what none of them may hold."""

from __future__ import annotations

from collections import Counter

from instructcir.synthesis.lexicon import lexicon
from instructcir.synthesis.patterns import unfit_in
from instructcir.synthesis.texts import is_mark, taken_apart
from instructcir.synthesis.written import Source, Written

FEWEST_TO_REPEAT = 4
"""Words with content that a caption must have before holding most of them counts as repeating it."""
MOST_OF_CAPTION = 0.8
FEWEST_TO_LEAK = 3
MOST_OF_ANSWER = 0.9
LEAST_TO_COVER = 6
"""Words with content that a modified caption must have before holding most of them, in another order, gives it away."""
_DIVIDES = frozenset({"and", "with"})


def unsafe(source: Source, written: Written) -> str:
    """Instruction and modified caption hold no unsafe or personal content that a pattern knows."""
    for text in (written.instruction, written.modified_caption):
        category, found = unfit_in(text)
        if category:
            return f"{category}: {found!r}"
    return ""


def caption_unchanged(source: Source, written: Written) -> str:
    """The modified caption says something else than the original, not the same or its parts in another order."""
    before, after = taken_apart(source.caption).said, taken_apart(written.modified_caption).said
    if before == after and before:
        return "the modified caption is the original"
    if len(before) != len(after) or "position" in written.kind or sorted(before) != sorted(after):
        return ""
    if _clauses(source.caption) == _clauses(written.modified_caption):
        return "the modified caption is the original with its parts in another order"
    return ""


def instruction_repeats_caption(source: Source, written: Written) -> str:
    """The instruction asks for a change and does not tell what the reference shows."""
    caption, instruction = taken_apart(source.caption), taken_apart(written.instruction)
    before, asked = caption.said, instruction.said
    if before and before == asked:
        return "the instruction is the caption"
    stems = caption.stems
    if len(stems) < FEWEST_TO_REPEAT:
        return ""
    if _holds(asked, before):
        return "the instruction holds the whole caption"
    shared = len(stems & instruction.content) / len(stems)
    return f"the instruction holds {shared:.0%} of the caption's words" if shared >= MOST_OF_CAPTION else ""


def leakage(source: Source, written: Written) -> str:
    """The instruction does not hold the whole modified caption, so that the picture is needed."""
    instruction, modified = taken_apart(written.instruction), taken_apart(written.modified_caption)
    stems = modified.stems
    if len(stems) >= FEWEST_TO_LEAK and _holds(instruction.said, modified.said):
        return "the instruction holds the whole modified caption"
    if len(stems) < LEAST_TO_COVER:
        return ""
    shared = len(stems & instruction.content) / len(stems)
    return f"the instruction holds {shared:.0%} of the modified caption's words" if shared >= MOST_OF_ANSWER else ""


def _holds(whole: tuple[str, ...], part: tuple[str, ...]) -> bool:
    """Whether a sequence of words stands in another."""
    if not part or len(part) > len(whole) or part[0] not in whole:
        return False
    starts = range(len(whole) - len(part) + 1)
    return any(whole[start] == part[0] and whole[start : start + len(part)] == part for start in starts)


def _clauses(text: str) -> Counter[tuple[str, ...]]:
    """What stands between commas, "and" and "with", in any order."""
    articles = lexicon().articles
    clauses: Counter[tuple[str, ...]] = Counter()
    clause: list[str] = []
    for token in (*taken_apart(text).sequence, ","):
        if is_mark(token) or token in _DIVIDES:
            clauses[tuple(clause)] += bool(clause)
            clause = []
        elif token not in articles:
            clause.append(token)
    return +clauses

"""How a modification speaks, and which of CIRCO's semantic aspects it has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from instructcir.worlds.world import Aspect, Edit

COMPARATIVE = frozenset(
    (
        "later", "earlier", "darker", "lighter", "better", "worse", "warmer", "colder", "closer", "further", "more",
        "fewer", "one_more", "two_more", "one_fewer", "double", "half", "as_many", "bigger", "smaller", "same",
    )
)  # fmt: skip
NEGATIVE = frozenset(("not", "other", "only", "category"))
_CONTRASTS = (" instead of ", " rather than ", ", not ", "no longer ", " in place of ")
_ORDER: tuple[Aspect, ...] = get_args(Aspect)


def aspects(edits: Iterable[Edit], frame: str, text: str) -> tuple[Aspect, ...]:
    """The aspects that apply, in CIRCO's order.

    Args:
        edits: the edits that are said.
        frame: name of what they are wrapped in; "keep" compares, "direct", "question" and "polite" address someone.
        text: what is said, which may name the old beside the new.
    """
    edits = list(edits)
    found: set[Aspect] = set()
    for edit in edits:
        found |= _of_edit(edit)
    if frame == "keep" or any(words in text for words in _CONTRASTS):
        found.add("compare & change")
    if frame in ("direct", "polite", "question"):
        found.add("direct addressing")
    if len(edits) > 1 or any(edit.said["form"] in ("things", "swap") for edit in edits):
        found.add("statement with conjunction")
    return tuple(aspect for aspect in _ORDER if aspect in found)


def _of_edit(edit: Edit) -> set[Aspect]:
    form = edit.said["form"]
    found: set[Aspect] = set()
    if edit.kind == "count" or edit.said.get("count", "1") != "1":
        found.add("cardinality")
    if edit.kind == "add" or form in ("one_more", "two_more"):
        found.add("addition")
    if edit.kind == "remove" or form in NEGATIVE:
        found.add("negation")
    if edit.kind == "replace" or form == "same":
        found.add("compare & change")
    if form in COMPARATIVE and edit.kind != "position":
        found.add("comparative statement")
    if edit.kind in ("setting", "time", "weather", "season", "position") or (
        "beside" in edit.said and "side" in edit.said
    ):
        found.add("spatial relations & background")
    if edit.said.get("position"):
        found.add("spatial relations & background")
    if edit.kind == "viewpoint":
        found.add("viewpoint")
    return found or {"direct addressing"}  # "the dog is black" speaks of the thing itself


def voice_of(edits: list[Edit], style: str, frame: str) -> str:
    """How a modification speaks: by its frame where it has one, else by what its one edit is.

    Args:
        edits: the edits that are said.
        style: class of the phrases: "do", "with", "say" or "free" (mixed).
        frame: name of what they are wrapped in.
    """
    if frame in ("question", "polite", "description", "keep", "mixed"):
        return frame
    if len(edits) > 1:
        return "conjunction"
    edit = edits[0]
    form = edit.said["form"]
    if edit.kind == "remove" or form in NEGATIVE:
        return "negative"
    if form in COMPARATIVE:
        return "comparative"
    if edit.kind == "count":
        return "counting"
    if "beside" in edit.said or form == "swap":
        return "relational"
    return {"do": "direct", "with": "fragment", "say": "statement"}[style]

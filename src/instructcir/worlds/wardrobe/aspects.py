"""Which of CIRCO's semantic aspects a modification has."""

from __future__ import annotations

import re

from instructcir.worlds.world import Aspect, Change

_ADDING = frozenset({"add", "add_in", "any", "give", "some"})
_BESIDE_THE_POINT = re.compile(
    r"no other changes|don't touch the rest|don't change the shape|everything else|that's all", re.IGNORECASE
)
_EXCEPT = re.compile(r"\b(any\w*( \w+)?) but\b", re.IGNORECASE)  # "anything but stripes" denies and joins nothing
_PATTERNS: dict[Aspect, re.Pattern[str]] = {
    "negation": re.compile(
        r"\b(no|not|without|w/o|never|minus|nothing|zero|isn't|shouldn't|don't|can't|remove|drop|lose|skip|lacking|"
        r"sleeveless|beltless|unbelted|unpatterned|free of|rid of|take (away|off)|leave out|except|forget)\b",
        re.IGNORECASE,
    ),
    "compare & change": re.compile(
        r"\b(instead|in place of|rather than|replace|swap|trade|exchange|change|turn|same|like (this|these)|from \w+)\b"
        r"|->",
        re.IGNORECASE,
    ),
    "comparative statement": re.compile(
        r"\b(darker|darken|lighter|paler|brighter|brighten|longer|lengthen|shorter|shorten|looser|loosen|tighter|tighten|"
        r"closer|lower|higher|too \w+|less \w+|more \w+)\b",
        re.IGNORECASE,
    ),
    "statement with conjunction": re.compile(r"(?<!-)\b(and|but|plus)\b(?!-)|\S [&+/] ", re.IGNORECASE),
}
_ADDRESSING = frozenset({"direct", "polite", "mixed"})
_ORDER: tuple[Aspect, ...] = (
    "addition", "negation", "direct addressing", "compare & change", "comparative statement",
    "statement with conjunction", "spatial relations & background",
)  # fmt: skip


def aspects_of(text: str, change: Change, voice: str) -> tuple[Aspect, ...]:
    """The aspects that apply, in CIRCO's order; a garment alone has neither cardinality nor viewpoint.

    Args:
        text: the modification, free of typing slips.
        change: what it asks for.
        voice: the voice that it is in; in some, somebody is told what to do.
    """
    core = _EXCEPT.sub(r"\1 except", _BESIDE_THE_POINT.sub("", text))
    found: set[Aspect] = {name for name, pattern in _PATTERNS.items() if pattern.search(core)}
    if any(edit.said["form"] in _ADDING for edit in change.edits):
        found.add("addition")
    if voice in _ADDRESSING or re.search(r"\b((show|get|give|let) me|find)\b", text, re.IGNORECASE):
        found.add("direct addressing")
    if any(edit.kind == "setting" for edit in change.edits):
        found.add("spatial relations & background")
    return tuple(name for name in _ORDER if name in found)

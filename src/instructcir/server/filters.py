"""Filters by metadata: which conditions a stranger may send, and what there is to choose from."""

from __future__ import annotations

import math
import re
import threading
from collections import Counter
from typing import Any, Literal

from instructcir.index.reader import View
from instructcir.server.refusals import Refusal
from instructcir.server.schemas import Facet, FacetValue

OPEN_COLUMNS = ("id", "width", "height", "size", "modified")
"""Columns of every index that a condition may name, beside those of metadata; the others tell of the machine."""
_WORDS = {"and", "or", "not", "in", "like", "is", "null", "between", "true", "false"}
_STRING = re.compile(r"'(?:[^']|'')*'")
_NUMBER = re.compile(r"\b\d+(?:\.\d*)?(?:[eE][+-]?\d+)?\b|\.\d+")
_WORD = re.compile(r"[^\W\d]\w*")
_SIGNS = re.compile(r"[\s()=<>!,+\-*/%]*")
MOST_VALUES = 24
"""Values of a column of text that are offered; a column with more of them is not offered."""


def checked_condition(where: str, columns: list[str]) -> str:
    """A condition that only compares open columns with values; no function is called.

    Raises:
        Refusal: it holds anything else.
    """
    allowed = {*columns, *OPEN_COLUMNS}
    rest = _NUMBER.sub(" ", _STRING.sub(" ", where))
    for word in _WORD.findall(rest):
        if word not in allowed and word.lower() not in _WORDS:
            raise Refusal(422, "bad_filter", f"a filter may name {', '.join(sorted(allowed))}; not {word[:40]!r}")
    if not _SIGNS.fullmatch(_WORD.sub(" ", rest)):
        raise Refusal(422, "bad_filter", "a filter compares columns with values: price < 50 and brand = 'x'")
    return where


class Facets:
    """What can be filtered by, computed once for each version of a gallery. Safe in threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: tuple[int, list[Facet]] | None = None

    def of(self, view: View) -> list[Facet]:
        """All facets of a gallery as it stands."""
        with self._lock:
            if self._kept is None or self._kept[0] != view.version:
                columns = view.table.user_columns
                values = view.table.select(columns).to_pydict() if columns else {}
                found = [_facet(name, values[name]) for name in columns]
                self._kept = view.version, [one for one in found if one is not None]
            return self._kept[1]


def _facet(name: str, values: list[Any]) -> Facet | None:
    known = [value for value in values if value is not None and not _is_nan(value)]
    if not known:
        return None
    if isinstance(known[0], str | bool):
        counts = Counter(known)
        if len(counts) > MOST_VALUES or len(counts) < 2:
            return None
        kind: Literal["truth", "text"] = "truth" if isinstance(known[0], bool) else "text"
        ordered = sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0])))
        return Facet(name=name, kind=kind, values=[FacetValue(value=value, count=count) for value, count in ordered])
    if isinstance(known[0], int | float) and min(known) < max(known):
        return Facet(name=name, kind="number", least=min(known), most=max(known))
    return None


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)

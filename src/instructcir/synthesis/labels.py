"""What people say of triplets, good or bad: their files, and how much of a set is good, with an interval."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from instructcir.errors import InputError
from instructcir.files import PathLike, write_atomic

GOOD, BAD = "good", "bad"
_Z = 1.959963984540054
"""Of a 95 % interval."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many of some are good.

    Attributes:
        good: how many.
        count: of how many.
        low: lower end of the 95 % interval of the share in the set that they were drawn from.
        high: its upper end.
    """

    good: int
    count: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """Good ones of all; 0 of none."""
        return self.good / self.count if self.count else 0.0


def wilson(good: int, count: int) -> Share:
    """A share with its 95 % interval by Wilson's score (1927), which holds for few and for extreme ones too.

    Args:
        good: how many are good.
        count: of how many that were drawn at random. Of none, the interval is 0 to 1.

    Raises:
        ValueError: numbers that cannot be.
    """
    if not 0 <= good <= count:
        raise ValueError(f"{good} good ones of {count}")
    if not count:
        return Share(0, 0, 0.0, 1.0)
    share, z2 = good / count, _Z**2
    middle = share + z2 / (2 * count)
    reach = _Z * math.sqrt(share * (1 - share) / count + z2 / (4 * count**2))
    low, high = ((middle + sign * reach) / (1 + z2 / count) for sign in (-1, 1))
    return Share(good, count, max(0.0, min(low, share)), min(1.0, max(high, share)))


def read_labels(path: PathLike) -> dict[str, bool]:
    """Labels by the triplet's id: whether it is good.

    Args:
        path: JSON Lines with `id` and `label` ("good" or "bad"), or one JSON array of such objects; further keys are
            ignored, and of two labels for one triplet the later counts.

    Raises:
        InputError: the file cannot be read, or an entry is something else; the message names it.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    found: dict[str, bool] = {}
    for where, entry in _entries(text, str(path)):
        if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
            raise InputError(f'{where}: write {{"id": "...", "label": "good"}}')
        if entry.get("label") not in (GOOD, BAD):
            raise InputError(f'{where}: "label" is {entry.get("label")!r}; it must be "{GOOD}" or "{BAD}"')
        found[entry["id"]] = entry["label"] == GOOD
    if not found:
        raise InputError(f"{path}: holds no labels")
    return found


def write_labels(path: PathLike, labels: Mapping[str, bool]) -> None:
    """Write labels as JSON Lines.

    Raises:
        InputError: the file cannot be written.
    """
    lines = (json.dumps({"id": name, "label": GOOD if good else BAD}) for name, good in labels.items())
    write_atomic(path, "".join(f"{line}\n" for line in lines))


def share_of(labels: Mapping[str, bool], ids: Iterable[str]) -> Share:
    """How many of the labelled ones among some triplets are good.

    Args:
        labels: what people said.
        ids: of the triplets that are asked about.
    """
    said = [labels[name] for name in ids if name in labels]
    return wilson(sum(said), len(said))


def _entries(text: str, path: str) -> list[tuple[str, object]]:
    try:
        if text.lstrip().startswith("["):
            return [(f"{path}, entry {number}", entry) for number, entry in enumerate(json.loads(text), start=1)]
        lines = enumerate(text.splitlines(), start=1)
        return [(f"{path}, line {number}", json.loads(line)) for number, line in lines if line.strip()]
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: no JSON ({error})") from None

"""Two files of triplets side by side: what only one of them has, and what was written in another way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

from instructcir.synthesis.inspected import Row
from instructcir.synthesis.statistics import Statistics, counted
from instructcir.synthesis.written import Verdict

EXAMPLES = 5
"""Triplets that are shown of each group."""


@dataclass(slots=True)
class Differences:
    """What two files share and do not; triplets are told apart by their ids.

    Attributes:
        one: counts of the first file.
        other: counts of the second.
        same: triplets that stand in both, with the same texts.
        changed: triplets whose texts differ.
        only_one: triplets of the first file alone.
        only_other: triplets of the second alone.
        changes: some that changed: (id, what it says in the second).
        added: some of the second alone: (id, what it says).
    """

    one: Statistics = field(default_factory=Statistics)
    other: Statistics = field(default_factory=Statistics)
    same: int = 0
    changed: int = 0
    only_one: int = 0
    only_other: int = 0
    changes: list[tuple[str, str]] = field(default_factory=list)
    added: list[tuple[str, str]] = field(default_factory=list)


def differences(one: Iterable[Row], other: Iterable[Row]) -> Differences:
    """Compare two files; of the first, a hash of each triplet is kept in memory.

    Args:
        one: triplets of the first file.
        other: of the second.
    """
    found = Differences()
    known = {verdict.written.id: _digest(verdict) for _, verdict in counted(one, found.one)}
    for _, verdict in counted(other, found.other):
        name = verdict.written.id
        before = known.pop(name, None)
        if before is None:
            found.only_other += 1
            if len(found.added) < EXAMPLES:
                found.added.append((name, _told(verdict)))
        elif before == _digest(verdict):
            found.same += 1
        else:
            found.changed += 1
            if len(found.changes) < EXAMPLES:
                found.changes.append((name, _told(verdict)))
    found.only_one = len(known)
    return found


def _digest(verdict: Verdict) -> bytes:
    written = verdict.written
    return blake2b("\0".join((written.instruction, written.modified_caption)).encode(), digest_size=12).digest()


def _told(verdict: Verdict) -> str:
    return f"{verdict.written.instruction} -> {verdict.written.modified_caption}"

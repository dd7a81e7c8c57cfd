"""What a run must do, from what is stored and what lies on the disk; pure, so that it can be tested without either.

A row is known by its id, which outlives renames. Content is known by its hash: whatever has a vector already, under
whatever name, is never encoded again.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from instructcir.index.scan import FileState


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A row of the table as far as planning needs it."""

    id: str
    path: str
    size: int
    mtime_ns: int
    digest: str


@dataclass(frozen=True, slots=True)
class Reuse:
    """A row to be written with the vector of a stored one: renamed, moved, touched or copied.

    Attributes:
        source: the row whose content it is.
        id: the row to write; the source's own, or for a copy another.
        file: where the content lies now.
    """

    source: str
    id: str
    file: FileState


@dataclass(slots=True)
class Plan:
    """What to do. Nothing is done twice: each file stands in one place, or is unchanged.

    Attributes:
        unchanged: files whose size and time are as stored; or those of young ones, whose content is.
        touched: same path and content, another time.
        moved: known content at another path, its old path gone.
        copied: known content at another path, its old path still there.
        encode: files with content that is new, and the ids of their rows.
        replaced: those of these ids that have a row already.
        added: how many of the files to encode have no row yet; the others replace one.
        gone: ids of rows whose files are no longer there.
        known_bad: paths of files that could not be used before and have not changed since, and why.
    """

    unchanged: int = 0
    touched: list[Reuse] = field(default_factory=list)
    moved: list[Reuse] = field(default_factory=list)
    copied: list[Reuse] = field(default_factory=list)
    encode: list[tuple[FileState, str]] = field(default_factory=list)
    replaced: set[str] = field(default_factory=set)
    added: int = 0
    gone: list[str] = field(default_factory=list)
    known_bad: list[tuple[str, str]] = field(default_factory=list)

    @property
    def reused(self) -> list[Reuse]:
        """All rows that are written without encoding."""
        return [*self.touched, *self.moved, *self.copied]


def plan_changes(
    rows: Sequence[StoredFile],
    files: Mapping[str, FileState],
    *,
    is_gone: Callable[[str], bool],
    digest_of: Callable[[str], str | None],
    kept_ids: Mapping[str, str] = MappingProxyType({}),
) -> Plan:
    """Compare what is stored with what lies on the disk.

    A file is hashed only if a stored one has the same size and its own path does not settle it: at that path lies
    another file, or a young one, whose time proves nothing.

    Args:
        rows: all that is stored. Of several at one path, which only a killed run can leave, one stays.
        files: what a scan found, by path.
        is_gone: whether a stored path that the scan did not find is known to be gone.
        digest_of: SHA-256 of a file in hexadecimal; None if it cannot be read, which encoding will then report.
        kept_ids: ids that new rows should have, by path: those of the index that this one replaces.
    """
    plan = Plan()
    twice = _ids_of_two(rows, files)
    rows = [row for row in rows if row.id not in twice]
    stored, free = _by_path(rows, files)
    sizes = {row.size for row in rows}
    free |= {row.id: row for path, row in stored.items() if path not in files and is_gone(path)}
    claims: list[tuple[FileState, str | None]] = []
    for path, file in files.items():
        row = stored.get(path)
        if row and not file.young and (row.size, row.mtime_ns) == (file.size, file.mtime_ns):
            plan.unchanged += 1
            continue
        digest = digest_of(path) if file.size in sizes else None
        if row and row.digest == digest:
            if row.mtime_ns == file.kept_ns:
                plan.unchanged += 1
            else:
                plan.touched.append(Reuse(row.id, row.id, file))
            continue
        if row:
            free[row.id] = row
        claims.append((file, digest))
    left = _move(claims, free, plan)
    _give_ids(left, stored, rows, free, plan, kept_ids)
    plan.gone = sorted({*(row.id for row in free.values()), *twice})
    return plan


def _ids_of_two(rows: Sequence[StoredFile], files: Mapping[str, FileState]) -> set[str]:
    """Ids that several rows have, as two writers at once can leave them: both rows go, and the file is encoded anew."""
    counts = Counter(row.id for row in rows)
    return {row.id for row in rows if counts[row.id] > 1 and row.path in files}


def _by_path(
    rows: Sequence[StoredFile], files: Mapping[str, FileState]
) -> tuple[dict[str, StoredFile], dict[str, StoredFile]]:
    """Rows by path, one each, and by id those that another row at their path leaves over."""
    stored: dict[str, StoredFile] = {}
    over: dict[str, StoredFile] = {}
    for row in sorted(rows, key=lambda row: row.id):
        file = files.get(row.path)
        first = stored.setdefault(row.path, row)
        if first is not row:
            better = file is not None and (row.size, row.mtime_ns) == (file.size, file.mtime_ns)
            stored[row.path] = row if better else first
            loser = first if better else row
            over[loser.id] = loser
    return stored, over


def _move(
    claims: list[tuple[FileState, str | None]], free: dict[str, StoredFile], plan: Plan
) -> list[tuple[FileState, str | None]]:
    """Let claims take rows of the same content that are free; return the other claims."""
    by_digest: dict[str, list[str]] = {}
    for row in sorted(free.values(), key=lambda row: row.path, reverse=True):
        by_digest.setdefault(row.digest, []).append(row.id)
    left = []
    for file, digest in claims:
        if digest and by_digest.get(digest):
            taken = by_digest[digest].pop()
            del free[taken]
            plan.moved.append(Reuse(taken, taken, file))
        else:
            left.append((file, digest))
    return left


def _give_ids(
    claims: list[tuple[FileState, str | None]],
    stored: Mapping[str, StoredFile],
    rows: Sequence[StoredFile],
    free: dict[str, StoredFile],
    plan: Plan,
    kept_ids: Mapping[str, str],
) -> None:
    """Copies of known content, and content to encode; a file that replaces another's content keeps its row's id."""
    sources = {row.digest: row.id for row in rows}
    used = {row.id for row in rows}
    for file, digest in claims:
        row = stored.get(file.path)
        if row and row.id in free:
            own = row.id
            del free[own]
        else:
            own = kept_ids.get(file.path, "")
            if not own or own in used:
                own = new_id(file.path, used)
            used.add(own)
            plan.added += digest not in sources
        if digest in sources:
            plan.copied.append(Reuse(sources[digest], own, file))
        else:
            plan.encode.append((file, own))
            if row and own == row.id:
                plan.replaced.add(own)


def new_id(path: str, used: set[str]) -> str:
    """An id for a new row, 16 hexadecimal digits: the path's hash, or where another row has it the next free one."""
    for number in range(len(used) + 1):
        name = path if number == 0 else f"{path}\0{number}"
        made = hashlib.blake2b(name.encode(), digest_size=8).hexdigest()
        if made not in used:
            return made
    raise AssertionError("more names than ids cannot all be taken")

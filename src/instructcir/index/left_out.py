"""Files that could not be used, remembered until they change, so that no run decodes them again."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from instructcir.files import write_atomic
from instructcir.index.plan import Plan
from instructcir.index.scan import FileState
from instructcir.remote import Place, is_remote
from instructcir.version import __version__

LEFT_OUT = "left_out.jsonl"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that could not be used.

    Attributes:
        path: the file's.
        size: bytes that it then had.
        mtime_ns: its time then, as `FileState.kept_ns`.
        reason: what is wrong with it.
        version: of this package that said so; another may be able to read it.
    """

    path: str
    size: int
    mtime_ns: int
    reason: str
    version: str = __version__


def read_left_out(folder: Place) -> dict[str, LeftOut]:
    """What an index remembers, by path; nothing where the file is missing or damaged: files are then tried again."""
    try:
        lines = (folder / LEFT_OUT).read_text(encoding="utf-8").splitlines()
        found = [LeftOut(**json.loads(line)) for line in lines]
    except (OSError, ValueError, TypeError):
        return {}
    return {one.path: one for one in found if one.version == __version__}


def put_aside(plan: Plan, known: Mapping[str, LeftOut]) -> None:
    """Move files that are known to be unusable and have not changed from a plan's `encode` to its `known_bad`."""
    left = []
    for file, own in plan.encode:
        bad = known.get(file.path)
        if bad and (bad.size, bad.mtime_ns) == (file.size, file.mtime_ns):
            plan.known_bad.append((file.path, bad.reason))
            plan.added -= 1
        else:
            left.append((file, own))
    plan.encode = left


def remember_left_out(
    folder: Place,
    known: Mapping[str, LeftOut],
    files: Mapping[str, FileState],
    problems: Sequence[tuple[str, str]],
) -> None:
    """Write down the files of a run that could not be used; those of other folders stay, those that are gone go.

    A file that this user may not read is not remembered: the right to read it can come back without a new time.

    Args:
        folder: the index's.
        known: what was remembered before.
        files: what the scan found.
        problems: path and reason of all files that could not be used, those known before among them.

    Raises:
        InputError: the disk refuses.
    """
    now = {
        path: LeftOut(path, files[path].size, files[path].kept_ns, reason)
        for path, reason in problems
        if path in files and (is_remote(path) or os.access(path, os.R_OK))
    }
    elsewhere = {
        path: one for path, one in known.items() if path not in files and (is_remote(path) or os.path.lexists(path))
    }
    kept = {**elsewhere, **now}
    if kept != known:
        write_atomic(folder / LEFT_OUT, "".join(json.dumps(asdict(one)) + "\n" for one in kept.values()))

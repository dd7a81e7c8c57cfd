"""Which picture files lie in some folders: names, sizes and times, no content read."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from instructcir.errors import StoreError
from instructcir.files import PathLike
from instructcir.items import PICTURE_SUFFIXES
from instructcir.remote import is_remote, is_young, objects_below, time_to_keep


@dataclass(frozen=True, slots=True)
class FileState:
    """A file as the system lists it.

    Attributes:
        path: absolute, or an address.
        size: bytes.
        mtime_ns: time of the last change, in nanoseconds since 1970.
        young: whether a later change can have the same time (`remote.is_young`).
    """

    path: str
    size: int
    mtime_ns: int
    young: bool = False

    @property
    def kept_ns(self) -> int:
        """The time to store."""
        return time_to_keep(self.mtime_ns, self.young)


@dataclass(slots=True)
class Scan:
    """What a scan found.

    Attributes:
        folders: the ones that were scanned, absolute, links resolved.
        files: picture files by path.
        problems: path and reason of what could not be looked at.
        closed: folders that could not be listed; nothing is known of the files below them.
        others: files whose names are no pictures'.
    """

    folders: list[str]
    files: dict[str, FileState] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    others: int = 0

    def covers(self, path: str) -> bool:
        """Whether the scan would have found this file if it was still there."""
        return _is_below(path, self.folders) and not _is_below(path, self.closed)


def scan(folders: Sequence[PathLike]) -> Scan:
    """List the picture files in folders and all below.

    Hidden files and folders are left out. Links to files are followed; links to folders are named and not followed, so
    that no loop is possible. A folder below that cannot be listed is a problem, not an error.

    Args:
        folders: each must exist and be readable.

    Raises:
        StoreError: a folder does not exist or cannot be listed: its pictures must not count as deleted.
    """
    roots = [_root(os.fspath(folder)) for folder in folders]
    result = Scan(roots)
    for given, root in zip(folders, roots, strict=True):
        if is_remote(root):
            _take_objects(root, result)
            continue
        if not os.path.isdir(root):
            raise StoreError(f"{os.fspath(given)}: no such folder; name a folder that holds pictures")
        try:
            os.scandir(root).close()
        except OSError as error:
            raise StoreError(f"{os.fspath(given)}: cannot be listed ({error.strerror or error})") from error
        for entry in _entries(root, result):
            _take(entry, result)
    return result


def _root(folder: str) -> str:
    return folder.rstrip("/") if is_remote(folder) else os.path.realpath(folder)


def _take_objects(root: str, result: Scan) -> None:
    """All objects below an address; hidden ones are left out, as files are."""
    before, looked = len(result.files) + result.others, time.time_ns()
    try:
        for found in objects_below(root):
            below = found.address[len(root) + 1 :]
            if any(part.startswith(".") for part in below.split("/")):
                continue
            if below.lower().endswith(PICTURE_SUFFIXES):
                young = is_young(found.mtime_ns, looked)
                result.files[found.address] = FileState(found.address, found.size, found.mtime_ns, young)
            else:
                result.others += 1
    except OSError as error:
        raise StoreError(f"{root}: cannot be listed ({' '.join(str(error).split())[:200]})") from error
    if len(result.files) + result.others == before:  # no folder exists without an object; none may mean a wrong name
        raise StoreError(f"{root}: no object lies below this address; name a prefix that holds pictures")


def _entries(root: str, result: Scan) -> Iterator[os.DirEntry[str]]:
    """All files below a folder, in a fixed order, hidden ones left out."""
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            result.problems.append((folder, f"cannot be listed ({error.strerror or error})"))
            result.closed.append(folder)
            continue
        below = []
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                below.append(entry.path)
            else:
                yield entry
        waiting.extend(reversed(below))


def _take(entry: os.DirEntry[str], result: Scan) -> None:
    if entry.is_symlink() and os.path.isdir(entry.path):
        shown = entry.path.encode(errors="surrogateescape").decode(errors="replace")
        result.problems.append((shown, "links to a folder, and is not followed; name that folder, too, if wanted"))
        return
    if not entry.name.lower().endswith(PICTURE_SUFFIXES):
        result.others += 1
        return
    try:
        entry.path.encode()
        found = entry.stat()
    except UnicodeEncodeError:
        shown = entry.path.encode(errors="surrogateescape").decode(errors="replace")
        result.problems.append((shown, "its name is not UTF-8; rename it"))
        return
    except OSError as error:
        result.problems.append((entry.path, f"cannot be looked at ({error.strerror or error})"))
        return
    if stat.S_ISREG(found.st_mode):
        result.files[entry.path] = FileState(entry.path, found.st_size, found.st_mtime_ns)
    elif not stat.S_ISDIR(found.st_mode):
        result.problems.append((entry.path, "is no regular file"))


def _is_below(path: str, folders: Sequence[str]) -> bool:
    return any(path.startswith(folder.rstrip(os.sep) + os.sep) for folder in folders)

"""Where the files of a benchmark lie: people arrange them in several ways, and all known ones are tried."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from instructcir.errors import InputError

SUFFIXES = (".jpg", ".png", ".jpeg", ".webp", ".JPG")


def find_root(root: Path, folders: Sequence[str], markers: Sequence[str], benchmark: str) -> Path:
    """The folder that a benchmark's annotation files are relative to: the given one, or one of these names in it.

    Args:
        root: what a person named.
        folders: names under which people keep this benchmark, tried in turn.
        markers: relative paths, each of which is enough to recognise it.
        benchmark: its name, for the message.

    Raises:
        InputError: none of the markers is there.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; name the one that holds the files of {benchmark}")
    for base in (root, *(root / name for name in folders)):
        if any((base / marker).exists() for marker in markers):
            return base
    raise InputError(
        f"{root}: no {benchmark} here: there is no {markers[0]}, nor in a folder {' or '.join(folders)}; "
        f"`instructcir data where {benchmark}` says what belongs there"
    )


def first_file(candidates: Iterable[Path], remedy: str) -> Path:
    """The first of these files that exists.

    Raises:
        InputError: none does; the message names the first.
    """
    tried = list(candidates)
    for path in tried:
        if path.is_file():
            return path
    raise InputError(f"{tried[0]}: no such file; {remedy}")


class Shelf:
    """Folders whose names are read once, so that a hundred thousand pictures are found without asking for each."""

    def __init__(self) -> None:
        self._names: dict[Path, frozenset[str]] = {}

    def holds(self, path: Path) -> bool:
        """Whether there is such a file or folder."""
        folder = path.parent
        if folder not in self._names:
            try:
                self._names[folder] = frozenset(os.listdir(folder))
            except OSError:  # no such folder, or none that may be read: its files are not there
                self._names[folder] = frozenset()
        return path.name in self._names[folder]

    def first(self, candidates: Sequence[Path]) -> Path:
        """The first of these files that exists, else the first of all: where it belongs."""
        return next((path for path in candidates if self.holds(path)), candidates[0])

    def folders(self, candidates: Sequence[Path]) -> list[Path]:
        """The first of these folders, where files belong, and those of the others that exist."""
        return [candidates[0], *(folder for folder in candidates[1:] if folder.is_dir())]

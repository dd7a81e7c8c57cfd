"""Vectors that were made before: a folder for each model, in it one file for each piece of work that was finished.

A key names what a vector is of: a picture's bytes, the region, the modification. Files are written whole and never
changed, so an interrupted run loses one piece at most, and several runs may share a folder.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from instructcir.benchmarks.benchmark import Picture
from instructcir.errors import InputError
from instructcir.files import PathLike, sha256_of, write_atomic

Floats = npt.NDArray[np.float32]

_DIGESTS = "digests.json"


class VectorCache:
    """Vectors of one model by key.

    Args:
        folder: for all models; it is made if its parent exists.
        fingerprint: of the model.

    Raises:
        InputError: the folder cannot be made, or holds files that are none of these.
    """

    def __init__(self, folder: PathLike, fingerprint: str) -> None:
        self._top = Path(folder)
        self._folder = self._top / fingerprint[:32]
        try:
            self._top.mkdir(exist_ok=True)
            self._folder.mkdir(exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{folder}: no folder for vectors can be made there ({error.strerror or error})"
            ) from error
        self._rows: dict[str, tuple[Path, int]] = {}
        for path in sorted(self._folder.glob("*.npz")):
            self._rows |= {key: (path, row) for row, key in enumerate(_read(path, "keys").tolist())}
        self._digests = self._known_digests()
        self._new_digests = False

    def __contains__(self, key: str) -> bool:
        return key in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def vectors(self, keys: list[str]) -> Floats:
        """Vectors (N, D) by their keys, which must all be there; each file is read once."""
        places: dict[Path, list[tuple[int, int]]] = {}
        for number, key in enumerate(keys):
            path, row = self._rows[key]
            places.setdefault(path, []).append((number, row))
        found: Floats | None = None
        for path, pairs in places.items():
            stored = _read(path, "vectors")
            if found is None:
                found = np.empty((len(keys), stored.shape[1]), dtype=np.float32)
            found[[number for number, _ in pairs]] = stored[[row for _, row in pairs]]
        return np.zeros((0, 0), dtype=np.float32) if found is None else found

    def store(self, vectors: Mapping[str, Floats]) -> None:
        """Keep vectors; the file is complete or absent.

        Raises:
            InputError: the disk refuses.
        """
        if not vectors:
            return
        keys = list(vectors)
        content = io.BytesIO()
        np.savez(content, keys=np.array(keys), vectors=np.stack([vectors[key] for key in keys]).astype(np.float32))
        path = self._folder / f"{hashlib.sha256(''.join(keys).encode()).hexdigest()[:32]}.npz"
        write_atomic(path, content.getvalue())
        self._rows |= {key: (path, row) for row, key in enumerate(keys)}
        if self._new_digests:
            write_atomic(self._top / _DIGESTS, json.dumps(self._digests))
            self._new_digests = False

    def key(self, picture: Picture, modification: str | None) -> str:
        """What names the vector of a picture (modification None) or of a composed query.

        The file's bytes are read once; while its size and time stay, their hash is remembered.

        Raises:
            InputError: the file cannot be read.
        """
        what = [self.digest(picture.path), picture.box, modification]
        return hashlib.sha256(json.dumps(what).encode()).hexdigest()

    def digest(self, path: Path) -> str:
        """SHA-256 of a picture's file; remembered as long as its size and time stay.

        Raises:
            InputError: the file cannot be read.
        """
        try:
            stat = path.stat()
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
        state = f"{path.absolute()}|{stat.st_size}|{stat.st_mtime_ns}"
        if state not in self._digests:
            self._digests[state] = sha256_of(path)
            self._new_digests = True
        return self._digests[state]

    def _known_digests(self) -> dict[str, str]:
        path = self._top / _DIGESTS
        try:
            found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        except (OSError, ValueError):  # it only saves time: what it held is read from the pictures again
            return {}
        return found if isinstance(found, dict) else {}


def _read(path: Path, name: str) -> npt.NDArray[np.float32]:
    try:
        with path.open("rb") as stream:
            array: npt.NDArray[np.float32] = np.load(stream, allow_pickle=False)[name]
            return array
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: no file of stored vectors ({error}); remove it") from None

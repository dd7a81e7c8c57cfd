"""A gallery open for reading: vectors in memory-mapped files beside the table, exact scores, rows by condition.

Shape letters: G gallery, D dimensions.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from instructcir.errors import InstructcirError
from instructcir.files import atomic_folder
from instructcir.index.manifest import Manifest
from instructcir.index.table import PictureTable
from instructcir.index.vectors import unpack

Floats = npt.NDArray[np.float32]
CACHE = "cache"
_BLOCK = 32768


class Gallery:
    """A stored gallery at one version of its table; `refresh` goes on to the newest.

    Attributes:
        folder: the index's.
        manifest: what it says about itself.
        ids_G: ids of all pictures, ascending.
        vectors_GD: their unit vectors, float32, memory-mapped where the disk allows.
    """

    ids_G: npt.NDArray[np.str_]
    vectors_GD: Floats

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = Manifest.read(folder)
        self.table = PictureTable.open(folder)
        self._load()

    def __len__(self) -> int:
        return len(self.ids_G)

    @property
    def version(self) -> int:
        """The table's version that is open."""
        return self.table.version

    def refresh(self) -> bool:
        """Go on to the newest version; whether there was a newer one.

        Raises:
            StoreError: the table cannot be read.
        """
        before = self.version
        self.table.refresh()
        if self.version == before:
            return False
        self._load()
        return True

    def scores(self, query_D: Floats) -> Floats:
        """Cosines (G,) of a unit vector with all pictures, block by block."""
        scores_G = np.empty(len(self), dtype=np.float32)
        for start in range(0, len(self), _BLOCK):
            scores_G[start : start + _BLOCK] = self.vectors_GD[start : start + _BLOCK] @ query_D
        return scores_G

    def matching(self, where: str) -> npt.NDArray[np.bool_]:
        """Which pictures (G,) a condition in SQL words holds for.

        Raises:
            StoreError: the condition cannot be understood.
        """
        found = self.table.select(["id"], where)["id"].to_pylist()
        return np.isin(self.ids_G, np.array(found, dtype=self.ids_G.dtype))

    def numbers_of(self, ids: Sequence[str]) -> list[int]:
        """Places of these ids in `ids_G`; those that are not there are left out."""
        places: list[int] = np.searchsorted(self.ids_G, ids).tolist() if len(self) else []
        return [p for p, one in zip(places, ids, strict=False) if p < len(self) and self.ids_G[p] == one]

    def vectors_of(self, ids: Sequence[str]) -> Floats:
        """Unit vectors (N, D) of these ids; those that are not there are left out."""
        return np.asarray(self.vectors_GD[self.numbers_of(ids)])

    def describe(self, numbers: Sequence[int], columns: Sequence[str]) -> list[dict[str, Any]]:
        """Columns of some pictures, in this order."""
        wanted = [str(self.ids_G[number]) for number in numbers]
        rows = self.table.rows(wanted, list(dict.fromkeys(["id", *columns]))).to_pylist() if wanted else []
        by_id = {row["id"]: row for row in rows}
        return [by_id[one] for one in wanted]

    def _load(self) -> None:
        """Map the vectors of the open version, made anew where no reader has made them yet."""
        kept = self.folder / CACHE / f"v{self.version}"
        try:
            if not kept.is_dir():
                self._store(kept)
            self.ids_G = np.load(kept / "ids.npy")
            self.vectors_GD = np.load(kept / "vectors.npy", mmap_mode="r")
        except (OSError, ValueError, InstructcirError):
            # a read-only place, a full disk, a newer reader that has removed this version: then in memory
            self.ids_G, self.vectors_GD = self._read()

    def _store(self, kept: Path) -> None:
        ids_G, vectors_GD = self._read()
        kept.parent.mkdir(exist_ok=True)
        with atomic_folder(kept) as folder:
            np.save(folder / "ids.npy", ids_G)
            np.save(folder / "vectors.npy", vectors_GD)
        for other in kept.parent.iterdir():
            if other.name.startswith("v") and other.name[1:].isdigit() and int(other.name[1:]) < self.version:
                shutil.rmtree(other, ignore_errors=True)  # whoever has mapped it keeps it

    def _read(self) -> tuple[npt.NDArray[np.str_], Floats]:
        dimension = self.manifest.identity.dimension
        ids: list[str] = []
        parts = [np.zeros((0, dimension), dtype=np.float32)]
        for batch in self.table.batches(["id", "vector", "scale"]):
            ids += batch["id"].to_pylist()
            parts.append(unpack(batch["vector"], batch["scale"]))
        ids_G = np.array(ids, dtype="<U16")
        order = np.argsort(ids_G, kind="stable")
        return ids_G[order], np.concatenate(parts)[order]

"""Vectors beside the table, ready to be mapped into memory, and only what has changed since read from the table.

A cache is a folder of three arrays, never changed once it is there. It serves every version of the table: a row whose
id and content it knows has the vector that it holds. Rows that it lacks are read and kept in memory, until they are so
many that a new cache is worth its writing.

Shape letters: G gallery, B rows of the cache, E rows beside it, D dimensions.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from instructcir.errors import InstructcirError
from instructcir.files import atomic_folder
from instructcir.index.table import PictureTable
from instructcir.index.vectors import unpack

Floats = npt.NDArray[np.float32]
Texts = npt.NDArray[np.str_]
Numbers = npt.NDArray[np.int64]
CACHE = "cache"
_BLOCK = 32768
_FEW = 2048
_SHARE = 8  # rows beside the cache, or dead ones in it, up to one in so many


@dataclass(frozen=True, eq=False)
class StoredVectors:
    """Vectors of a gallery in two parts.

    Attributes:
        base_BD: of the cache, memory-mapped where the disk allows.
        extra_ED: rows that the cache lacks.
        places_G: where each row's vector is: below B in the cache, from B on beside it; None where the cache is the
            gallery, row by row.
    """

    base_BD: Floats
    extra_ED: Floats
    places_G: Numbers | None

    def products(self, query_D: Floats) -> Floats:
        """Dot products (G,) with all rows, block by block."""
        base = len(self.base_BD)
        products = np.empty(base + len(self.extra_ED), dtype=np.float32)
        for start in range(0, base, _BLOCK):
            block_D = self.base_BD[start : start + _BLOCK]
            np.matmul(block_D, query_D, out=products[start : start + len(block_D)])
        products[base:] = self.extra_ED @ query_D
        return products if self.places_G is None else products[self.places_G]

    def take(self, numbers: npt.ArrayLike) -> Floats:
        """Vectors (N, D) of some rows."""
        rows = np.asarray(numbers, dtype=np.int64)
        if self.places_G is None:
            return np.asarray(self.base_BD[rows])
        places, base = self.places_G[rows], len(self.base_BD)
        made = np.empty((len(rows), self.base_BD.shape[1]), dtype=np.float32)
        made[places < base] = self.base_BD[places[places < base]]
        made[places >= base] = self.extra_ED[places[places >= base] - base]
        return made


def load_vectors(folder: Path, table: PictureTable, dimension: int) -> tuple[Texts, StoredVectors]:
    """Ids of a table's open version, ascending, and their vectors.

    Args:
        folder: the index's.
        table: at the version to be read.
        dimension: D.

    Raises:
        StoreError: the table cannot be read.
    """
    ids_G, digests_G = _keys(table)
    kept = _newest(folder, dimension)
    if kept is not None:
        places_G, missing = _places(ids_G, digests_G, *kept[:2])
        base = len(kept[0])
        if len(missing) <= max(_FEW, base // _SHARE) and base - len(ids_G) <= max(_FEW, base // _SHARE):
            extra_ED = _read(table, ids_G[missing], dimension)
            places_G[missing] = base + np.arange(len(missing))
            same = len(ids_G) == base and not len(missing)
            return ids_G, StoredVectors(kept[2], extra_ED, None if same else places_G)
    return ids_G, StoredVectors(_store(folder, table, ids_G, digests_G, dimension), _none(dimension), None)


def _keys(table: PictureTable) -> tuple[Texts, Texts]:
    """Ids, ascending, and the beginnings of their contents' hashes."""
    ids: list[str] = []
    digests: list[str] = []
    for batch in table.batches(["id", "digest"]):
        ids += batch["id"].to_pylist()
        digests += [digest[:16] for digest in batch["digest"].to_pylist()]
    ids_G, digests_G = np.array(ids, dtype="<U16"), np.array(digests, dtype="<U16")
    order = np.argsort(ids_G, kind="stable")
    return ids_G[order], digests_G[order]


def _places(ids_G: Texts, digests_G: Texts, ids_B: Texts, digests_B: Texts) -> tuple[Numbers, Numbers]:
    """The cache's row of each row that it holds, and the numbers of the others."""
    places_G = np.searchsorted(ids_B, ids_G).astype(np.int64)
    inside = np.minimum(places_G, max(len(ids_B) - 1, 0))
    known = np.zeros(len(ids_G), dtype=np.bool_)
    if len(ids_B):
        known = (ids_B[inside] == ids_G) & (digests_B[inside] == digests_G)
    return places_G, np.flatnonzero(~known)


def _read(table: PictureTable, ids: Texts, dimension: int) -> Floats:
    """Vectors of some ids, in their order."""
    if not len(ids):
        return _none(dimension)
    rows = table.rows(ids.tolist(), ["id", "vector", "scale"])
    order = np.argsort(np.array(rows["id"].to_pylist(), dtype="<U16"), kind="stable")
    return unpack(rows["vector"], rows["scale"])[order]


def _newest(folder: Path, dimension: int) -> tuple[Texts, Texts, Floats] | None:
    for kept in sorted(_caches(folder), key=_number, reverse=True):
        try:
            ids_B, digests_B = np.load(kept / "ids.npy"), np.load(kept / "digests.npy")
            base_BD = np.load(kept / "vectors.npy", mmap_mode="r") if len(ids_B) else _none(dimension)
        except (OSError, ValueError):  # another reader has just put a newer one in its place
            continue
        if base_BD.shape == (len(ids_B), dimension):
            return ids_B, digests_B, base_BD
    return None


def _store(folder: Path, table: PictureTable, ids_G: Texts, digests_G: Texts, dimension: int) -> Floats:
    """Write a cache of the open version and map it; in memory alone where it cannot be written."""
    kept = folder / CACHE / f"v{table.version}"
    try:
        kept.parent.mkdir(exist_ok=True)
        with atomic_folder(kept, replace=True) as new:
            shape = (len(ids_G), dimension)
            np.save(new / "ids.npy", ids_G)
            np.save(new / "digests.npy", digests_G)
            if len(ids_G):
                vectors_GD = np.lib.format.open_memmap(new / "vectors.npy", "w+", np.float32, shape)
                _fill(vectors_GD, table, ids_G)
                vectors_GD.flush()
        found = np.load(kept / "vectors.npy", mmap_mode="r") if len(ids_G) else _none(dimension)
    except (OSError, InstructcirError):  # a read-only place, a full disk, another reader that was faster
        found = np.empty((len(ids_G), dimension), dtype=np.float32)
        _fill(found, table, ids_G)
    else:
        for other in _caches(folder):
            if _number(other) < table.version:
                shutil.rmtree(other, ignore_errors=True)  # whoever has mapped it keeps it
    return found


def _fill(vectors_GD: Any, table: PictureTable, ids_G: Texts) -> None:
    for batch in table.batches(["id", "vector", "scale"]):
        rows = np.searchsorted(ids_G, np.array(batch["id"].to_pylist(), dtype=ids_G.dtype))
        vectors_GD[rows] = unpack(batch["vector"], batch["scale"])


def _caches(folder: Path) -> list[Path]:
    try:
        return [one for one in (folder / CACHE).iterdir() if one.name.startswith("v") and one.name[1:].isdigit()]
    except OSError:
        return []


def _number(cache: Path) -> int:
    return int(cache.name[1:])


def _none(dimension: int) -> Floats:
    return np.zeros((0, dimension), dtype=np.float32)

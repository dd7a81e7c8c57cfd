"""Vectors beside the table, ready to be mapped into memory, and only what has changed since read from the table.

A cache is a folder of arrays, never changed once it is there. Opened at its own version of the table, it is all that is
needed. At another version it still serves: a row whose id and content it knows has the vector that it holds; rows that
it lacks are read and kept in memory beside it, until the gallery is opened anew or they have become many.

Shape letters: G gallery, Q queries, B rows of the cache, E rows beside it, D dimensions.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from instructcir.errors import InstructcirError
from instructcir.files import atomic_folder
from instructcir.index import coarse
from instructcir.index.coarse import Coarse, Estimates
from instructcir.index.table import PictureTable
from instructcir.index.vectors import unpack

Floats = npt.NDArray[np.float32]
Texts = npt.NDArray[np.str_]
Numbers = npt.NDArray[np.int64]
CACHE = "cache"
_FEW = 2048
_SHARE = 8  # rows beside the cache, or dead ones in it, up to one in so many
_AT_ONCE = 8192
_MANY = 16  # queries from which on the product in float32 costs less than the one in eight bits


@dataclass(frozen=True, eq=False)
class Keys:
    """What identifies the rows of one version of a table.

    Attributes:
        ids_G: ascending.
        digests_G: beginnings of their contents' hashes, 16 hexadecimal digits.
        places_G: where the table has them, for `PictureTable.rows_at`.
    """

    ids_G: Texts
    digests_G: Texts
    places_G: Numbers

    @classmethod
    def of(cls, table: PictureTable) -> Keys:
        """Those of the version that is open."""
        found = table.places()
        ids_G = np.array(found["id"].to_pylist(), dtype="<U16")
        digests_G = np.array([digest[:16] for digest in found["digest"].to_pylist()], dtype="<U16")
        order = np.argsort(ids_G, kind="stable")
        return cls(ids_G[order], digests_G[order], found["_rowid"].to_numpy().astype(np.int64)[order])


@dataclass(frozen=True, eq=False)
class StoredVectors:
    """Vectors of a gallery in two parts.

    Attributes:
        base_BD: of the cache, memory-mapped where the disk allows.
        extra_ED: rows that the cache lacks.
        slots_G: where each row's vector is: below B in the cache, from B on beside it; None where the cache is the
            gallery, row by row.
        coarse: the cache's vectors in eight bits; None where there are few.
    """

    base_BD: Floats
    extra_ED: Floats
    slots_G: Numbers | None = None
    coarse: Coarse | None = None

    def products(self, query_D: Floats) -> Floats:
        """Dot products (G,) of a query (D,) with all rows, or (Q, G) of several (Q, D)."""
        # with few queries twice as fast as the other way round
        return self._with_extra((self.base_BD @ query_D.T).T, query_D)

    def quick_products(self, query_D: Floats) -> Floats:
        """The same within the bounds of `Estimates`, where `has_quick`; of one query in a third of the time."""
        if self.coarse is None or (query_D.ndim == 2 and len(query_D) >= _MANY):
            return self.products(query_D)
        return self._with_extra(self.coarse.products(query_D), query_D)

    @cached_property
    def has_quick(self) -> bool:
        """Whether there are eight bits, and this machine multiplies them quickly and as is expected."""
        return self.coarse is not None and self.coarse.agrees(self.base_BD)

    def estimates(self, query_D: Floats, products_G: Floats) -> Estimates:
        """What `quick_products` says of one query; only where `has_quick`."""
        assert self.coarse is not None
        return Estimates(query_D, products_G, self._losses_G, self.coarse.most_lost)

    @cached_property
    def _losses_G(self) -> Floats:
        assert self.coarse is not None
        if self.slots_G is None:
            return self.coarse.losses_B
        return np.concatenate([self.coarse.losses_B, np.zeros(len(self.extra_ED), np.float32)])[self.slots_G]

    def _with_extra(self, products: Floats, query_D: Floats) -> Floats:
        if self.slots_G is None:
            return products
        return np.concatenate([products, (self.extra_ED @ query_D.T).T], axis=-1)[..., self.slots_G]

    def take(self, numbers: npt.ArrayLike) -> Floats:
        """Vectors (N, D) of some rows."""
        rows = np.asarray(numbers, dtype=np.int64)
        if self.slots_G is None:
            return np.asarray(self.base_BD[rows])
        slots, base = self.slots_G[rows], len(self.base_BD)
        made = np.empty((len(rows), self.base_BD.shape[1]), dtype=np.float32)
        made[slots < base] = self.base_BD[slots[slots < base]]
        made[slots >= base] = self.extra_ED[slots[slots >= base] - base]
        return made


def open_vectors(folder: Path, table: PictureTable, dimension: int) -> tuple[Keys, StoredVectors]:
    """Rows of a table's open version and their vectors, from a cache of this very version, which is written if missing.

    Args:
        folder: the index's.
        table: at the version to be read.
        dimension: D.

    Raises:
        StoreError: the table cannot be read.
    """
    kept = _read_cache(_cache(folder, table), dimension)
    if kept is not None and (kept[2] is not None or not coarse.is_worth(*kept[1].shape)):
        return kept[0], StoredVectors(kept[1], _none(dimension), coarse=kept[2])
    return _written(folder, table, *follow_vectors(folder, table, dimension))


def follow_vectors(folder: Path, table: PictureTable, dimension: int) -> tuple[Keys, StoredVectors]:
    """The same for a gallery that is open and whose table has changed: nothing is written where few rows are new.

    Raises:
        StoreError: the table cannot be read.
    """
    keys = Keys.of(table)
    for kept in map(lambda path: _read_cache(path, dimension), sorted(_caches(folder), key=_number, reverse=True)):
        if kept is None:  # another reader has just put a newer one in its place
            continue
        known, base_BD, coarse_B = kept
        slots_G, missing = _slots(keys, known)
        few = max(_FEW, len(base_BD) // _SHARE)
        extra_ED = _read(table, keys, missing, dimension)
        slots_G[missing] = len(base_BD) + np.arange(len(missing))
        found = StoredVectors(base_BD, extra_ED, slots_G, coarse_B)
        dead = len(base_BD) + len(missing) - len(keys.ids_G)
        return (keys, found) if max(len(missing), dead) <= few else _written(folder, table, keys, found)
    everything = np.arange(len(keys.ids_G))
    nothing = StoredVectors(_none(dimension), _none(dimension))
    return _written(folder, table, keys, nothing, missing=everything)


def _slots(keys: Keys, known: Keys) -> tuple[Numbers, Numbers]:
    """The cache's row of each row that it holds, and the numbers of the others."""
    slots_G = np.searchsorted(known.ids_G, keys.ids_G).astype(np.int64)
    if not len(known.ids_G):
        return slots_G, np.arange(len(slots_G))
    inside = np.minimum(slots_G, len(known.ids_G) - 1)
    same = (known.ids_G[inside] == keys.ids_G) & (known.digests_G[inside] == keys.digests_G)
    return slots_G, np.flatnonzero(~same)


def _read(table: PictureTable, keys: Keys, numbers: Numbers, dimension: int) -> Floats:
    """Vectors of some rows, given in ascending order: taken one by one, or of many by a walk through the table."""
    read_ND = np.empty((len(numbers), dimension), dtype=np.float32)
    if len(numbers) > _AT_ONCE:
        _walk(table, keys, numbers, read_ND)
    elif len(numbers):
        rows = table.rows_at(keys.places_G[numbers].tolist(), ["id", "vector", "scale"])
        order = np.argsort(np.array(rows["id"].to_pylist(), dtype="<U16"), kind="stable")  # as the numbers are
        read_ND[:] = unpack(rows["vector"], rows["scale"])[order]
    return read_ND


def _walk(table: PictureTable, keys: Keys, numbers: Numbers, read_ND: Any) -> None:
    """Put the vectors of some rows into a matrix, in their order, on one walk through the table."""
    slot_G = np.full(len(keys.ids_G), -1, dtype=np.int64)
    slot_G[numbers] = np.arange(len(numbers))
    for batch in table.batches(["id", "vector", "scale"]):
        ids = np.array(batch["id"].to_pylist(), dtype=keys.ids_G.dtype)
        slots = slot_G[np.searchsorted(keys.ids_G, ids)]
        read_ND[slots[slots >= 0]] = unpack(batch["vector"], batch["scale"])[slots >= 0]


def _written(
    folder: Path, table: PictureTable, keys: Keys, found: StoredVectors, missing: Numbers | None = None
) -> tuple[Keys, StoredVectors]:
    """Write a cache of the open version and map it; where it cannot be written, all stays in memory.

    Args:
        folder: the index's.
        table: its table.
        keys: of the open version.
        found: vectors.
        missing: all rows, where none was found.
    """
    dimension = found.base_BD.shape[1]

    def fill(vectors_GD: Any) -> None:
        if missing is not None:
            _walk(table, keys, missing, vectors_GD)
            return
        for start in range(0, len(vectors_GD), _AT_ONCE):
            some = np.arange(start, min(start + _AT_ONCE, len(vectors_GD)))
            vectors_GD[some] = found.take(some)

    path = _cache(folder, table)
    try:
        _write(path, keys, dimension, fill)
        kept = _read_cache(path, dimension)
    except (OSError, InstructcirError):  # a read-only place, a full disk, another reader that was faster
        kept = None
    if kept is not None:
        for other in _caches(folder):
            if _number(other) < table.version:
                shutil.rmtree(other, ignore_errors=True)  # whoever has mapped it keeps it
        return keys, StoredVectors(kept[1], _none(dimension), coarse=kept[2])
    if missing is None:
        return keys, found
    in_memory = np.empty((len(keys.ids_G), dimension), dtype=np.float32)
    fill(in_memory)
    return keys, StoredVectors(in_memory, _none(dimension))


def _write(path: Path, keys: Keys, dimension: int, fill: Callable[[Any], None]) -> None:
    path.parent.mkdir(exist_ok=True)
    with atomic_folder(path, replace=True) as new:
        for name in ("ids", "digests", "places"):
            np.save(new / f"{name}.npy", getattr(keys, f"{name}_G"))
        if len(keys.ids_G):
            shape = (len(keys.ids_G), dimension)
            vectors_GD = np.lib.format.open_memmap(new / "vectors.npy", "w+", np.float32, shape)
            fill(vectors_GD)
            vectors_GD.flush()
            if coarse.is_worth(*shape):
                coarse.write(new, vectors_GD)


def _read_cache(path: Path, dimension: int) -> tuple[Keys, Floats, Coarse | None] | None:
    """A cache's rows and vectors; None where it is missing, or is none of so many dimensions."""
    try:
        keys = Keys(*(np.load(path / f"{name}.npy") for name in ("ids", "digests", "places")))
        vectors = np.load(path / "vectors.npy", mmap_mode="r") if len(keys.ids_G) else _none(dimension)
    except (OSError, ValueError):
        return None
    if vectors.shape != (len(keys.ids_G), dimension):
        return None
    try:
        return keys, vectors, Coarse.read(path)
    except (OSError, ValueError):  # few vectors have none, and those of earlier versions
        return keys, vectors, None


def _cache(folder: Path, table: PictureTable) -> Path:
    return folder / CACHE / f"v{table.version}"


def _caches(folder: Path) -> list[Path]:
    try:
        return [one for one in (folder / CACHE).iterdir() if one.name.startswith("v") and one.name[1:].isdigit()]
    except OSError:
        return []


def _number(cache: Path) -> int:
    return int(cache.name[1:])


def _none(dimension: int) -> Floats:
    return np.zeros((0, dimension), dtype=np.float32)

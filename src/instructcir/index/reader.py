"""A gallery open for reading: exact scores, rows by condition, always of one whole version of the table.

Shape letters: G gallery, Q queries, D dimensions.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from instructcir.errors import StoreError
from instructcir.index.approximate import FILE, Approximate
from instructcir.index.cache import Floats, follow_vectors, open_vectors
from instructcir.index.coarse import Estimates
from instructcir.index.known_rows import KnownRows
from instructcir.index.manifest import MANIFEST, Manifest
from instructcir.index.places import cache_place
from instructcir.index.table import PictureTable
from instructcir.index.together import FEW_BYTES, SharedProducts
from instructcir.remote import Place, RemotePath

_PROPOSED = 4
_KEPT_SAMPLE = 8192


class View:
    """A stored gallery at one version of its table; never changes, so that threads may share it.

    Attributes:
        manifest: what the index says about itself.
        table: at this version.
        version: the table's, as it is open.
        ids_G: ids of all pictures, ascending.
        graph: how the table's graph is to be asked; None where there is none that is good enough.
    """

    def __init__(self, folder: Place, manifest: Manifest, *, follows: bool = False) -> None:
        self.manifest = manifest
        home = manifest.home(folder)
        known = Approximate.read(home)
        self.graph = known if known and known.serves else None
        self.table = PictureTable.open(home)
        self.version = self.table.version
        cache = cache_place(folder, f"{manifest.created} {manifest.data}")
        read = follow_vectors if follows else open_vectors
        self._keys, self._vectors = read(cache, self.table, manifest.identity.dimension)
        self.ids_G = self._keys.ids_G
        small = self.ids_G.size * manifest.identity.dimension * 4 <= FEW_BYTES
        self._scores = self._vectors.products if small else SharedProducts(self._vectors.products, len(self)).of
        self._quick = SharedProducts(self._vectors.quick_products, len(self)).of

    def __len__(self) -> int:
        return len(self.ids_G)

    @cached_property
    def _rows(self) -> KnownRows:
        return KnownRows(self.table, self._keys.places_G)

    @property
    def vectors_GD(self) -> Floats:
        """All unit vectors, float32, in the order of `ids_G`; a copy where rows have changed since they were cached."""
        stored = self._vectors
        return stored.base_BD if stored.slots_G is None else stored.take(np.arange(len(self)))

    def vectors(self, numbers: npt.ArrayLike) -> Floats:
        """Unit vectors (N, D) of some pictures, by their places in `ids_G`."""
        return self._vectors.take(numbers)

    def scores(self, query_D: Floats) -> Floats:
        """Cosines (G,) of a unit vector with all pictures; threads that ask at once share a product."""
        return self._scores(query_D)

    def estimates(self, query_D: Floats) -> Estimates | None:
        """Scores of a unit vector with all pictures, with bounds on their errors, in a third of the time.

        None where the gallery is small, or where this machine or its torch does not do it. A process that has not
        imported torch has no model either; to import it would cost more than many rankings, so that it gets None too.
        """
        if "torch" not in sys.modules or not self._vectors.has_quick:
            return None
        return self._vectors.estimates(query_D, self._quick(query_D))

    def exact_scores(self, query_D: Floats, numbers: npt.ArrayLike) -> Floats:
        """Cosines (N,) of a unit vector with some pictures; equal vectors have equal ones, wherever they stand."""
        made: Floats = np.einsum("nd,d->n", self.vectors(numbers), query_D)
        return made

    def scores_each(self, queries_QD: Floats) -> Floats:
        """Cosines (Q, G) of several unit vectors with all pictures."""
        return self._vectors.products(queries_QD)

    def nearest(
        self, query_D: Floats, count: int, probes: int, effort: int, where: str | None = None
    ) -> tuple[npt.NDArray[np.int64], Floats]:
        """Places in `ids_G` and exact cosines of what the graph finds nearest to a unit vector, best first.

        The graph only proposes, four times as many as are wanted or more; what it proposes is scored exactly.

        Args:
            query_D: the unit vector.
            count: how many at most.
            probes: parts of the graph to look into.
            effort: candidates that are kept at a time.
            where: a condition in SQL words.

        Raises:
            StoreError: the condition cannot be understood, or the table cannot be read.
        """
        order_G, sorted_G = self._by_place
        places = self.table.near(query_D, _PROPOSED * count, probes, effort, where).astype(np.int64)
        numbers_N = np.sort(order_G[np.searchsorted(sorted_G, places)])
        scores_N = self.vectors(numbers_N) @ query_D
        best = np.argsort(-scores_N, kind="stable")[:count]
        return numbers_N[best], scores_N[best]

    @cached_property
    def _by_place(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Numbers of the rows in the order of their places in the table, and these places."""
        order_G = np.argsort(self._keys.places_G, kind="stable")
        return order_G, self._keys.places_G[order_G]

    @cached_property
    def kept_sample(self) -> Floats:
        """A small even sample (N, D) of the unit vectors, in memory: a query's noise is judged by it."""
        return np.ascontiguousarray(self.sample(_KEPT_SAMPLE))

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
        return self.vectors(self.numbers_of(ids))

    def sample(self, most: int) -> Floats:
        """At most so many unit vectors (N, D), spread evenly over the gallery."""
        return self.vectors(np.unique(np.linspace(0, len(self) - 1, most).astype(np.int64)) if len(self) else [])

    def describe(self, numbers: Sequence[int], columns: Sequence[str]) -> list[dict[str, Any]]:
        """Columns of some pictures, in this order."""
        return self._rows.of([int(number) for number in numbers], columns)

    def same_content(self, digest: str) -> tuple[str, ...]:
        """Ids of the pictures whose files have this SHA-256, 64 hexadecimal digits."""
        alike = np.flatnonzero(self._keys.digests_G == digest[:16]).tolist()
        return tuple(row["id"] for row in self.describe(alike, ["digest"]) if row["digest"] == digest)


class Gallery:
    """A stored gallery that is open; `refresh` goes on to the newest version, and `view` is the one at hand.

    Work of several steps takes `view` once and keeps it: another thread may refresh meanwhile. What is asked of the
    gallery itself is asked of its present view.

    Attributes:
        folder: the index's.
        view: the version that is open.
    """

    def __init__(self, folder: Place) -> None:
        self.folder = folder
        manifest = Manifest.read(folder)
        self._seen = self._mark()
        self.view = View(folder, manifest)
        self._newest = PictureTable.open(manifest.home(folder))
        self._commits: int | None = None
        self._last = self.view.version
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.view)

    @property
    def manifest(self) -> Manifest:
        """What the index says about itself."""
        return self.view.manifest

    @property
    def table(self) -> PictureTable:
        """The table, at the version that is open."""
        return self.view.table

    @property
    def ids_G(self) -> npt.NDArray[np.str_]:
        """Ids of all pictures, ascending."""
        return self.view.ids_G

    @property
    def vectors_GD(self) -> Floats:
        """All unit vectors; see `View.vectors_GD`."""
        return self.view.vectors_GD

    @property
    def version(self) -> int:
        """The table's version that is open."""
        return self.view.version

    def refresh(self) -> bool:
        """Go on to the newest version; whether there was a newer one. Safe in threads.

        Raises:
            StoreError: the table cannot be read, or the index was made anew with another model.
        """
        with self._lock:
            mark = self._mark()
            manifest = self.manifest if mark == self._seen else Manifest.read(self.folder)
            if manifest.identity != self.manifest.identity:
                raise StoreError(f"{self.folder}: was made anew by {manifest.identity.model}; open the index again")
            # by the same model, then: another table has the name, or the manifest tells of another place
            anew = mark[0] != self._seen[0] or manifest.data != self.manifest.data
            if anew:
                self._newest, self._commits = PictureTable.open(manifest.home(self.folder)), None
            changed = anew or self._has_commits() or mark[-1] != self._seen[-1]
            if changed:
                self.view = View(self.folder, manifest, follows=not anew)
            self._seen = mark
            return changed

    def _has_commits(self) -> bool:
        """Whether the table has a newer version than the view; it is asked only if a commit may have been made."""
        commits = self._newest.commits()  # before the look: a commit in between is then seen next time
        if commits is None or commits != self._commits:
            self._newest.refresh()
            self._commits, self._last = commits, self._newest.version
        return self._last != self.version

    def _mark(self) -> tuple[int | str, ...]:
        """Changes with the manifest that was read; the first part with another index, the last with a graph."""
        if isinstance(self.folder, RemotePath):
            return self._mark_of_objects(self.folder)
        try:
            place, found = os.stat(self.folder), os.stat(self.folder / MANIFEST)
        except OSError as error:
            raise StoreError(f"{self.folder}: no index is there any more ({error.strerror or error})") from error
        try:
            graph = os.stat(self.folder / FILE).st_mtime_ns
        except OSError:
            graph = 0
        return place.st_ino, found.st_ino, found.st_mtime_ns, graph

    def _mark_of_objects(self, folder: RemotePath) -> tuple[int | str, ...]:
        try:
            told = (folder / MANIFEST).read_bytes()  # times of objects tell seconds only
        except OSError as error:
            raise StoreError(f"{folder}: no index is there any more, or it cannot be reached ({error})") from error
        graph = Approximate.read(self.manifest.home(folder)) if hasattr(self, "view") else None
        return 0, len(told), hash(told), repr(graph)

    def scores(self, query_D: Floats) -> Floats:
        """Cosines (G,) of a unit vector with all pictures."""
        return self.view.scores(query_D)

    def matching(self, where: str) -> npt.NDArray[np.bool_]:
        """Which pictures (G,) a condition in SQL words holds for; see `View.matching`."""
        return self.view.matching(where)

    def numbers_of(self, ids: Sequence[str]) -> list[int]:
        """Places of these ids in `ids_G`; those that are not there are left out."""
        return self.view.numbers_of(ids)

    def describe(self, numbers: Sequence[int], columns: Sequence[str]) -> list[dict[str, Any]]:
        """Columns of some pictures, in this order."""
        return self.view.describe(numbers, columns)

"""What a table says of single pictures, kept after it was read once: rows of one version never change."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from instructcir.index.table import PictureTable

KEPT = 4096
"""Rows, the least recently used dropped first."""
_ALWAYS = ("id", "path", "digest", "width", "height")


class KnownRows:
    """Rows of a table's open version by number. Safe in threads.

    Args:
        table: at its version.
        places_G: where the table has each row.
    """

    def __init__(self, table: PictureTable, places_G: npt.NDArray[np.int64]) -> None:
        self._table = table
        self._places_G = places_G
        self._columns = [*_ALWAYS, *table.user_columns]
        self._kept: OrderedDict[int, dict[str, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, numbers: Sequence[int], columns: Sequence[str]) -> list[dict[str, Any]]:
        """Columns of some rows, in this order; other columns than those that are kept are read each time.

        Raises:
            StoreError: the table cannot be read.
        """
        if not set(columns) <= set(self._columns):
            read = self._read(numbers, list(dict.fromkeys(["id", *columns])))
            return [read[number] for number in numbers]
        found = self._known(numbers)
        missing = [number for number in dict.fromkeys(numbers) if number not in found]
        if missing:
            read = self._read(missing, self._columns)
            self._keep(read)
            found |= read
        names = list(dict.fromkeys(["id", *columns]))
        return [{name: found[number][name] for name in names} for number in numbers]

    def _known(self, numbers: Sequence[int]) -> dict[int, dict[str, Any]]:
        with self._lock:
            found = {number: self._kept[number] for number in numbers if number in self._kept}
            for number in found:
                self._kept.move_to_end(number)
        return found

    def _keep(self, rows: dict[int, dict[str, Any]]) -> None:
        with self._lock:
            self._kept.update(rows)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)

    def _read(self, numbers: Sequence[int], columns: Sequence[str]) -> dict[int, dict[str, Any]]:
        """Rows by number; the table gives them in no promised order, but ascending ids are ascending numbers."""
        wanted = sorted(set(numbers))
        rows = self._table.rows_at(self._places_G[wanted].tolist(), columns).to_pylist()
        return dict(zip(wanted, sorted(rows, key=lambda row: str(row["id"])), strict=True))

"""Unit vectors in eight bits, to tell quickly which rows of a gallery can be among the best.

A product with a gallery costs the time in which its bytes are read; these are a quarter of float32's. Each score comes
with a bound on what was lost by rounding, so that every row that may be among the best is known, and only those few are
scored exactly. Nothing here decides a ranking.

Shape letters: Q queries, B rows, G gallery, D dimensions, P dimensions padded with zeros.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]
WORTH_BYTES = 2**24
"""Vectors of a gallery, in float32, from which on eight bits are kept: less lies in the processor's cache anyway."""
_LARGEST = 127
_PAD = 32  # the product takes whole groups of so many numbers and does not look whether they are there
_NUMBERS_AT_ONCE = 2**30  # the product counts in 32 bits
_ROWS_AT_ONCE = 8192
_HALF_STEP = 2**-8 * 1.02  # of bfloat16, in which the product gives its result, as a share of it
_SLACK = 1e-5  # sums in float32, of vectors whose lengths are 1 but for as much
_CHECKED = 64


@dataclass(frozen=True, eq=False)
class Coarse:
    """Rows in eight bits, with what that lost.

    Attributes:
        codes_BP: int8; times its step, the row.
        steps_B: float32, each a number of bfloat16.
        losses_B: length of what rounding took from each row.
    """

    codes_BP: npt.NDArray[np.int8]
    steps_B: Floats
    losses_B: Floats

    @cached_property
    def _pieces(self) -> list[tuple[Any, Any]]:
        """Codes and steps as tensors that share their memory, in pieces that the product can count."""
        import torch

        rows = max(1, _NUMBERS_AT_ONCE // self.codes_BP.shape[1])
        steps = torch.from_numpy(np.array(self.steps_B)).bfloat16()
        codes = torch.from_numpy(self.codes_BP)
        return [(codes[at : at + rows], steps[at : at + rows]) for at in range(0, len(codes), rows)]

    @cached_property
    def most_lost(self) -> float:
        """The largest loss of all rows."""
        return float(self.losses_B.max(initial=0.0))

    def products(self, queries: Floats) -> Floats:
        """Dot products (B,) of a query (D,) with all rows, or (Q, B) of several, within what `Estimates` allows for."""
        import torch

        queries_QD = np.atleast_2d(queries)
        padded_QP = np.zeros((len(queries_QD), self.codes_BP.shape[1]), dtype=np.float32)
        padded_QP[:, : queries_QD.shape[1]] = queries_QD
        asked = torch.from_numpy(padded_QP).bfloat16()
        with torch.inference_mode():
            found = [torch.ops.aten._weight_int8pack_mm(asked, *piece).float() for piece in self._pieces]
        products: Floats = (found[0] if len(found) == 1 else torch.cat(found, dim=1)).numpy()
        return products.reshape(*queries.shape[:-1], len(self.codes_BP))

    def agrees(self, vectors_BD: Floats) -> bool:
        """Whether the product can be had here, is fast, and keeps its bounds on some of the rows that it was made of.

        The operation is torch's, without a promise that it stays as it is.
        """
        import torch

        fast = torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")
        if not fast or not hasattr(torch.ops.aten, "_weight_int8pack_mm"):
            return False
        some_N = np.unique(np.linspace(0, len(vectors_BD) - 1, _CHECKED).astype(np.int64))
        few = Coarse(self.codes_BP[some_N], self.steps_B[some_N], self.losses_B[some_N])
        few_ND = np.asarray(vectors_BD[some_N])
        try:
            scores_N = few.products(few_ND[0])
        except RuntimeError:
            return False
        off_N = np.abs(scores_N - few_ND @ few_ND[0])
        bounds_N = Estimates(few_ND[0], scores_N, few.losses_B, few.most_lost).bounds(slice(None))
        return bool((off_N <= bounds_N).all())

    @classmethod
    def read(cls, folder: Path) -> Self:
        """What `write` wrote, mapped into memory.

        Raises:
            OSError: it is not there.
            ValueError: it is broken.
        """
        codes_BP = np.load(folder / "codes.npy", mmap_mode="c")  # torch takes no array that it must not write to
        return cls(codes_BP, np.load(folder / "steps.npy"), np.load(folder / "losses.npy"))


def is_worth(rows: int, dimension: int) -> bool:
    """Whether a gallery is so large that eight bits beside its vectors pay."""
    return rows * dimension * 4 >= WORTH_BYTES


def write(folder: Path, vectors_BD: Floats) -> None:
    """Write unit vectors in eight bits beside what else a folder holds, a block at a time.

    Raises:
        OSError: the disk refuses.
    """
    rows, dimension = vectors_BD.shape
    shape = (rows, -(-dimension // _PAD) * _PAD)
    codes_BP = np.lib.format.open_memmap(folder / "codes.npy", "w+", np.int8, shape)
    steps_B, losses_B = np.empty(rows, dtype=np.float32), np.empty(rows, dtype=np.float32)
    for some in _blocks(rows):
        codes_BP[some, :dimension], steps_B[some], losses_B[some] = _rounded(np.asarray(vectors_BD[some]))
    codes_BP.flush()
    np.save(folder / "steps.npy", steps_B)
    np.save(folder / "losses.npy", losses_B)


def _blocks(rows: int) -> Iterator[slice]:
    return (slice(start, start + _ROWS_AT_ONCE) for start in range(0, rows, _ROWS_AT_ONCE))


def _rounded(vectors_BD: Floats) -> tuple[npt.NDArray[np.int8], Floats, Floats]:
    """Codes, steps and losses of some rows."""
    least_B = np.maximum(np.abs(vectors_BD).max(axis=1), 1e-12) / np.float32(_LARGEST)
    # The next number of bfloat16 upwards (its upper 16 bits), so that no code is cut off.
    steps_B = ((least_B.view(np.uint32) + 0xFFFF) & np.uint32(0xFFFF0000)).view(np.float32)
    codes_BD = np.rint(vectors_BD / steps_B[:, None]).astype(np.int8)
    losses_B = np.linalg.norm(vectors_BD - codes_BD * steps_B[:, None], axis=1)
    return codes_BD, steps_B, losses_B.astype(np.float32)


class Estimates:
    """A query's scores, each within a known bound of the exact one.

    For unit vectors v, stored as v', and a query q, asked as q': |q v - q' v'| <= |q - q'| + |q'| |v - v'|, and the
    result is rounded once more.

    Args:
        query_D: the unit vector that was asked.
        scores_G: what `Coarse.products` gave; scores in float32 are within the bounds too.
        losses_G: of the rows.
        most_lost: the largest of them: one comparison with it leaves few rows to be looked at one by one.
    """

    def __init__(self, query_D: Floats, scores_G: Floats, losses_G: Floats, most_lost: float) -> None:
        self.scores_G = scores_G
        self._most_lost = most_lost
        self._losses_G = losses_G
        self._length = float(np.linalg.norm(query_D)) * 1.005  # rounding makes no number longer by more
        self._off = float(np.linalg.norm(query_D - _in_bfloat16(query_D))) + _SLACK

    def bounds(self, rows: Numbers | slice) -> Floats:
        """How far, at most, the exact scores of some rows are from these."""
        made_N = self._off + self._length * self._losses_G[rows] + _HALF_STEP * np.abs(self.scores_G[rows])
        return made_N.astype(np.float32, copy=False)

    def may_reach(self, least: float, scores_G: Floats | None = None) -> Numbers:
        """Numbers, ascending, of all rows whose exact scores may be `least` or more.

        Args:
            least: a score.
            scores_G: these scores, where some rows are out of the question and have -inf.
        """
        seen_G = self.scores_G if scores_G is None else scores_G
        lowest = least - self._off - self._length * self._most_lost
        lowest /= 1 + _HALF_STEP if lowest > 0 else 1 - _HALF_STEP
        near = np.flatnonzero(seen_G >= np.float32(lowest - _SLACK))
        return near[self.scores_G[near] + self.bounds(near) >= least]


def _in_bfloat16(numbers: Floats) -> Floats:
    """Rounded to nearest, to the even one where two are as near, as torch does."""
    bits = np.ascontiguousarray(numbers, dtype=np.float32).view(np.uint32)
    made: Floats = ((bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)).view(np.float32)
    return made

"""Triplets that say nearly the same as an earlier one: found in a stream, in memory that does not grow.

Every triplet becomes a set of shingles: the stems of its words and of its neighbouring words, those of the instruction
apart from those of the modified caption. Sets that are alike share values of MinHash (Broder 1997) and meet in one of
several tables; whoever meets is compared exactly. The last `memory` triplets are remembered.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from zlib import crc32

import numpy as np
import numpy.typing as npt

from instructcir.synthesis.lexicon import lexicon
from instructcir.synthesis.texts import stem, taken_apart
from instructcir.synthesis.written import Source, Written

# shapes: S shingles, H hash functions, B bands

NAME = "near_duplicate"
MEMORY = 1 << 17
"""Triplets that are remembered: about 60 MB."""
SAME = 0.85
"""Share of shingles in common (Jaccard) from which two triplets are compared word by word."""
_BANDS, _ROWS = 6, 4
_SLOT_BITS = 18
_SALTS = (0, 0x9E3779B1)
"""What keeps the instruction's words apart from the modified caption's."""
_HALF, _TO_SLOT = np.uint64(32), np.uint64(64 - _SLOT_BITS)
_MIX_R = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5], dtype=np.uint64)


class NearDuplicate:
    """The filter `near_duplicate`: each object remembers what it has seen, and does the same for the same stream.

    Args:
        memory: how many triplets are remembered; older ones are forgotten.
    """

    __name__ = NAME

    def __init__(self, memory: int = MEMORY) -> None:
        rng = np.random.default_rng(0)
        self._times_H = rng.integers(1, 1 << 63, _BANDS * _ROWS, dtype=np.uint64) | np.uint64(1)
        self._plus_H = rng.integers(0, 1 << 63, _BANDS * _ROWS, dtype=np.uint64)
        self._memory = memory
        self._seen: list[tuple[str, bytes]] = []
        self._next = 0
        self._tables = np.full((_BANDS, 1 << _SLOT_BITS), -1, dtype=np.int32)
        self._bands_B = np.arange(_BANDS)

    def __call__(self, source: Source, written: Written) -> str:
        """The triplet says something else than all that are remembered."""
        words = _words(written)
        shingles = _shingles(words)
        shingles_S = np.array(shingles, dtype=np.uint64)
        slots_B = self._slots(shingles_S)
        met = set(self._tables[self._bands_B, slots_B].tolist()) - {-1}
        for number in sorted(met):
            earlier, stored = self._seen[number]
            if _say_the_same(set(shingles), set(np.frombuffer(stored, dtype=np.uint32).tolist()), words):
                return f"says the same as {earlier}"
        self._remember(written.id, shingles_S, slots_B)
        return ""

    def _slots(self, shingles_S: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
        """Where the set belongs in each table: (B,)."""
        values_HS = (self._times_H[:, None] * shingles_S + self._plus_H[:, None]) >> _HALF  # multiply-shift hashing
        least_BR = values_HS.min(axis=1).reshape(_BANDS, _ROWS)
        mixed_B = (least_BR * _MIX_R).sum(axis=1)
        slots_B: npt.NDArray[np.int64] = (mixed_B >> _TO_SLOT).astype(np.int64)
        return slots_B

    def _remember(self, name: str, shingles_S: npt.NDArray[np.uint64], slots_B: npt.NDArray[np.int64]) -> None:
        entry = name, shingles_S.astype(np.uint32).tobytes()
        if len(self._seen) < self._memory:
            self._seen.append(entry)
        else:
            self._seen[self._next] = entry
        self._tables[self._bands_B, slots_B] = self._next
        self._next = (self._next + 1) % self._memory


def _words(written: Written) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Stems of the instruction's and of the modified caption's words, articles aside."""
    one, other = taken_apart(written.instruction).said, taken_apart(written.modified_caption).said
    return tuple([stem(word) for word in one]), tuple([stem(word) for word in other])


def _shingles(words: tuple[tuple[str, ...], tuple[str, ...]]) -> list[int]:
    found = []
    for text, salt in zip(words, _SALTS, strict=True):
        hashes = [_hash(word) ^ salt for word in text]
        found += hashes
        found += [(one * 31 + other) & 0xFFFFFFFF for one, other in pairwise(hashes)]
    return found or [0]


@lru_cache(maxsize=65_536)
def _hash(word: str) -> int:
    return crc32(word.encode())


def _say_the_same(mine: set[int], other: set[int], words: tuple[tuple[str, ...], tuple[str, ...]]) -> bool:
    """Whether two sets are alike, and every word of the one that the other lacks says nothing about a picture."""
    if len(mine & other) < SAME * len(mine | other):
        return False
    differ = mine ^ other
    single = {_hash(word) ^ salt: word for text, salt in zip(words, _SALTS, strict=True) for word in text}
    return all(_is_weak(single[value]) for value in differ if value in single)


def _is_weak(word: str) -> bool:
    return word in _weak_stems()


@lru_cache(maxsize=1)
def _weak_stems() -> frozenset[str]:
    known = lexicon()
    return frozenset(map(stem, (known.weak | known.asking) - known.absent))

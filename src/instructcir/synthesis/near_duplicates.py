"""Triplets that say nearly the same as an earlier one: found in a stream, in memory that does not grow.

Every triplet becomes a set of shingles: the stems of its words and of its neighbouring words, those of the instruction
apart from those of the modified caption. Sets that are alike share values of MinHash (Broder 1997) and meet in one of
several tables; whoever meets is compared exactly. The last `memory` triplets are remembered.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TypeAlias
from zlib import crc32

import numpy as np
import numpy.typing as npt

from instructcir.synthesis.lexicon import lexicon
from instructcir.synthesis.remembered import Remembered
from instructcir.synthesis.texts import stem, taken_apart
from instructcir.synthesis.written import Source, Written

# shapes: W words, P neighbours, S shingles, H hash functions, B bands, R values of a band

_Words: TypeAlias = tuple[str, ...]

NAME = "near_duplicate"
MEMORY = 1 << 17
"""Triplets that are remembered: about 60 MB."""
SAME = 0.85
"""Share of shingles in common (Jaccard) from which two triplets are compared word by word."""
_BANDS, _ROWS = 6, 4
_SLOT_BITS = 18
_SALTS = (0, 0x9E3779B1)
"""What keeps the instruction's words apart from the modified caption's."""
_PAIR, _LOW = np.uint64(31), np.uint64(0xFFFFFFFF)
_HALF, _TO_SLOT = np.uint64(32), np.uint64(64 - _SLOT_BITS)
_BEGIN_B = np.arange(_BANDS, dtype=np.int64) << _SLOT_BITS
_MIX_R = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5], dtype=np.uint64)


class NearDuplicate:
    """The filter `near_duplicate`: each object remembers what it has seen, and does the same for the same stream.

    Args:
        memory: how many triplets are remembered; older ones are forgotten.
    """

    __name__ = NAME

    def __init__(self, memory: int = MEMORY) -> None:
        rng = np.random.default_rng(0)
        self._times_H1 = rng.integers(1, 1 << 63, (_BANDS * _ROWS, 1), dtype=np.uint64) | np.uint64(1)
        self._plus_H1 = rng.integers(0, 1 << 63, (_BANDS * _ROWS, 1), dtype=np.uint64)
        self._memory = memory
        self._seen: list[tuple[str, int, bytes]] = []  # id, how many shingles, shingles
        self._next = 0
        self._table = np.full(_BANDS << _SLOT_BITS, -1, dtype=np.int32)  # that of each band, one after the other

    def __call__(self, source: Source, written: Written) -> str:
        """The triplet says something else than all that are remembered."""
        texts = taken_apart(written.instruction).said, taken_apart(written.modified_caption).said
        shingles_S = _shingles(*texts)
        slots_B = self._slots(shingles_S)
        mine = set(shingles_S.tolist())
        for number in sorted(set(self._table.take(slots_B).tolist())):
            if number >= 0 and self._says_the_same(mine, number, texts):
                return f"says the same as {self._seen[number][0]}"
        self._remember((written.id, len(mine), shingles_S.astype(np.uint32).tobytes()), slots_B)
        return ""

    def _slots(self, shingles_S: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
        """Where the set belongs in the table, once for each band: (B,)."""
        values_HS = self._times_H1 * shingles_S  # multiply-shift hashing; the least is shifted, which is the same
        values_HS += self._plus_H1
        least_BR = (np.minimum.reduce(values_HS, axis=1) >> _HALF).reshape(_BANDS, _ROWS)
        slots_B: npt.NDArray[np.int64] = (least_BR.dot(_MIX_R) >> _TO_SLOT).view(np.int64)
        slots_B += _BEGIN_B
        return slots_B

    def _says_the_same(self, mine: set[int], number: int, texts: tuple[_Words, _Words]) -> bool:
        """Whether a set is like one that is remembered, and their words differ in such only as say nothing."""
        _, count, stored = self._seen[number]
        if min(len(mine), count) < SAME * max(len(mine), count):
            return False  # so they cannot have enough in common
        theirs = np.frombuffer(stored, dtype=np.uint32).tolist()
        shared = len(mine.intersection(theirs))
        if shared < SAME * (len(mine) + count - shared):
            return False
        differ = mine.symmetric_difference(theirs)
        single = {_hash(word) ^ salt: stem(word) for text, salt in zip(texts, _SALTS, strict=True) for word in text}
        return all(single[value] in _weak_stems() for value in differ if value in single)

    def _remember(self, entry: tuple[str, int, bytes], slots_B: npt.NDArray[np.int64]) -> None:
        if len(self._seen) < self._memory:
            self._seen.append(entry)
        else:
            self._seen[self._next] = entry
        self._table[slots_B] = self._next
        self._next = (self._next + 1) % self._memory


def _shingles(instruction: _Words, modified: _Words) -> npt.NDArray[np.uint64]:
    """Hashes of a triplet's words (articles aside) and of neighbours among them: (S,), some of them equal perhaps."""
    if not (instruction or modified):
        return np.zeros(1, dtype=np.uint64)
    begin = len(instruction)
    stored = *map(_OF_INSTRUCTION.__getitem__, instruction), *map(_OF_MODIFIED.__getitem__, modified)
    hashes_W = np.frombuffer(b"".join(stored), dtype=np.uint64)
    pairs_P = (hashes_W[:-1] * _PAIR + hashes_W[1:]) & _LOW
    return np.concatenate((hashes_W, pairs_P[: max(begin - 1, 0)], pairs_P[begin:]))


def _hash(word: str) -> int:
    """A number of 32 bits for the stem of a word."""
    return crc32(stem(word).encode())


def _stored(salt: int, word: str) -> bytes:
    """Its hash as numpy holds it."""
    return np.uint64(_hash(word) ^ salt).tobytes()


_OF_INSTRUCTION, _OF_MODIFIED = (Remembered(partial(_stored, salt)) for salt in _SALTS)


@lru_cache(maxsize=1)
def _weak_stems() -> frozenset[str]:
    known = lexicon()
    return frozenset(map(stem, (known.weak | known.asking) - known.absent))

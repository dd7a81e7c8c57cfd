"""The memory that a process holds beside what it uses, with the C library of most Linux systems.

A run that decodes one picture after another needs the same memory again and again, and glibc gives it back to the
system each time, which then has to clear it anew: `keep_free` keeps it. A server is the opposite. glibc gives threads
heaps of their own, up to eight for each processor, and gives back to the system only what lies free at a heap's end. A
server in whose threads models come and go ends up with many heaps that are mostly holes: the holes, not what was kept,
made its memory grow. Source: mallopt(3), malloc_trim(3). Elsewhere these functions do nothing.
"""

from __future__ import annotations

import ctypes
import platform

_ARENA_MAX = -8
"""`M_ARENA_MAX` of malloc.h."""
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1
"""`M_MMAP_THRESHOLD` and `M_TRIM_THRESHOLD`."""
_HEAPS = 2
_LARGEST_SHARED = 4 * 2**20
"""Bytes up to which a block comes from a shared heap. Left to itself, glibc takes up to 32 MiB from there, and a hole
that holds the next such block is soon not to be found."""
_LARGEST = 32 * 2**20
"""Bytes up to which a block comes from a heap: the most that glibc allows."""
_KEPT = 128 * 2**20
"""Free bytes at a heap's end that are kept."""


def keep_free() -> bool:
    """Let freed memory be used again in place of going back to the system at once; whether the C library agrees."""
    library = _glibc()
    settings = ((_MMAP_THRESHOLD, _LARGEST), (_TRIM_THRESHOLD, _KEPT))
    return library is not None and all(library.mallopt(name, value) == 1 for name, value in settings)


def share_heaps() -> bool:
    """Let all threads that begin later share two heaps, and no large block lie in one; whether the C library agrees."""
    library = _glibc()
    settings = ((_ARENA_MAX, _HEAPS), (_MMAP_THRESHOLD, _LARGEST_SHARED))
    return library is not None and all(library.mallopt(name, value) == 1 for name, value in settings)


def give_back() -> bool:
    """Give free memory back to the system, from holes too; whether there was any to give."""
    library = _glibc()
    return library is not None and library.malloc_trim(ctypes.c_size_t(0)) == 1


def _glibc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None

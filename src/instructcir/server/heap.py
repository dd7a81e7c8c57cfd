"""The memory that a long-running process holds beside what it uses, with the C library of most Linux systems.

glibc gives threads heaps of their own, up to eight for each processor, and gives back to the system only what lies free
at a heap's end. A server in whose threads models come and go ends up with many heaps that are mostly holes: the holes,
not what was kept, made its memory grow. Source: mallopt(3), malloc_trim(3). Elsewhere these functions do nothing.
"""

from __future__ import annotations

import ctypes
import platform

_ARENA_MAX = -8
"""`M_ARENA_MAX` of malloc.h."""
_HEAPS = 2


def share_heaps() -> bool:
    """Let all threads that begin later share two heaps; whether the C library agrees."""
    library = _glibc()
    return library is not None and library.mallopt(_ARENA_MAX, _HEAPS) == 1


def give_back() -> bool:
    """Give free memory back to the system, from holes too; whether there was any to give."""
    library = _glibc()
    return library is not None and library.malloc_trim(ctypes.c_size_t(0)) == 1


def _glibc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None

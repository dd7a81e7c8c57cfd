"""Free memory goes back to the system, from between what is kept too."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from instructcir import heap

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")


@glibc
def test_holes_are_given_back_and_few_heaps_are_shared() -> None:
    code = (
        "import ctypes, psutil\n"
        "from instructcir.heap import give_back, share_heaps\n"
        "assert share_heaps()\n"
        "libc = ctypes.CDLL(None)\n"
        "libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]\n"
        "blocks = [libc.malloc(ctypes.c_size_t(100_000)) for _ in range(1000)]\n"
        "for block in blocks: ctypes.memset(block, 1, 100_000)\n"
        "for block in blocks[:-1]: libc.free(block)\n"  # the last keeps the heap's end where it is
        "before = psutil.Process().memory_info().rss\n"
        "assert give_back()\n"
        "print(before - psutil.Process().memory_info().rss)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 80_000_000


@glibc
def test_large_blocks_go_back_to_the_system_from_between_what_is_kept() -> None:
    code = (
        "import ctypes, psutil, sys\n"
        "from instructcir.heap import share_heaps\n"
        "if sys.argv[1] == 'shared': assert share_heaps()\n"
        "libc = ctypes.CDLL(None)\n"
        "libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]\n"
        "libc.free(libc.malloc(ctypes.c_size_t(16_000_000)))\n"  # left alone, glibc takes such blocks from the heap now
        "blocks = []\n"
        "for _ in range(10):\n"
        "    blocks.append(libc.malloc(ctypes.c_size_t(8_000_000)))\n"
        "    ctypes.memset(blocks[-1], 1, 8_000_000)\n"
        "    libc.malloc(ctypes.c_size_t(100_000))\n"  # kept between them
        "before = psutil.Process().memory_info().rss\n"
        "for block in blocks: libc.free(block)\n"
        "print(before - psutil.Process().memory_info().rss)\n"
    )
    given = [
        int(subprocess.run([sys.executable, "-c", code, how], capture_output=True, text=True, check=True).stdout)
        for how in ("shared", "not")
    ]
    assert given[0] > 70_000_000
    assert given[1] < given[0] / 2


@glibc
def test_freed_memory_is_used_again() -> None:
    code = (
        "import ctypes, resource, sys\n"
        "from instructcir.heap import keep_free\n"
        "if sys.argv[1] == 'kept': assert keep_free()\n"
        "libc = ctypes.CDLL(None)\n"
        "libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]\n"
        "faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "before = faults()\n"
        "for _ in range(20):\n"
        "    blocks = [libc.malloc(ctypes.c_size_t(10_000_000)) for _ in range(4)]\n"
        "    for block in blocks: ctypes.memset(block, 1, 10_000_000)\n"
        "    for block in blocks: libc.free(block)\n"
        "print(faults() - before)\n"
    )
    faults = [
        int(subprocess.run([sys.executable, "-c", code, how], capture_output=True, text=True, check=True).stdout)
        for how in ("kept", "not")
    ]
    assert faults[0] * 5 < faults[1]


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert not heap.keep_free()
    assert not heap.share_heaps()
    assert not heap.give_back()

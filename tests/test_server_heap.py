"""Free memory goes back to the system, from between what is kept too."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from instructcir.server import heap

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")


@glibc
def test_holes_are_given_back_and_few_heaps_are_shared() -> None:
    code = (
        "import ctypes, psutil\n"
        "from instructcir.server.heap import give_back, share_heaps\n"
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


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert not heap.share_heaps()
    assert not heap.give_back()

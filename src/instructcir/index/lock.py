"""One writer at a time: a lock that the system itself lets go of when its holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from instructcir.errors import StoreError
from instructcir.index.lease import leased
from instructcir.remote import Place, RemotePath

LOCK_FILE = "writer.lock"


@contextmanager
def only_writer(folder: Place) -> Iterator[Callable[[], None]]:
    """Hold the index's lock during a block; readers need none.

    Yields:
        A function to be called before each commit; on object storage it raises if the lock was lost.

    Raises:
        StoreError: another process writes to this index, or its folder cannot be written to.
    """
    if isinstance(folder, RemotePath):
        with leased(folder) as check:
            yield check
        return
    path = folder / LOCK_FILE
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StoreError(f"{folder}: cannot be written to ({error.strerror or error})") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            raise StoreError(
                f"{folder}: another run (process {holder}) is writing to this index; wait until it ends, or stop it: "
                "what it has written stays"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield lambda: None
    finally:
        os.close(descriptor)


def writer_of(folder: Path) -> int | None:
    """The process that writes to an index, as its lock file tells without being locked; None if there is none."""
    try:
        text = (folder / LOCK_FILE).read_text(encoding="ascii").strip()
        number = int(text)
        os.kill(number, 0)
    except PermissionError:
        return number
    except (OSError, ValueError, OverflowError):
        return None
    return number

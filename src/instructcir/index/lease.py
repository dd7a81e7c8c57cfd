"""One writer at a time on object storage, which has no locks: a lease that falls to others when it is not renewed.

The lease is a table of one row. Taking, renewing and giving it back are updates with a condition, and a commit of Lance
succeeds only if nobody has committed before it: it puts each version under a name of its own with a conditional write
(If-None-Match). So of several that take an expired lease at once one gets it. A holder that was cut off or asleep for
too long finds its lease lost before it writes. Clocks of writers must agree within `SLACK`.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import pyarrow as pa

from instructcir.errors import StoreError
from instructcir.index.refused import one_error_type
from instructcir.index.table import connect
from instructcir.remote import CLOCK_SLACK, RemotePath

LEASE = "writer"
SECONDS = 60.0
"""For so long a lease holds; after a kill, the next writer waits as long."""
SLACK = CLOCK_SLACK
_RENEW = 10.0
_KEPT = timedelta(minutes=10)
_SCHEMA = pa.schema([("holder", pa.string()), ("expires", pa.float64())])


class _Lease:
    def __init__(self, folder: RemotePath) -> None:
        self.folder = folder
        self.me = f"{socket.gethostname()}, process {os.getpid()}, {secrets.token_hex(4)}"
        self._table = _table(folder)
        self._until = 0.0  # by the clock that never goes back
        self._over = threading.Event()

    def take(self) -> None:
        now = time.time()
        if not self._update(f"expires < {now!r}"):
            self._table.checkout_latest()
            [row] = self._table.search().to_list()
            raise StoreError(
                f"{self.folder}: another run ({row['holder']}) is writing to this index; wait until it "
                f"ends, or {SECONDS:.0f} s after it was killed: what it has written stays"
            )

    def check(self) -> None:
        """Refuse to write with a lease that may have fallen to another."""
        if time.monotonic() > self._until:
            raise StoreError(f"{self.folder}: the lease was lost, since the storage did not answer in time; run again")

    def renew_until_over(self) -> None:
        while not self._over.wait(_RENEW):
            with suppress(StoreError):  # tried again; `check` says when it was too long
                if not self._update(f"holder = '{self.me}'"):
                    self._until = 0.0
                    return

    def give_back(self) -> None:
        self._over.set()
        with suppress(StoreError), one_error_type(self.folder):  # if not, it expires
            self._table.checkout_latest()
            self._table.update(where=f"holder = '{self.me}'", values={"expires": 0.0})
            self._table.optimize(cleanup_older_than=_KEPT)

    def _update(self, where: str) -> bool:
        begin = time.monotonic()
        with one_error_type(self.folder):
            self._table.checkout_latest()
            values = {"holder": self.me, "expires": time.time() + SECONDS}
            if not self._table.update(where=where, values=values).rows_updated:
                return False
        self._until = begin + SECONDS - SLACK
        return True


@contextmanager
def leased(folder: RemotePath) -> Iterator[Callable[[], None]]:
    """Hold the lease of an index during a block.

    Yields:
        A function to be called before each commit; it raises StoreError if the lease was lost.

    Raises:
        StoreError: another process holds it, or the storage does not allow it.
    """
    lease = _Lease(folder)
    lease.take()
    keeper = threading.Thread(target=lease.renew_until_over, daemon=True, name="lease")
    keeper.start()
    try:
        yield lease.check
    finally:
        lease._over.set()
        keeper.join()
        lease.give_back()


def _table(folder: RemotePath) -> Any:
    with one_error_type(folder):
        database = connect(folder)
        with suppress(ValueError, OSError, RuntimeError):  # it is there, or another has just made it
            return database.open_table(LEASE)
        with suppress(ValueError, OSError, RuntimeError):
            first = pa.Table.from_pylist([{"holder": "", "expires": 0.0}], schema=_SCHEMA)
            return database.create_table(LEASE, first, mode="create")
        return database.open_table(LEASE)

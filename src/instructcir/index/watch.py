"""Following folders: look at names, sizes and times now and then, and say when something has changed and settled."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from instructcir.errors import StoreError
from instructcir.files import PathLike
from instructcir.index.scan import FileState, scan

SECONDS = 2.0
LONGEST_WAIT = 30.0


def changes(
    folders: Sequence[PathLike],
    *,
    seconds: float = SECONDS,
    longest: float = LONGEST_WAIT,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Yield whenever the picture files of some folders have changed and then stayed as they are for one look.

    While files keep coming, as in a long copy, it yields after `longest` seconds all the same. A folder that is away
    for a while, unmounted for one, is waited for. It never ends by itself.

    Args:
        folders: to be followed, with all below. What lies in them when the walk begins counts as seen.
        seconds: between two looks.
        longest: seconds for which a change may wait to settle.
        sleep: waits.
    """
    seen = last = _look(folders)
    waited = 0.0
    while True:
        sleep(seconds)
        now = _look(folders)
        settled, last = now == last, now
        if now is None or now == seen:
            waited = 0.0
            continue
        waited += seconds
        if settled or waited >= longest:
            seen, waited = now, 0.0
            yield


def _look(folders: Sequence[PathLike]) -> dict[str, FileState] | None:
    try:
        return scan(folders).files
    except StoreError:
        return None

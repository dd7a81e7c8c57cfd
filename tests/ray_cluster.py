"""A Ray cluster of two processors in this machine, for a module of tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from instructcir.cluster import Share

TWO = Share(2, 1, 0)
QUIET = [  # Ray leaves the processes that it starts, and files of theirs, to the end of this one
    pytest.mark.filterwarnings("ignore:.*:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:.*:pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:.*:FutureWarning:ray"),
    pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:ray"),
]


@contextmanager
def two_processors() -> Iterator[Any]:
    """Ray with the cluster running; its workers can import what lies beside the tests."""
    import ray

    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", path)
        patched.setenv("OMP_NUM_THREADS", "1")
        patched.setenv("RAY_worker_niceness", "0")  # else a busy machine hardly lets them run
        _start(ray)
        yield ray
        ray.shutdown()


def _start(ray: Any) -> None:
    """Ray gives its own processes 30 seconds to start, which a busy machine may not: it is tried thrice."""
    for attempt in range(3):
        try:
            ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=80 * 2**20)
            return
        except Exception:
            ray.shutdown()
            if attempt == 2:
                raise

"""A run that is killed at any moment loses nothing and doubles nothing, and readers see a whole version throughout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent


def run(program: str, place: Path, rounds: int, seconds: float = 180) -> None:
    command = [sys.executable, "-W", "ignore::RuntimeWarning", str(TESTS / program), str(place), str(rounds), "7"]
    path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=seconds)
    assert result.returncode == 0, result.stderr


def test_killed_at_random_moments(tmp_path: Path) -> None:
    run("index_kills.py", tmp_path, 12)


def test_reindexing_killed_at_random_moments(tmp_path: Path) -> None:
    run("reindex_kills.py", tmp_path, 16, seconds=400)

"""An adaptation that is killed at any stage ends, when it is called again, with the report of one that was not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

TESTS = Path(__file__).parent


def test_killed_anywhere_it_ends_with_the_same_report(built: Callable[..., Path], tmp_path: Path) -> None:
    command = [sys.executable, str(TESTS / "adapting_kills.py"), str(tmp_path), str(built("llava-clip-llama")), "5"]
    path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=900)
    assert result.returncode == 0, result.stderr[-3000:]

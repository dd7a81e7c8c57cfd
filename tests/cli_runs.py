"""Runs of the real command line, in this process or in one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from instructcir.cli.main import app


def run(*arguments: object, rc: int = 0) -> Result:
    """Run a command in this process; its exit code must be `rc`."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == rc, result.output
    return result


def refused(*arguments: object) -> str:
    """Run a command that must fail with exit code 2, and return the one line it says beside notes and the device."""
    result = run(*arguments, rc=2)
    assert result.stdout == ""
    lines = [line for line in result.stderr.splitlines() if not line.startswith(("device: ", "note: "))]
    assert len(lines) == 1, result.stderr
    return lines[0].removeprefix("instructcir: ")


def json_lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def process(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command as a person does, in a process of its own, offline."""
    command = [sys.executable, "-m", "instructcir", *map(str, arguments)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, check=False)

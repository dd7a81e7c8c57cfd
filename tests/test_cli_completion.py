"""Shell completion: each shell's script is printed, and asked for words it gives commands and options."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

RUN = [sys.executable, "-c", "from instructcir.cli.main import main; main()"]


def told(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A run of the command line, told of its shell instead of looking for it among the processes above."""
    variables = {**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1", **environment}
    return subprocess.run([*RUN, *words], capture_output=True, text=True, env=variables, check=False)


@pytest.mark.parametrize(
    ("shell", "sign"),
    [
        ("bash", "complete -o default -F _instructcir_completion instructcir"),
        ("zsh", "compdef _instructcir_completion instructcir"),
        ("fish", "complete --command instructcir"),
    ],
)
def test_the_script_of_each_shell(shell: str, sign: str) -> None:
    done = told("--show-completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert sign in done.stdout


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("instructcir se", {"search", "serve"}),
        ("instructcir search --pic", {"--pictures"}),
        ("instructcir prompt ", {"list", "show"}),
    ],
)
def test_words_are_completed_in_bash(typed: str, offered: set[str]) -> None:
    count = len(typed.split()) - (not typed.endswith(" "))
    asked = {"_INSTRUCTCIR_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(count)}
    assert set(told(**asked).stdout.split()) >= offered

"""How an error, an interrupt and a reader that goes away reach a person."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
import typer
from typer.testing import CliRunner, Result

from instructcir.cli.main import Commands, app, instructcir
from instructcir.errors import ImageError


def bad_picture() -> None:
    raise ImageError("a.jpg", "is cut short")


def interrupted() -> None:
    raise KeyboardInterrupt


def broken() -> None:
    raise ZeroDivisionError


def run(command: Callable[[], None], *arguments: str, env: dict[str, str] | None = None) -> Result:
    """Run one function as a command of the real root."""
    root = typer.Typer(pretty_exceptions_enable=False)
    root.callback(cls=Commands)(instructcir)
    root.command("it")(command)
    return CliRunner().invoke(root, [*arguments, "it"], env=env)


def test_an_error_is_one_line_and_exit_code_2() -> None:
    result = run(bad_picture)
    assert result.stderr == "instructcir: a.jpg: is cut short\n"
    assert result.stdout == ""
    assert result.exit_code == 2


@pytest.mark.parametrize(("arguments", "env"), [(["--debug"], {}), ([], {"INSTRUCTCIR_DEBUG": "1"})])
def test_debug_shows_the_traceback(arguments: list[str], env: dict[str, str]) -> None:
    result = run(bad_picture, *arguments, env=env)
    assert "Traceback (most recent call last)" in result.stderr
    assert "ImageError: a.jpg: is cut short" in result.stderr
    assert result.exit_code == 2


def test_ctrl_c_is_130() -> None:
    result = run(interrupted)
    assert result.exit_code == 130
    assert "Traceback" not in result.output


def test_a_bug_is_not_hidden() -> None:
    assert isinstance(run(broken).exception, ZeroDivisionError)


@pytest.mark.parametrize("arguments", [["nonsense"], ["--nonsense"]])
def test_a_wrong_command_line_is_exit_code_2(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "nonsense" in result.stderr


CHATTY = """
import typer
from instructcir.cli.main import Commands, instructcir
from instructcir.cli.output import print_json_line

def it() -> None:
    for number in range({lines}):
        print_json_line({{"number": number}})

root = typer.Typer(pretty_exceptions_enable=False)
root.callback(cls=Commands)(instructcir)
root.command("it")(it)
root(["it"])
"""


@pytest.mark.parametrize("lines", [1, 100_000])  # less and more than what a pipe's buffers hold
def test_a_reader_that_goes_away_is_no_complaint(lines: int) -> None:
    command = [sys.executable, "-c", CHATTY.format(lines=lines)]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=buffered) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 1

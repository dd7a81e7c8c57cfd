"""Results are lines of JSON; progress is seen on a terminal, and elsewhere only when work is long."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from instructcir.cli import output


def test_a_json_line_survives_any_text(capsys: pytest.CaptureFixture[str]) -> None:
    record = {"path": "grün\nb\udcff.jpg", "score": 0.25}
    output.print_json_line(record)
    printed = capsys.readouterr().out
    assert printed.isascii()
    assert printed.count("\n") == 1
    assert json.loads(printed) == record


def test_a_json_line_refuses_what_json_does_not_have() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        output.print_json_line({"score": float("nan")})


def progress_text(*, terminal: bool, total: int | None, steps: int) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=100)
    with output.progress_bar("encoding", total, console) as advance:
        for _ in range(steps):
            advance(1)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_terminal_sees_progress_at_once() -> None:
    text = progress_text(terminal=True, total=5, steps=3)
    assert "encoding" in text
    assert "3/5" in text


def test_a_log_sees_nothing_of_short_work() -> None:
    assert progress_text(terminal=False, total=5, steps=5) == ""


@pytest.mark.parametrize(("total", "count"), [(5, "5/5"), (None, "5/?")])
def test_a_log_sees_one_line_of_long_work(monkeypatch: pytest.MonkeyPatch, total: int | None, count: str) -> None:
    monkeypatch.setattr(output, "SHOW_AFTER_SECONDS", -1.0)
    text = progress_text(terminal=False, total=total, steps=5)
    assert text.startswith("encoding")
    assert count in text
    assert "/s" in text
    assert text.count("\n") == 1


def test_progress_ends_when_the_work_fails() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with pytest.raises(RuntimeError, match="mine"), output.progress_bar("encoding", 5, console):
        raise RuntimeError("mine")
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().endswith("\x1b[?25h")  # the cursor is shown again


def test_steps_without_progress_are_lines_in_a_log_and_a_clock_on_a_terminal() -> None:
    for terminal in (False, True):
        console = Console(file=io.StringIO(), force_terminal=terminal, width=100)
        with output.steps_shown(console) as step:
            step("building a graph", 200.0)
            step("measuring", None)
        assert isinstance(console.file, io.StringIO)
        said = console.file.getvalue()
        if terminal:
            assert "building a graph" in said
            assert "0:00:00" in said
        else:
            assert said == "building a graph, about 3 min ...\nmeasuring ...\n"


def test_steps_end_when_the_work_fails() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)

    def fail() -> None:
        with output.steps_shown(console) as step:
            step("building", 12.0)
            raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        fail()
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().endswith("\x1b[?25h"), "the cursor is back"

"""What commands print: results on stdout, progress and remarks on stderr, so that results can be piped."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

SHOW_AFTER_SECONDS = 2.0


def stderr_console() -> Console:
    """Return a console on stderr, for progress, tables and remarks that are no result."""
    return Console(stderr=True)


def print_json_line(record: Mapping[str, object]) -> None:
    """Print one result as one line of JSON on stdout.

    Non-ASCII characters are escaped: the line then survives every locale and every file name.

    Raises:
        ValueError: the record holds NaN or infinity, which JSON does not have.
    """
    print(json.dumps(record, allow_nan=False))


@contextmanager
def progress_bar(
    description: str, total: int | None, console: Console | None = None
) -> Iterator[Callable[[int], None]]:
    """Show how far a long piece of work is: count, rate and time left.

    On a terminal the bar is there from the start. Elsewhere (a log file, a pipe) one line appears at the end, and only
    when the work took longer than two seconds.

    Args:
        description: what is being done, in one or two words.
        total: how many steps there are; None when unknown.
        console: where to draw; stderr when None.

    Yields:
        A function to call with the number of steps just done.
    """
    console = console or stderr_console()
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn()
    bar = Progress(*columns, console=console)
    task = bar.add_task(description, total=total)
    begin = time.monotonic()
    if console.is_terminal:
        bar.start()
    try:
        yield lambda steps: bar.advance(task, steps)
    finally:
        if not console.is_terminal and time.monotonic() - begin > SHOW_AFTER_SECONDS:
            bar.start()
        if bar.live.is_started:  # stopping one that was never shown prints an empty line
            bar.stop()


@contextmanager
def steps_shown(console: Console | None = None) -> Iterator[Callable[[str, float | None], None]]:
    """Show the steps of work that cannot tell how far it is: what is done, for how long already, and an estimate.

    On a terminal the step at hand has a clock that runs; elsewhere each step is a line.

    Args:
        console: where to draw; stderr when None.

    Yields:
        A function to call when a step begins: what it is, in words, and about how many seconds it will take, if known.
    """
    console = console or stderr_console()
    columns = SpinnerColumn(finished_text=" "), TextColumn("{task.description}"), TimeElapsedColumn(), _About()
    shown = Progress(*columns, console=console)

    def step(text: str, seconds: float | None) -> None:
        if not console.is_terminal:
            console.print(f"{text}{'' if seconds is None else f', {about(seconds)}'} ...", soft_wrap=True)
            return
        shown.start()
        for task in shown.tasks:
            shown.update(task.id, total=1, completed=1)
        shown.add_task(text, total=None, seconds=seconds)

    try:
        yield step
        for task in shown.tasks:
            shown.update(task.id, total=1, completed=1)
    finally:
        if shown.live.is_started:
            shown.stop()


def about(seconds: float) -> str:
    """An estimate in words: "about 40 s", "about 3 min"."""
    return f"about {seconds:.0f} s" if seconds < 100 else f"about {seconds / 60:.0f} min"


class _About(ProgressColumn):
    """What a step is expected to take in all, while it runs."""

    def render(self, task: Task) -> Text:
        seconds = task.fields.get("seconds")
        return Text("" if seconds is None or task.finished else f"of {about(seconds)}")


class _Rate(ProgressColumn):
    """Steps per second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f}/s")

"""Runs: everything asked for is kept or rejected, and kills, shards and processes change nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import synthesis_kills as kills
from instructcir.errors import InputError
from instructcir.synthesis.counts import Counts
from instructcir.synthesis.rules import RuleWriter
from instructcir.synthesis.run import Options, counts_of, run_folder, synthesise
from instructcir.synthesis.shard import BudgetReached, Places
from instructcir.synthesis.stored import read_verdicts
from instructcir.synthesis.writer import Draft, Task, nothing
from instructcir.synthesis.written import Source

TIMELESS = "2026-01-31T12:00:00Z"


def begin(folder: Path) -> None:
    """Give a run the time at which another began, so that both can be compared to the byte."""
    path = folder / "run.json"
    run = json.loads(path.read_text())
    path.write_text(json.dumps({**run, "began": TIMELESS}))


def content(folder: Path) -> dict[str, bytes]:
    names = [*sorted(folder.glob("*.parquet")), *sorted((folder / "rejected").iterdir())]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in names}


def started(folder: Path, options: Options = kills.OPTIONS) -> Path:
    """A run that has begun, at a known time, and done nothing."""
    synthesise([], RuleWriter(), kills.filters, folder, options)
    begin(folder)
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = started(tmp_path_factory.mktemp("whole") / "run")
    synthesise(kills.sources(), RuleWriter(), kills.filters, folder, kills.OPTIONS)
    return content(folder)


def test_kept_and_rejected_add_up(tmp_path: Path) -> None:
    steps: list[int] = []
    outcome = synthesise(
        kills.sources(), RuleWriter(), kills.filters, tmp_path / "t.parquet", kills.OPTIONS, progress=steps.append
    )
    counts = outcome.counts
    kept = list(read_verdicts(tmp_path / "t.parquet"))
    rejected = list(read_verdicts(tmp_path / "t.rejected.parquet"))
    assert (outcome.kept, outcome.rejected) == (tmp_path / "t.parquet", tmp_path / "t.rejected.parquet")
    assert counts.requested == sum(steps) == 3 * 700 == len(kept) + len(rejected)
    assert counts.kept == len(kept)
    assert counts.rejected == Counter(verdict.reason for _, verdict in rejected)
    assert set(counts.rejected) == {"short", "once"}
    assert {verdict.passed for _, verdict in kept} == {("short", "once")}
    assert {verdict.written.id for _, verdict in kept + rejected} == {f"s{n}#{m}" for n in range(700) for m in range(3)}
    run, told = counts_of(tmp_path / "t.parquet")
    assert (run["writer"], run["per_source"], told["requested"]) == ("rules", 3, 2100)
    assert sum(told["asked"].values()) == 3 * 2100  # a kind, a style and an aspect each


def test_the_order_is_that_of_the_sources(tmp_path: Path, whole: dict[str, bytes]) -> None:
    for name, data in whole.items():
        (tmp_path / name.replace("/", "-")).write_bytes(data)
    numbers = [int(source.id[1:]) for source, _ in read_verdicts(tmp_path / "0*.parquet")]
    assert numbers == sorted(numbers)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system has no SIGKILL")
def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path: Path, whole: dict[str, bytes]) -> None:
    folder = started(tmp_path / "run")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for marks in (1, 4, 9):
        process = subprocess.Popen([sys.executable, kills.__file__, str(folder)], env=environment)
        deadline = time.monotonic() + 60
        while len(list((folder / "shards").iterdir())) < marks and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert len(list((folder / "shards").glob("*.json"))) < 14  # it was killed before its end
    synthesise(kills.sources(), RuleWriter(), kills.filters, folder, kills.OPTIONS)
    assert content(folder) == whole


def test_two_processes_write_what_one_does(tmp_path: Path, whole: dict[str, bytes]) -> None:
    folder = started(tmp_path / "run")
    options = replace(kills.OPTIONS, workers=2)
    outcome = synthesise(kills.sources(), RuleWriter(), kills.filters, folder, options)
    assert content(folder) == whole
    assert outcome.counts.requested == 2100


def test_a_whole_shard_is_not_written_again(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    first = synthesise(kills.sources(120), RuleWriter(), kills.filters, folder, kills.OPTIONS)
    before = Places(folder, 0).kept.stat().st_mtime_ns

    class Nobody(RuleWriter):
        def write(self, tasks: Sequence[Task]) -> list[list[Draft]]:
            raise AssertionError("asked again")

    again = synthesise(kills.sources(120), Nobody(), kills.filters, folder, kills.OPTIONS)
    assert again.counts == first.counts
    assert Places(folder, 0).kept.stat().st_mtime_ns == before


def test_memory_holds_a_shard_and_no_more(tmp_path: Path) -> None:
    handed = 0

    def stream() -> Iterator[Source]:
        nonlocal handed
        for source in kills.sources(400):
            handed += 1
            yield source

    ahead: list[int] = []

    class Watched(RuleWriter):
        def write(self, tasks: Sequence[Task]) -> list[list[Draft]]:
            ahead.append(handed - int(tasks[0].source.id[1:]))
            return super().write(tasks)

    synthesise(stream(), Watched(), kills.filters, tmp_path / "run", kills.OPTIONS)
    assert max(ahead) <= kills.OPTIONS.shard_size


class Poor(RuleWriter):
    """A writer whose budget ends after so many sources; several threads ask it, one source at a time."""

    at_once = 1
    concurrency = 3

    def __init__(self, sources: int) -> None:
        super().__init__()
        self.left = set(range(sources))

    def write(self, tasks: Sequence[Task]) -> list[list[Draft]]:
        if int(tasks[0].source.id[1:]) not in self.left:
            raise BudgetReached("the budget is used up")
        return super().write(tasks)


def test_a_budget_that_ends_leaves_what_was_paid_for(tmp_path: Path) -> None:
    folder = started(tmp_path / "run")
    ended = synthesise(kills.sources(), Poor(333), kills.filters, folder, kills.OPTIONS)
    assert ended.ended == "the budget is used up"
    assert ended.counts.requested == 3 * 333 == ended.counts.kept + ended.counts.rejected.total()
    assert ended.counts.sources == 333
    more = synthesise(kills.sources(), Poor(10_000), kills.filters, folder, kills.OPTIONS)
    assert (more.ended, more.counts.requested) == ("", 2100)
    straight = started(tmp_path / "straight")
    synthesise(kills.sources(), Poor(10_000), kills.filters, straight, kills.OPTIONS)
    assert content(folder) == content(straight)


def test_what_cannot_be_written_is_a_rejection_with_its_reason(tmp_path: Path) -> None:
    class Refusing(RuleWriter):
        def write(self, tasks: Sequence[Task]) -> list[list[Draft]]:
            return [[nothing(order, "refused", "I cannot help") for order in task.orders] for task in tasks]

    outcome = synthesise(kills.sources(10), Refusing(), kills.filters, tmp_path / "run", kills.OPTIONS)
    assert outcome.counts.rejected == {"refused": 30}
    [(_, verdict), *_] = read_verdicts(tmp_path / "run" / "rejected")
    assert (verdict.reason, verdict.detail, verdict.passed) == ("refused", "I cannot help", ())


def test_sources_about_which_nothing_can_be_written_are_counted(tmp_path: Path) -> None:
    class Mute(RuleWriter):
        def possible(self, source: Source) -> dict[str, Sequence[str]]:
            return {}

    counts = synthesise(kills.sources(10), Mute(), kills.filters, tmp_path / "run", kills.OPTIONS).counts
    assert (counts.sources, counts.untouched, counts.requested) == (10, 10, 0)


def test_another_run_is_not_mixed_in(tmp_path: Path) -> None:
    synthesise(kills.sources(10), RuleWriter(), kills.filters, tmp_path / "run", kills.OPTIONS)
    for other in (replace(kills.OPTIONS, per_source=4), replace(kills.OPTIONS, about={"pairs": "other"})):
        with pytest.raises(InputError, match="was begun with"):
            synthesise(kills.sources(10), RuleWriter(), kills.filters, tmp_path / "run", other)
    with pytest.raises(InputError, match="was begun with filters = 'short, once', not ''"):
        synthesise(kills.sources(10), RuleWriter(), tuple, tmp_path / "run", kills.OPTIONS)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").touch()
    with pytest.raises(InputError, match="holds no run"):
        synthesise(kills.sources(10), RuleWriter(), kills.filters, tmp_path / "full", kills.OPTIONS)


def test_wrong_options_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="per_source is 0"):
        synthesise([], RuleWriter(), kills.filters, tmp_path / "run", Options(per_source=0))
    with pytest.raises(InputError, match="several workers are for rules"):
        synthesise([], Poor(1), kills.filters, tmp_path / "run", Options(workers=2))


def test_a_lost_triplet_is_a_fault() -> None:
    counts = Counts(requested=5, kept=3, rejected=Counter(schema=2))
    counts.check(3, 2)
    with pytest.raises(AssertionError, match="the files hold 3 and 1"):
        counts.check(3, 1)
    counts.rejected["schema"] -= 1
    with pytest.raises(AssertionError, match="5 triplets were asked for, 3 kept and 1 rejected"):
        counts.check(3, 1)


def test_an_unfinished_run_has_no_counts(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished run"):
        counts_of(tmp_path / "t.parquet")
    assert run_folder(tmp_path / "t.parquet") == tmp_path / "t.parts"

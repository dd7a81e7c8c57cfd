"""Adapting the bundled model to a style that it never saw, end to end, as `instructcir adapt` does it.

    python bench/adapting.py                         # 1,500 fashion plates; 20 minutes on two idle cores are the target
    python bench/adapting.py --pictures 500 --steps 40 --queries 60   # a smaller one
    python bench/adapting.py --work FOLDER           # keep all that is made; called again, it goes on

It draws a catalogue of `plates`, a world that no recipe names, adapts to its pairs, and prints what the report says:
the held-out test made from the pictures themselves, and the loss on the worlds that the model learned from. After
that, outside the minutes, it asks with more queries than a person waits for: composed ones whose right answers are
known from facts, on other plates and on the old worlds. Targets: 20 minutes, 10 points of recall@1, no more than 2
points lost. The peer is the base model, in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from instructcir.adapting.old_worlds import score_old_world
from instructcir.adapting.run import Options, Outcome, adapt
from instructcir.adapting.verdict import MOST_LOST, Change, change
from instructcir.data.reading import read_pairs
from instructcir.model.embedder import Embedder
from instructcir.synthesis.rules import RuleWriter
from instructcir.synthesis.written import Source
from instructcir.training.trainer import Step
from instructcir.worlds.galleries import composed_test
from instructcir.worlds.registry import NAMES, world
from instructcir.worlds.training_set import write_training_set

STYLE = "plates"
MINUTES, GAIN = 20.0, 10.0
_EVERY = 30.0


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


class Clock:
    """Minutes since its making, by the clock and of processor time, children's included."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def minutes(self) -> tuple[float, float]:
        own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        used = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
        return (time.monotonic() - self._began) / 60, used / 60


def stepper() -> Any:
    told = time.monotonic()

    def report(step: Step) -> None:
        nonlocal told
        if time.monotonic() - told > _EVERY:
            told = time.monotonic()
            rate = f"{step.samples_per_second:.1f} pictures/s"
            say(f"step {step.step:,} of {step.steps:,}: loss {step.loss:.3f}, {rate}")

    return report


def catalogue(folder: Path, pictures: int) -> list[Source]:
    if not folder.exists():
        write_training_set(world(STYLE), folder, count=pictures, side=224, workers=1)
    pairs = list(read_pairs(folder / "pairs.jsonl"))
    return [Source(pair.id, str(pair.image), pair.caption) for pair in pairs]


def by_facts(base: Embedder, adapter: Path, queries: int) -> list[Change]:
    """Tests of the style and of the old worlds by facts, before and after."""
    found, tuned = [], Embedder.load(adapter, "cpu")
    for name in (STYLE, *NAMES):
        test = composed_test(world(name), "test", queries=queries, gallery=4 * queries)
        before, after = score_old_world(base, test), score_old_world(tuned, test)
        found += [change(f"{name}, by facts", metric, before[metric], after[metric]) for metric in before]
    return found


def show(outcome: Outcome, facts: list[Change], minutes: tuple[float, float]) -> None:
    for one in [*outcome.changes, *facts]:
        print(
            f"{one.measure:24}{one.metric:10} {one.queries:5,} queries {one.before:6.1f} -> {one.after:6.1f}"
            f"  {one.gain:+6.1f} ({one.low:+.1f} to {one.high:+.1f})"
        )
    first = [one for one in [*outcome.changes, *facts] if one.metric == "recall@1"]
    gains = [one for one in first if one.measure in (outcome.deciding, f"{STYLE}, by facts")]
    lost = max(-one.gain for one in first if one.measure in [f"{name}, by facts" for name in NAMES])
    print(outcome.verdict.line)
    cores = len(os.sched_getaffinity(0))
    print(
        f"minutes: {minutes[0]:.1f} by the clock, {minutes[1]:.1f} of a processor, {cores} cores; target {MINUTES:.0f}"
    )
    for one in gains:
        print(f"gain of recall@1, {one.measure}: {one.gain:+.1f} points; target {GAIN:+.0f}")
    print(f"lost at most on an old world: {lost:.1f} points of recall@1; target {MOST_LOST:.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", default="tiny")
    parser.add_argument("--pictures", type=int, default=1500)
    parser.add_argument("--steps", type=int, default=None, help="instead of the number that is chosen")
    parser.add_argument("--hard-negatives", type=int, default=Options().hard_negatives)
    parser.add_argument("--queries", type=int, default=100, help="of each old world's test, as part of the adaptation")
    parser.add_argument("--queries-by-facts", type=int, default=250, help="of each world's test after it")
    parser.add_argument("--work", type=Path, default=None, help="a folder to keep all in")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work, clock = chosen.work or Path(temporary), Clock()
        work.mkdir(exist_ok=True)
        sources = catalogue(work / STYLE, chosen.pictures)
        say(f"{len(sources):,} plates are drawn after {clock.minutes[0]:.1f} minutes")
        base = Embedder.load(chosen.base, "cpu")
        tests = {name: composed_test(world(name), "test", queries=chosen.queries, gallery=4 * chosen.queries)
                 for name in NAMES}  # fmt: skip
        guards = {f"old world, {name}": partial(score_old_world, test=test) for name, test in tests.items()}
        options = Options(steps=chosen.steps, hard_negatives=chosen.hard_negatives)
        outcome = adapt(
            sources, base, RuleWriter(), work / "adapted", options, guards=guards, tell=say, report=stepper()
        )
        minutes = clock.minutes
        say(json.dumps(outcome.about))
        show(outcome, by_facts(base, outcome.adapter, chosen.queries_by_facts), minutes)


if __name__ == "__main__":
    main()

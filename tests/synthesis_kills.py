"""A run by rules over many made-up sources, to be killed: `python synthesis_kills.py INTO`."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from instructcir.synthesis.rules import RuleWriter
from instructcir.synthesis.run import Options, synthesise
from instructcir.synthesis.written import Filter, Source, Written

THINGS = ("dog", "red ball", "young man with a hat", "wooden bench", "blue car in front of a house", "coat with a belt")


def sources(count: int = 700) -> list[Source]:
    return [Source(f"s{number}", f"{number}.png", f"a {THINGS[number % len(THINGS)]}") for number in range(count)]


def short(source: Source, written: Written) -> str:
    return "" if len(written.instruction) < 40 else "40 letters or more"


class Once:
    """Remembers what it has seen, as a filter of near-duplicates does."""

    __name__ = "once"

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def __call__(self, source: Source, written: Written) -> str:
        if written.instruction in self._seen:
            return "seen"
        self._seen.add(written.instruction)
        return ""


def filters() -> Sequence[Filter]:
    return (short, Once())


def slow_filters() -> Sequence[Filter]:
    time.sleep(0.05)
    return filters()


OPTIONS = Options(per_source=3, shard_size=50)

if __name__ == "__main__":
    synthesise(sources(), RuleWriter(), slow_filters, sys.argv[1], OPTIONS)

"""A run that asks a server, to be killed: `python asking_kills.py URL FOLDER`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from instructcir.synthesis.answers import Answers
from instructcir.synthesis.endpoint import Access, Endpoint
from instructcir.synthesis.patient import Patient
from instructcir.synthesis.prompt import read_prompt
from instructcir.synthesis.prompted import PromptedWriter
from instructcir.synthesis.run import Options, Outcome, synthesise
from instructcir.synthesis.spending import Limits, Pace, Prices, Purse
from instructcir.synthesis.written import Filter, Source

SOURCES = [Source(f"s{number}", f"{number}.png", f"picture {number}") for number in range(60)]
OPTIONS = Options(per_source=2, shard_size=20)
PRICES = Prices(1.0, 10.0)


def no_filters() -> Sequence[Filter]:
    return ()


def patient(
    url: str, answers: Answers, limits: Limits | None = None, concurrency: int = 4, **access: object
) -> Patient:
    asker = Endpoint(Access("writer", url, **access), concurrency)  # type: ignore[arg-type]
    purse = Purse(limits or Limits(), PRICES, answers.spent())
    return Patient(asker, answers, purse, Pace(), tries=4, patience=0.002)


def run(url: str, folder: Path, limits: Limits | None = None, sources: Sequence[Source] = SOURCES) -> Outcome:
    folder.mkdir(exist_ok=True)
    with Answers(folder / "answers.sqlite") as answers:
        writer = PromptedWriter(patient(url, answers, limits), read_prompt())
        return synthesise(sources, writer, no_filters, folder / "run", OPTIONS)


if __name__ == "__main__":
    run(sys.argv[1], Path(sys.argv[2]))

"""Writers for the workers of a cluster, in a module that a worker imports soon."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path

import synthesis_kills as kills
from instructcir.synthesis.answers import Answers
from instructcir.synthesis.patient import Patient
from instructcir.synthesis.prompt import read_prompt
from instructcir.synthesis.prompted import PromptedWriter
from instructcir.synthesis.rules import RuleWriter
from instructcir.synthesis.spending import Limits, Pace, Prices, Purse
from instructcir.synthesis.writer import Draft, Task, Writer
from right_answers import Right


class DiesOnce(RuleWriter):
    """Kills its process in the middle of the second shard that it writes, unless one has died already."""

    def __init__(self, mark: Path) -> None:
        super().__init__()
        self.mark, self.written = mark, 0

    def write(self, tasks: Sequence[Task]) -> list[list[Draft]]:
        self.written += len(tasks)
        if self.written > kills.OPTIONS.shard_size and not self.mark.exists():
            self.mark.write_text(str(os.getpid()), encoding="utf-8")
            os.kill(os.getpid(), signal.SIGKILL)
        return super().write(tasks)


def asking() -> Writer:
    answers = Answers(":memory:")
    return PromptedWriter(Patient(Right(), answers, Purse(Limits(), Prices(), answers.spent()), Pace()), read_prompt())

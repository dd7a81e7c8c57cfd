"""An asker that answers rightly, without a model."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from instructcir.synthesis.asking import Answer, Question

ORDER = re.compile(r"^(\d+)\. kind: (\w+); style: (\w+); show if possible: (.+)$", re.MULTILINE)


class Right:
    """Answers every order as it should be, and counts what it is asked."""

    model = "local:right"
    name = "local:right 1"
    at_once = 3
    concurrency = 1

    def __init__(self) -> None:
        self.asked: list[Question] = []
        self.calls = 0

    def ask(self, questions: Sequence[Question], turn: int) -> list[Answer]:
        assert turn == 0
        self.calls += 1
        self.asked += questions
        return [self._one(question) for question in questions]

    def _one(self, question: Question) -> Answer:
        text = question.turns[-1].text
        orders = ORDER.findall(text)
        if not orders:
            return Answer('"a  red\nball"', "stop", 10, 5)
        triplets = [
            {
                "number": int(number),
                "instruction": f"{kind} said as {style}",
                "modified_caption": f"a thing with another {kind}",
                "kind": kind,
                "aspects": [aspect],
            }
            for number, kind, style, aspect in orders
        ]
        return Answer("Sure! " + json.dumps({"triplets": triplets}), "stop", 100, 50)

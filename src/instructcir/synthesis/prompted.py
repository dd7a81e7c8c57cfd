"""A writer that asks a language model, checks the shape of its answers, and asks again where that is wrong."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from instructcir.synthesis.asking import Answer
from instructcir.synthesis.patient import Patient
from instructcir.synthesis.planning import Order
from instructcir.synthesis.prompt import Prompt
from instructcir.synthesis.writer import Draft, Task, nothing
from instructcir.synthesis.written import ASPECTS, Kind, Source
from instructcir.worlds.world import Aspect

_TURNS = 3
"""How often a question is asked whose answers have a wrong shape."""
_SORRY = re.compile(
    r"\s*(i'm sorry|i am sorry|sorry|i cannot|i can't|i can\u2019t|i'm unable|i am unable|as an ai)", re.I
)
_LONGEST = 2000  # characters of a text; a model that repeats itself without end is cut off by its schema


class _Triplet(BaseModel):
    model_config = ConfigDict(extra="forbid")
    number: int
    instruction: str = Field(max_length=_LONGEST)
    modified_caption: str = Field(max_length=_LONGEST)
    kind: Kind
    aspects: list[Aspect]


class _Triplets(BaseModel):
    model_config = ConfigDict(extra="forbid")
    triplets: list[_Triplet]


class PromptedWriter:
    """Has a language model write triplets."""

    def __init__(self, patient: Patient, prompt: Prompt, *, shown: bool = False) -> None:
        """Prepare to ask.

        Args:
            patient: who asks.
            prompt: what is asked.
            shown: whether the model is sent the pictures too.
        """
        self._patient, self._prompt, self._shown = patient, prompt, shown
        self._schema = answer_schema()
        self.name = patient.asker.model
        self.prompt = prompt.hash
        self.at_once = patient.asker.at_once
        self.concurrency = patient.asker.concurrency

    def possible(self, source: Source) -> Mapping[str, Collection[str]] | None:
        """Whatever is ordered; what a caption has no room for, the model answers by another kind."""
        del source
        return None

    def write(self, tasks: Sequence[Task]) -> list[list[Draft]]:
        """One draft for each order of each task.

        Raises:
            InstructcirError: as `Patient.ask` does.
        """
        found: list[list[Draft] | None] = [None] * len(tasks)
        for turn in range(_TURNS):
            left = [number for number, one in enumerate(found) if one is None]
            if not left:
                break
            questions = [self._prompt.question(tasks[number], self._schema, shown=self._shown) for number in left]
            for number, answer in zip(left, self._patient.ask(questions, turn), strict=True):
                found[number] = _drafts(tasks[number].orders, answer, last=turn == _TURNS - 1)
        return [one or [] for one in found]


def answer_schema() -> dict[str, Any]:
    """The JSON schema of answers: every field needed, none else allowed, as strict servers ask for."""
    return _Triplets.model_json_schema()


def _drafts(orders: Sequence[Order], answer: Answer, *, last: bool) -> list[Draft] | None:
    """Drafts from an answer; None where it is worth asking again."""
    if answer.end in ("refused", "no answer", "bad request"):
        return [nothing(order, answer.end, answer.text, answer.time) for order in orders]
    try:
        given = _Triplets.model_validate_json(_json(answer.text))
    except ValidationError as error:
        if not last and not _SORRY.match(answer.text):
            return None
        reason, detail = _wrong(answer, error)
        return [nothing(order, reason, detail, answer.time) for order in orders]
    by_number = {one.number: one for one in reversed(given.triplets)}  # of equal numbers the first counts
    return [_draft(order, by_number.get(number), answer.time) for number, order in enumerate(orders, 1)]


def _draft(order: Order, given: _Triplet | None, time: str) -> Draft:
    if given is None:
        return nothing(order, "missing", "the answer has no triplet for this order", time)
    texts = " ".join(given.instruction.split()), " ".join(given.modified_caption.split())
    aspects = tuple(aspect for aspect in ASPECTS if aspect in given.aspects)
    return Draft(*texts, given.kind, order.style, aspects, time)


def _json(text: str) -> str:
    """The JSON in an answer, where a model wrapped it in words or in a fence."""
    start, end = text.find("{"), text.rfind("}")
    return text[start : end + 1] if 0 <= start < end else text[max(start, 0) :]


def _wrong(answer: Answer, error: ValidationError) -> tuple[str, str]:
    if _SORRY.match(answer.text):
        return "refused", answer.text[:300]
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"]))
    if answer.end == "length" or (first["type"] == "json_invalid" and "EOF" in first["msg"]):
        return "truncated", f"the answer ends early: ...{answer.text[-60:]!r}"
    return "schema", f"{where or 'answer'}: {first['msg']}"

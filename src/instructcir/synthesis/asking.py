"""A question to a language model and its answer, whoever gives it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from instructcir.errors import InstructcirError
from instructcir.images import open_rgb
from instructcir.synthesis.written import Picture

SIDE = 512
"""Pixels that the longer side of a picture has when a model is shown it."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a conversation.

    Attributes:
        role: "system", "user" or "assistant".
        text: what is said.
        pictures: what is shown before it.
    """

    role: str
    text: str
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked.

    Attributes:
        turns: the conversation, which ends with the user's.
        schema: JSON schema that the answer has to follow; empty where it is plain text.
        longest: tokens that the answer may have.
    """

    turns: tuple[Turn, ...]
    schema: Mapping[str, Any] = field(default_factory=dict)
    longest: int = 1200

    def digest(self, *more: object) -> str:
        """A hash of all that is asked, pictures' contents included.

        Raises:
            InputError: a picture cannot be read.
        """
        said = [(turn.role, turn.text, [_digest(picture) for picture in turn.pictures]) for turn in self.turns]
        whole = json.dumps([said, self.schema, self.longest, SIDE, *more], sort_keys=True)
        return hashlib.sha256(whole.encode()).hexdigest()

    @property
    def size(self) -> int:
        """Bytes of its text."""
        return sum(len(turn.text.encode()) for turn in self.turns) + len(json.dumps(self.schema))

    @property
    def pictures(self) -> int:
        """How many pictures it shows."""
        return sum(len(turn.pictures) for turn in self.turns)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model answered.

    Attributes:
        text: of the answer.
        end: "stop"; "length" where it was cut off; "refused", "no answer" or "bad request" where there is none, the
            text then saying why.
        tokens_in: that the question had.
        tokens_out: that the answer has.
        time: when it came, in UTC.
    """

    text: str
    end: str = "stop"
    tokens_in: int = 0
    tokens_out: int = 0
    time: str = ""


class Later(InstructcirError):
    """No answer now; the same question may get one later.

    Attributes:
        after: seconds that the server asks to wait; None where it does not say.
        all_wait: whether the server asked for fewer questions from everyone.
        unpaid: whether it is certain that no answer was made, which would cost.
    """

    def __init__(self, why: str, after: float | None = None, *, all_wait: bool = False, unpaid: bool = True) -> None:
        super().__init__(why)
        self.after = after
        self.all_wait = all_wait
        self.unpaid = unpaid


class Asker(Protocol):
    """Somebody who answers."""

    @property
    def name(self) -> str:
        """With its model, and all settings that an answer depends on: the same name, the same answers."""
        ...

    @property
    def model(self) -> str:
        """Only kind and model, as provenance tells it."""
        ...

    @property
    def at_once(self) -> int:
        """How many questions one call of `ask` takes best."""
        ...

    @property
    def concurrency(self) -> int:
        """How many calls may run at the same time."""
        ...

    def ask(self, questions: Sequence[Question], turn: int) -> list[Answer]:
        """Answer questions.

        Args:
            questions: at least one.
            turn: 0, or how often the same has been asked before; another turn may give another answer.

        Raises:
            Later: not now.
            InstructcirError: never: no such model, a wrong key.
        """
        ...


def _digest(picture: Picture) -> str:
    if isinstance(picture, bytes):
        return hashlib.sha256(picture).hexdigest()
    from instructcir.files import sha256_of

    return sha256_of(picture)


def opened(picture: Picture) -> Any:
    """A picture of a question, upright, as a PIL image of its own.

    Raises:
        ImageError: it cannot be used.
    """
    return open_rgb(picture)

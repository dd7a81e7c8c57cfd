"""What every writer offers, whether a language model or rules."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from instructcir.synthesis.planning import Order
from instructcir.synthesis.written import Source
from instructcir.worlds.world import Aspect


@dataclass(frozen=True, slots=True)
class Task:
    """Triplets that are wanted from one source."""

    source: Source
    orders: tuple[Order, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """What a writer gave for one order, or why it gave nothing.

    Attributes:
        instruction: the modification.
        modified_caption: what the target shows.
        kind: what the edit changes, in the writer's own view.
        style: how it is said.
        aspects: those of CIRCO's that apply.
        time: when it was written, in UTC; empty where that is the run's own time.
        reason: empty, or why there is nothing: "refused", "truncated", "schema", "missing", "no answer", "impossible".
        detail: that reason in words.
    """

    instruction: str
    modified_caption: str
    kind: str
    style: str
    aspects: tuple[Aspect, ...]
    time: str = ""
    reason: str = ""
    detail: str = ""


def nothing(order: Order, reason: str, detail: str, time: str = "") -> Draft:
    """A draft that says why there is none."""
    return Draft("", "", order.kind, order.style, (), time, reason, detail)


class Writer(Protocol):
    """Writes triplets."""

    @property
    def name(self) -> str:
        """With its model: "rules", "openai:gpt-4o"."""
        ...

    @property
    def prompt(self) -> str:
        """A hash of all that its answers depend on beside the source, the orders and the model."""
        ...

    @property
    def at_once(self) -> int:
        """How many tasks one call of `write` takes best."""
        ...

    @property
    def concurrency(self) -> int:
        """How many calls may run at the same time, each in a thread of its own; 0 where a thread gains nothing."""
        ...

    def possible(self, source: Source) -> Mapping[str, Collection[str]] | None:
        """Kind -> styles that can be written about a source; None for all, empty for none."""
        ...

    def write(self, tasks: Sequence[Task]) -> list[list[Draft]]:
        """One draft for each order of each task, in their order.

        Raises:
            InstructcirError: nothing can be written at all: no such model, a wrong key, the budget is used up.
        """
        ...

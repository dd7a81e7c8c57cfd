"""The words of the triplet factory: what a triplet is written from, what was written, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, get_args

from instructcir.worlds.world import Aspect

Kind: TypeAlias = Literal[
    "add",  # something is there that was not
    "remove",  # something is gone
    "replace",  # one thing is another thing
    "colour",
    "attribute",  # material, pattern, size, age, condition
    "count",
    "action",  # what somebody does, a pose, an expression
    "position",  # where things stand among each other
    "place",  # the background or the place
    "time",  # of day, season, weather
    "viewpoint",  # distance, angle, framing
    "medium",  # photo, drawing, black and white
]
"""What an edit changes. A modification that does several things is named by all of them, joined by "+"."""

Style: TypeAlias = Literal["direct", "comparative", "negative", "description", "fragment", "question", "conversational"]
"""How an instruction is said."""

KINDS: tuple[Kind, ...] = get_args(Kind)
STYLES: tuple[Style, ...] = get_args(Style)
ASPECTS: tuple[Aspect, ...] = get_args(Aspect)

Picture: TypeAlias = str | bytes
"""A picture's path, or the bytes of its file."""


@dataclass(frozen=True, slots=True)
class Source:
    """What triplets are written from: a picture and its caption, or two pictures of which one is the target.

    Attributes:
        id: unique within one run.
        image: the reference; None where a source is only read for its texts.
        caption: what it shows.
        target: the picture that it is to become, for triplets of two pictures; None for all others.
        target_caption: what that one shows.
    """

    id: str
    image: Picture | None
    caption: str
    target: Picture | None = None
    target_caption: str = ""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a triplet came from.

    Attributes:
        writer: its name, with the model: "rules", "openai:gpt-4o", "local:Qwen/Qwen3-4B".
        prompt: SHA-256 of the prompt, or of the rules, that it was written with; 16 hexadecimal digits.
        time: when it was written, in UTC: "2026-01-31T12:00:00Z".
    """

    writer: str
    prompt: str
    time: str


@dataclass(frozen=True, slots=True)
class Written:
    """One triplet that was asked for, as the writer gave it.

    Attributes:
        source: the id of its source.
        number: which of the triplets asked for from this source, from 0.
        instruction: the modification; empty where the writer gave none.
        modified_caption: what the target shows; empty where the writer gave none.
        kind: what the edit changes, one of `KINDS` or several joined by "+".
        style: how it is said, one of `STYLES`.
        aspects: those of CIRCO's nine that apply.
        provenance: who wrote it, with what, when.
    """

    source: str
    number: int
    instruction: str
    modified_caption: str
    kind: str
    style: str
    aspects: tuple[Aspect, ...]
    provenance: Provenance

    @property
    def id(self) -> str:
        """The triplet's own id: its source's and its number."""
        return f"{self.source}#{self.number}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one triplet that was asked for.

    Attributes:
        written: what the writer gave.
        reason: empty for one that is kept; else the name of the filter that rejected it, or why there is none
            ("refused", "no answer", "truncated", "schema", "budget", ...).
        detail: the reason in words, for a person.
        passed: names of the filters that it passed, in order.
    """

    written: Written
    reason: str = ""
    detail: str = ""
    passed: tuple[str, ...] = ()

    @property
    def kept(self) -> bool:
        """Whether no filter rejected it."""
        return not self.reason


class Filter(Protocol):
    """One check of a triplet, with a name.

    A plain function is one. One that remembers what it has seen is an object; it is made anew for each shard, so that
    a shard that is done again after a kill comes out the same.
    """

    @property
    def __name__(self) -> str:
        """The filter's name, which stands in rejected triplets and in counts."""
        ...

    def __call__(self, source: Source, written: Written) -> str:
        """Return an empty string for a triplet that may be kept, else what is wrong with it, in a few words."""
        ...


def examine(source: Source, written: Written, filters: Sequence[Filter]) -> Verdict:
    """Put one triplet through filters, up to the first that rejects it.

    Args:
        source: what it was written from.
        written: the triplet.
        filters: in their order.
    """
    for place, check in enumerate(filters):
        if detail := check(source, written):
            return Verdict(written, check.__name__, detail, tuple([one.__name__ for one in filters[:place]]))
    return Verdict(written, passed=tuple([one.__name__ for one in filters]))

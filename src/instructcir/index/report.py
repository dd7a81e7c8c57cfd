"""What a run over an index did."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Report:
    """What a run did.

    Attributes:
        encoded: pictures that went through the model.
        reused: rows written with a vector that was known: renamed, moved, touched or copied files.
        removed: rows taken out.
        unchanged: files that cost nothing.
        described: rows whose metadata changed.
        problems: path and reason of all that was left out.
        seconds: of the clock, for the whole run.
        encoding: seconds of the clock from the first file that is read to the last row that is written; what a rate is
            taken of.
        stages: seconds of each stage.
    """

    encoded: int = 0
    reused: int = 0
    removed: int = 0
    unchanged: int = 0
    described: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0
    encoding: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)

"""Triplets for the filters, from `filter_samples.toml`."""

from __future__ import annotations

import tomllib
from pathlib import Path

from instructcir.synthesis.written import Provenance, Source, Written

WRITER = Provenance("a test", "0" * 16, "2026-01-31T12:00:00Z")

_SAMPLES = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
GOOD = [tuple(texts) for texts in _SAMPLES["good"]]
BAD = [(reason, *texts) for reason, several in _SAMPLES["bad"].items() for texts in several]


def triplet(
    caption: str, instruction: str, modified: str, number: int = 0, kind: str = "attribute"
) -> tuple[Source, Written]:
    """What filters are asked about."""
    written = Written(f"s{number}", number, instruction, modified, kind, "direct", (), WRITER)
    return Source(f"s{number}", None, caption), written

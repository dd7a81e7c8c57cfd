"""Scores on drawn test sets as lines of text and as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from instructcir.evaluation.drawn import Score

METRICS = ("recall@1", "recall@10", "mAP@5")


def plain(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result of `score_drawn` as plain values for JSON, figures rounded to two decimals."""
    return {name: _plain(value) for name, value in result.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Score):
        rounded = {metric: [round(number, 2) for number in figures] for metric, figures in value.values.items()}
        return {"queries": value.queries, **rounded}
    if isinstance(value, Mapping):
        return plain(value)
    return round(value, 2) if isinstance(value, float) else value


def lines(result: Mapping[str, Any]) -> list[str]:
    """A result of `score_drawn` as a table: means with 95 % intervals, in percent."""
    width = max(len(name) for part in ("by kind", "by aspect") for name in (*result[part], "image to image")) + 2
    head = f"{'':{width}}{'queries':>8}" + "".join(f"{metric:>22}" for metric in METRICS)
    found = [head]
    found += [_line(name, value, width) for name, value in result.items() if isinstance(value, Score)]
    found.append(
        f"composition gap: {result['composition gap']:+.1f} points of recall@10 over the better single modality"
    )
    for part in ("by kind", "by aspect"):
        found += ["", f"{part} (composed)", *(_line(name, value, width) for name, value in result[part].items())]
    return found


def _line(name: str, score: Score, width: int) -> str:
    figures = [score.values[metric] for metric in METRICS]
    return f"{name:{width}}{score.queries:8}" + "".join(
        f"{m:8.1f} ({low:5.1f}-{high:5.1f})" for m, low, high in figures
    )

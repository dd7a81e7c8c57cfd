"""A run's losses as a picture."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from instructcir.errors import DependencyError
from instructcir.files import write_atomic

_NOT_LOSSES = {"step", "learning_rate", "grad_norm", "samples_per_second", "temperature"}


def draw_curve(lines: Sequence[Mapping[str, float]], path: Path, title: str) -> None:
    """Draw every loss of a log over its steps.

    Args:
        lines: of `log.jsonl`.
        path: where the PNG goes.
        title: the run's name.

    Raises:
        DependencyError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise DependencyError("drawing curves needs matplotlib: pip install 'instructcir[train]'") from error
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for name in [name for name in lines[-1] if name not in _NOT_LOSSES]:
        points = [(line["step"], line[name]) for line in lines if name in line]
        axes.plot(*zip(*points, strict=True), label=name, linewidth=1.6 if name == "loss" else 1.0)
    axes.set(title=title, xlabel="step", ylabel="loss")
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=120)
    write_atomic(path, drawn.getvalue())

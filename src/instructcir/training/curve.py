"""A run's losses as a picture."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from instructcir.errors import DependencyError
from instructcir.files import write_atomic

_NOT_LOSSES = {"step", "learning_rate", "grad_norm", "samples_per_second", "temperature"}
_SHARE = "right of "
"""How names of shares begin: of facts that are told right, not losses."""
_FAR = 20
"""How many times the least loss the largest must be for the axis to be logarithmic."""


def draw_curve(lines: Sequence[Mapping[str, float]], path: Path, title: str) -> None:
    """Draw every loss of a log over its steps, and beside them, if there are any, the shares that are told right.

    Args:
        lines: of `log.jsonl`.
        path: where the PNG goes.
        title: the run's name.

    Raises:
        DependencyError: matplotlib is not installed.
    """
    drawn = io.BytesIO()
    curves(lines, title).savefig(drawn, format="png", dpi=120)
    write_atomic(path, drawn.getvalue())


def curves(lines: Sequence[Mapping[str, float]], title: str) -> Any:
    """The same as matplotlib's figure.

    Raises:
        DependencyError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import FuncFormatter, PercentFormatter
    except ImportError as error:
        raise DependencyError("drawing curves needs matplotlib: pip install 'instructcir[train]'") from error
    names = [name for name in lines[-1] if name not in _NOT_LOSSES]
    shares = [name for name in names if name.startswith(_SHARE)]
    losses = [name for name in names if name not in shares]
    figure = Figure(figsize=(11 if shares else 8, 4.5), layout="constrained")
    figure.suptitle(title)
    panels = figure.subplots(1, 2 if shares else 1, squeeze=False)[0]
    for panel, shown in zip(panels, (losses, shares), strict=False):
        for name in shown:
            points = [(line["step"], line[name]) for line in lines if name in line]
            panel.plot(*zip(*points, strict=True), label=name, linewidth=1.6 if name == "loss" else 1.0)
        panel.set(xlabel="step")
        panel.grid(alpha=0.25)
        panel.legend(frameon=False)
    panels[0].set(ylabel="loss")
    values = [line[name] for line in lines for name in losses if line.get(name, 0) > 0]
    if values and max(values) > _FAR * min(values):
        panels[0].set_yscale("log")
        panels[0].yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    if shares:
        panels[1].set(ylabel="facts told right", ylim=(0, 1))
        panels[1].yaxis.set_major_formatter(PercentFormatter(1))
    return figure

"""Two small charts as SVG: at which ranks targets are found, and recall against the number of ranks."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT = 420, 180
_LEFT, _BOTTOM, _TOP, _EDGE = 30, 26, 12, 4
LINES = 4
"""Lines that have a colour of their own."""
EDGES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
"""Ranks at which a bar begins."""


def histogram(ranks_Q: npt.NDArray[np.int64]) -> str:
    """Bars: how many targets stand at which ranks; those not found in the last one.

    Args:
        ranks_Q: from 1; 0 where a target was not found.
    """
    found = ranks_Q[ranks_Q > 0]
    edges = [edge for edge in EDGES if edge <= max(1, int(found.max(initial=1)))]
    bounds = [*edges, 10**9]
    counts = [int(((found >= low) & (found < high)).sum()) for low, high in itertools.pairwise(bounds)]
    names = [_span(low, high) for low, high in itertools.pairwise(bounds)]
    lost = int((ranks_Q <= 0).sum())
    if lost:
        counts, names = [*counts, lost], [*names, "none"]
    step = (WIDTH - 2 * _EDGE) / len(counts)
    tallest = max(1, *counts)
    parts = []
    for number, (count, name) in enumerate(zip(counts, names, strict=True)):
        x, height = _EDGE + number * step, (HEIGHT - _BOTTOM - _TOP - 12) * count / tallest
        y = HEIGHT - _BOTTOM - height
        parts.append(f'<rect x="{x + 2:.1f}" y="{y:.1f}" width="{step - 4:.1f}" height="{height:.1f}" class="bar"/>')
        parts.append(f'<text x="{x + step / 2:.1f}" y="{y - 3:.1f}" class="tick">{count:,}</text>')
        parts.append(f'<text x="{x + step / 2:.1f}" y="{HEIGHT - 10}" class="tick">{name}</text>')
    return _svg(parts, "queries by the rank of their target")


def recall_curve(ranks: Sequence[tuple[str, npt.NDArray[np.int64]]]) -> str:
    """Lines: the share of queries whose target is among the first k, for k from 1, on a logarithmic axis.

    Args:
        ranks: name of a line -> ranks from 1; 0 where a target was not found.
    """
    most = max(2, *(int(ranks_Q.max(initial=1)) for _, ranks_Q in ranks))
    ks = np.unique(np.geomspace(1, most, 60).round().astype(int))
    parts = [
        f'<text x="{_LEFT - 4}" y="{_y(share) + 3:.1f}" class="end">{share}</text>'
        f'<line x1="{_LEFT}" x2="{WIDTH - 4}" y1="{_y(share):.1f}" y2="{_y(share):.1f}" class="gridline"/>'
        for share in (0, 25, 50, 75, 100)
    ]
    parts += [
        f'<text x="{_x(edge, most):.1f}" y="{HEIGHT - 10}" class="tick">{edge:,}</text>'
        for edge in EDGES
        if edge <= most
    ]
    for number, (name, ranks_Q) in enumerate(ranks):
        shares = [100 * float(((ranks_Q > 0) & (ranks_Q <= k)).mean()) for k in ks]
        points = " ".join(f"{_x(int(k), most):.1f},{_y(share):.1f}" for k, share in zip(ks, shares, strict=True))
        parts.append(f'<polyline points="{points}" class="line l{number % LINES}"><title>{name}</title></polyline>')
    return _svg(parts, "recall in percent by number of ranks")


def _span(low: int, high: int) -> str:
    if high == 10**9:
        return str(low) if low == 1 else f"{low}+"
    return str(low) if high - low == 1 else f"{low}-{high - 1}"


def _x(k: int, most: int) -> float:
    return _LEFT + (WIDTH - _LEFT - 8) * float(np.log(k) / np.log(most))


def _y(share: float) -> float:
    return _TOP + (HEIGHT - _BOTTOM - _TOP) * (1 - share / 100)


def _svg(parts: Sequence[str], label: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'

"""Small helpers that write SVG: numbers, path data, elements."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache

Point = tuple[float, float]
_ROUND = 0.5523  # control length with which four cubic curves look like a circle


def number(value: float) -> str:
    """A number with one decimal, never "-0.0": every machine writes the same bytes."""
    return f"{value:z.1f}"


def written(template: str, *values: str | float) -> str:
    """Markup from a template whose numbers are "%.1f": as `number` writes each, in half of its time.

    Args:
        template: as for the operator %; no other kind of number, for "-0.01" would lose its sign.
        values: what it asks for.
    """
    return (template % values).replace("-0.0", "0.0")


def data(*items: str | float) -> str:
    """Path data from commands and numbers, in the order given: "M", 1, 2, "L", 3, 4."""
    return written(" ".join(["%s" if item.__class__ is str else "%.1f" for item in items]), *items)


def smooth(points: Sequence[Point]) -> str:
    """Curves from the first point, which the path has reached already, through all others (Catmull-Rom)."""
    padded = [points[0], *points, points[-1]]
    values: list[float] = []
    for before, start, end, after in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        values += start[0] + (end[0] - before[0]) / 6, start[1] + (end[1] - before[1]) / 6
        values += end[0] - (after[0] - start[0]) / 6, end[1] - (after[1] - start[1]) / 6
        values += end
    return written("C %.1f %.1f %.1f %.1f %.1f %.1f" * (len(points) - 1), *values)


def polygon(points: Iterable[Point]) -> str:
    """Path data of a closed polygon."""
    values = [value for point in points for value in point]
    return written(f"M{'L'.join(['%.1f %.1f'] * (len(values) // 2))}Z", *values)


def star(x: float, y: float, radius: float, *, inner: float = 0.45, turn: float = 0.0) -> str:
    """Path data of a five-pointed star.

    Args:
        x: of the centre.
        y: of the centre.
        radius: of the points.
        inner: radius of the notches, as a share of `radius`.
        turn: radians clockwise.
    """
    corners = []
    for corner in range(10):
        reach = radius if corner % 2 == 0 else radius * inner
        angle = turn + math.pi * corner / 5
        corners.append((x + reach * math.sin(angle), y - reach * math.cos(angle)))
    return polygon(corners)


def disc(x: float, y: float, across: float, down: float | None = None) -> str:
    """Path data of a circle of radius `across`, or of an upright ellipse where `down` is given."""
    return written("M%.1f %.1f%s", x - across, y, _round(across, across if down is None else down))


@lru_cache(maxsize=256)
def _round(across: float, tall: float) -> str:
    """Once around an ellipse from its leftmost point; in steps, so that patterns write it once."""
    a, b = across * _ROUND, tall * _ROUND
    return data(
        "c", 0, -b, across - a, -tall, across, -tall, "c", a, 0, across, tall - b, across, tall,
        "c", 0, b, a - across, tall, -across, tall, "c", -a, 0, -across, b - tall, -across, -tall, "Z",
    )  # fmt: skip


def box(x: float, y: float, width: float, height: float) -> str:
    """Path data of an upright rectangle."""
    return written("M %.1f %.1f h %.1f v %.1f h %.1f Z", x, y, width, height, -width)


def fill(shape: str, colour: str, opacity: float = 1.0) -> str:
    """A filled path."""
    clear = "" if opacity >= 1 else f' fill-opacity="{opacity:.2f}"'
    return f'<path d="{shape}" fill="{colour}"{clear}/>'


def crisp(markup: str) -> str:
    """Markup drawn without smooth edges, in half the time: for upright boxes and for edges that a line will cover."""
    return f'<g shape-rendering="crispEdges">{markup}</g>'


def line(shape: str, colour: str, width: float = 1.0, opacity: float = 1.0) -> str:
    """A stroked path with round ends."""
    clear = "" if opacity >= 1 else f' stroke-opacity="{opacity:.2f}"'
    return (
        f'<path d="{shape}" fill="none" stroke="{colour}" stroke-width="{number(width)}" '
        f'stroke-linecap="round" stroke-linejoin="round"{clear}/>'
    )


def gradient(name: str, start: Point, end: Point, stops: Iterable[tuple[float, str, float]], spread: str = "") -> str:
    """A linear gradient in user units.

    Args:
        name: id to fill with.
        start: where offset 0 is.
        end: where offset 1 is.
        stops: (offset, colour, opacity).
        spread: "repeat" for stripes.
    """
    marks = "".join(
        f'<stop offset="{offset:.2f}" stop-color="{colour}"' + (f' stop-opacity="{seen:.2f}"/>' if seen < 1 else "/>")
        for offset, colour, seen in stops
    )
    more = f' spreadMethod="{spread}"' if spread else ""
    (x1, y1), (x2, y2) = start, end
    return (
        f'<linearGradient id="{name}" gradientUnits="userSpaceOnUse" x1="{x1:.2f}" y1="{y1:.2f}" '
        f'x2="{x2:.2f}" y2="{y2:.2f}"{more}>{marks}</linearGradient>'
    )

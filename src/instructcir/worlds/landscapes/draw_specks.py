"""Path data of what is so small that straight edges will do, at half the cost of round ones."""

from __future__ import annotations

from functools import lru_cache

from instructcir.worlds.shapes import data


def speck(x: float, y: float, across: float, down: float | None = None) -> str:
    """An octagon, seen as a dot: of radius `across`, flattened to `down` where that is given."""
    return f"M{x - across:.1f} {y:z.1f}{_octagon(round(across, 1), round(across if down is None else down, 1))}"


@lru_cache(maxsize=512)
def _octagon(a: float, b: float) -> str:
    side, rise = 0.3 * a, 0.3 * b
    return data(
        "l",
        side,
        rise - b,
        a - side,
        -rise,
        a - side,
        rise,
        side,
        b - rise,
        -side,
        b - rise,
        side - a,
        rise,
        side - a,
        -rise,
        "Z",
    )


def streak(x: float, y: float, aslant: float, down: float, thick: float) -> str:
    """A thin slanting bar from (x, y), moving `aslant` while it goes `down`."""
    return f"M{x:.1f} {y:.1f}l{aslant:.1f} {down:.1f}h{thick:.1f}l{-aslant:.1f} {-down:.1f}Z"

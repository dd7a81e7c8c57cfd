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


def ripple(x: float, y: float, reach: float, lift: float) -> str:
    """A flat crescent from (x, y) to the right, `reach` long: filled, where drawing a line would cost more."""
    half, up = reach / 2, -2 * lift
    return f"M{x:z.1f} {y:.1f}q{half:.1f} {up - 1.8:.1f} {reach:.1f} 0q{-half:.1f} {up:.1f} {-reach:.1f} 0Z"


def tuft(x: float, y: float, tall: float) -> str:
    """Three blades of grass that grow out of (x, y)."""
    w, h = 0.4 * tall, tall
    return (
        f"M{x - 0.5:.1f} {y:.1f}l{-w:.1f} {-0.75 * h:.1f}l{w + 0.3:.1f} {0.35 * h:.1f}l0.2 {-0.6 * h:.1f}"
        f"l0.4 {0.6 * h:.1f}l{w:.1f} {-0.3 * h:.1f}l{-w + 0.2:.1f} {0.7 * h:.1f}Z"
    )

"""What a garment hangs from or is worn by, in the garment's own units."""

from __future__ import annotations

from instructcir.worlds.shapes import box, data, disc, fill, line
from instructcir.worlds.wardrobe.draw_cut import Cut

_WOOD = "#b07a44"
_STEEL = "#6d7380"
_LINEN = "#e6d6bd"
_LINEN_EDGE = "#a58f70"


def behind(setting: str, cut: Cut, top: float) -> str:
    """What is behind the whole garment.

    Args:
        setting: where it is shown.
        cut: the garment.
        top: y of the upper edge of the picture, in the garment's units.
    """
    if setting == "mannequin" or (setting == "shop window" and _is_upper(cut)):
        return _stand(cut, top + (117 if setting == "mannequin" else 110) / cut.scale)
    if setting == "shop window":
        return "".join(line(data("M", side * (cut.neck - 3), 2, "V", top), "#6b5a48", 0.8) for side in (-1, 1))
    if setting in ("garden", "beach"):
        return _rope()
    return ""


def within(setting: str, cut: Cut, top: float) -> str:
    """What is in front of the back of the neck opening, but behind the front."""
    upper = _is_upper(cut)
    if setting in ("hanger", "brick wall"):
        rail = top + 10.5 / cut.scale if setting == "hanger" else -14.0
        return (_hook if upper else _clips)(cut, rail) + ("" if setting == "hanger" else _nail(rail))
    return _neck() if setting in ("mannequin", "shop window") and upper else ""


def over(setting: str, cut: Cut) -> str:
    """What holds the garment from the front: pegs."""
    if setting not in ("garden", "beach"):
        return ""
    x = cut.shoulder - 4 if _is_upper(cut) else cut.neck - 4
    y = 3.0 if _is_upper(cut) else 0.0
    return "".join(fill(box(side * x - 1.4, y - 5, 2.8, 9), "#c98d4e") for side in (-1, 1))


def _is_upper(cut: Cut) -> bool:
    return cut.waist > 10


def _hook(cut: Cut, rail: float) -> str:
    wide = cut.shoulder - 2
    bow = data("M", -wide, 6, "Q", 0, -7, wide, 6, "Q", 0, 0, -wide, 6, "Z")
    return _wire(rail) + fill(bow, _WOOD)


def _wire(rail: float) -> str:
    return line(
        data(
            "M",
            0,
            -0.5,
            "V",
            rail + 4,
            "C",
            6,
            rail + 2,
            4,
            rail - 4,
            0,
            rail - 3.4,
            "Q",
            -2.4,
            rail - 3,
            -2.6,
            rail - 0.6,
        ),
        _STEEL,
        1.6,
    )


def _clips(cut: Cut, rail: float) -> str:
    wide = cut.neck - 1
    bar = line(data("M", -wide, -7, "H", wide), _STEEL, 1.6) + line(data("M", 0, -7, "V", rail + 4), _STEEL, 1.6)
    clips = "".join(fill(box(side * (wide - 3) - 2, -8.5, 4, 11), "#3f444e") for side in (-1, 1))
    return bar + _wire(rail).replace('d="M 0 -0.5', 'd="M 0 -7') + clips


def _nail(rail: float) -> str:
    return fill(disc(0, rail - 3, 1.8), "#2e2a2c")


def _rope() -> str:
    return line(data("M", -90, -4, "Q", 0, 3, 90, -4), "#f4efe4", 1.3)


def _neck() -> str:
    neck = data(
        "M",
        -5,
        -9,
        "Q",
        0,
        -12,
        5,
        -9,
        "C",
        4.6,
        -2,
        6,
        1,
        9,
        4,
        "L",
        7,
        20,
        "L",
        -7,
        20,
        "L",
        -9,
        4,
        "C",
        -6,
        1,
        -4.6,
        -2,
        -5,
        -9,
        "Z",
    )
    cap = disc(0, -9.6, 5.2, 1.9)
    return f'<path d="{neck}" fill="{_LINEN}" stroke="{_LINEN_EDGE}" stroke-width="0.7"/>' + fill(cap, "#7a5230")


def _stand(cut: Cut, floor: float) -> str:
    pole = fill(box(-1.6, cut.waist, 3.2, floor - cut.waist), "#5d4632")
    foot = fill(disc(0, floor, 15 / cut.scale, 3.2 / cut.scale), "#4a3728")
    if _is_upper(cut):
        return pole + foot
    n = cut.neck
    bust = data(
        "M",
        -n + 0.5,
        2,
        "C",
        -n + 2,
        -8,
        -n - 3,
        -12,
        -n - 4,
        -18,
        "L",
        n + 4,
        -18,
        "C",
        n + 3,
        -12,
        n - 2,
        -8,
        n - 0.5,
        2,
        "Z",
    )
    return pole + foot + f'<path d="{bust}" fill="{_LINEN}" stroke="{_LINEN_EDGE}" stroke-width="0.7"/>'

"""What is sewn on: collars, hoods, closures, pockets, belts."""

from __future__ import annotations

from instructcir.worlds.shapes import box, data, disc, fill, line, polygon
from instructcir.worlds.wardrobe.draw_cut import Cut
from instructcir.worlds.wardrobe.draw_palette import GOLD, Colour, contrast, css, darker, leather, outline
from instructcir.worlds.world import Facts


def hood(cut: Cut, base: Colour) -> str:
    """A hood that stands up behind the neck."""
    n = cut.neck
    dome = data("M", -n - 6, 4, "C", -n - 9, -20, n + 9, -20, n + 6, 4, "Z")
    hole = data("M", -n, 3, "C", -n - 2, -15, n + 2, -15, n, 3, "Z")
    return (
        f'<path d="{dome}" fill="{css(darker(base, 0.08))}" stroke="{css(outline(base))}" stroke-width="0.9"/>'
        + fill(hole, css(darker(base, 0.5)))
    )


def drawstrings(cut: Cut, base: Colour) -> str:
    """The cords of a hood."""
    cords = "".join(data("M", side * 6, 8, "q", side * 0.5, 5, -side * 0.6, 9) for side in (-1, 1))
    return line(cords, css(contrast(base)), 1.4)


def neck_trim(cut: Cut, facts: Facts, base: Colour) -> str:
    """What borders the neck: ribs, a turtleneck, a collar, a waistband."""
    if facts.get("neckline") == "turtleneck":
        return _turtleneck(cut, base)
    if "collar" in facts:
        return _collar(cut, facts["collar"], base)
    if "neckline" in facts or facts["garment"] == "hoodie":
        return line(_opening(cut, facts.get("neckline", "round")), css(outline(base)), 2.0)
    return _waistband(cut, base)


def _opening(cut: Cut, neckline: str) -> str:
    n, d = cut.neck, cut.depth
    if neckline == "v-neck":
        return data("M", -n, 0, "Q", -n * 0.75, d * 0.45, 0, d, "Q", n * 0.75, d * 0.45, n, 0)
    if neckline == "square":
        return data("M", -n, 0, "L", 0.5 - n, d, "L", n - 0.5, d, "L", n, 0)
    return data("M", -n, 0, "C", -n * 0.95, d * 1.32, n * 0.95, d * 1.32, n, 0)


def _turtleneck(cut: Cut, base: Colour) -> str:
    n = cut.neck
    tube = data("M", -n, 3, "L", 1 - n, -8, "Q", 0, -10, n - 1, -8, "L", n, 3, "Q", 0, 6, -n, 3, "Z")
    fold = data("M", 0.6 - n, -2, "Q", 0, 0.5, n - 0.6, -2)
    edge = css(outline(base))
    tinted = css(darker(base, 0.1))
    return f'<path d="{tube}" fill="{tinted}" stroke="{edge}" stroke-width="0.9"/>' + line(fold, edge, 0.9)


def neck_back(cut: Cut, facts: Facts, base: Colour) -> str:
    """The inside of the neck opening, with the back of a collar; a neck or hanger comes in front of it."""
    deep, n = css(darker(base, 0.5)), cut.neck
    back = fill(cut.inside, deep) if cut.inside else ""
    collar = facts.get("collar", "none")
    if collar == "stand-up":
        back += fill(data("M", 0.5 - n, -7, "Q", 0, -9.5, n - 0.5, -7, "L", n, 4, "L", -n, 4, "Z"), deep)
    elif collar == "pointed":
        tall = data("M", -n * 0.85, -4.5, "Q", 0, -7, n * 0.85, -4.5, "L", n * 0.9, 3, "Q", 0, 6, -n * 0.9, 3, "Z")
        back += _edged(tall, css(darker(base, 0.38)), css(outline(base)))
    return back


def _collar(cut: Cut, collar: str, base: Colour) -> str:
    n, d, edge = cut.neck, cut.depth, css(outline(base))
    if collar == "none":
        return line(_opening(cut, "v-neck"), edge, 1.6)
    shade = css(darker(base, 0.1))
    if collar == "stand-up":
        band = data("M", -n, 2, "L", 0.5 - n, -7, "Q", 0, -3, n - 0.5, -7, "L", n, 2, "Q", n * 0.6, d + 1, 0, d + 3)
        return _edged(band + data("Q", -n * 0.6, d + 1, -n, 2, "Z", "M", 0, -5, "V", d + 3), shade, edge)
    wings = "".join(
        polygon([(0, d + 2), (side * n * 0.85, -4.5), (side * (n + 4), 1), (side * (n + 3.5), 14), (side * 6, 11.5)])
        for side in (-1, 1)
    )
    return _edged(wings, shade, edge)


def _waistband(cut: Cut, base: Colour) -> str:
    low = cut.half(5.5)
    band = data("M", -cut.neck, 0, "Q", 0, 2.5, cut.neck, 0, "L", low, 5.5, "Q", 0, 8, -low, 5.5, "Z")
    return _edged(band, css(darker(base, 0.16)), css(outline(base)))


def _edged(shape: str, inside: str, edge: str, width: float = 0.9) -> str:
    return f'<path d="{shape}" fill="{inside}" stroke="{edge}" stroke-width="{width}" stroke-linejoin="round"/>'


def closure(cut: Cut, facts: Facts, base: Colour) -> str:
    """Buttons or a zip down the front."""
    kind = facts.get("closure", "none")
    if kind == "none":
        return ""
    top = cut.depth + 1
    bottom = cut.fork - 3 if cut.fork else cut.hem + (4.5 if facts["garment"] == "shirt" else 1)
    seen, edge = css(contrast(base)), css(outline(base))
    if kind == "zip":
        tape = fill(box(-2.2, top, 4.4, bottom - top), seen)
        gaps = f'stroke="{css(contrast(contrast(base)))}" stroke-width="1.8" stroke-dasharray="1.5 1.3"'
        teeth = f'<path d="{data("M", 0, top, "V", bottom)}" {gaps}/>'
        pull = _edged(box(-1.7, top + 3, 3.4, 6.5), "#d9dde3", "#4a4d55", 0.7)
        return tape + teeth + pull
    strip = _edged(box(-3.8, top, 7.6, bottom - top), css(base), edge, 0.7)
    count = max(3, min(7, round((bottom - top) / 11)))
    step = (bottom - top - 5) / (count - 0.5)
    buttons = "".join(disc(0, top + 4 + step * index, 2.5) for index in range(count))
    return strip + _edged(buttons, seen, edge, 0.5)


def pockets(cut: Cut, facts: Facts, base: Colour) -> str:
    """One pocket on the chest, or one at each side."""
    kind = facts.get("pocket", "none")
    if kind == "none":
        return ""
    edge, inside = css(contrast(base)), css(darker(base, 0.12))
    if kind == "chest":
        x = max(5.5, min(9.0, cut.half(25) - 14))
        shape = data("M", x, 19, "h", 11, "v", 10, "l", -5.5, 3.5, "l", -5.5, -3.5, "Z", "M", x, 22, "h", 11)
        return _edged(shape, inside, edge, 1.2)
    if facts["garment"] == "hoodie":
        low, tall = cut.hem - 5.5, 11.5 if facts["length"] == "short" else 15.0
        wide = min(15.0, cut.half(low) - 2)
        shape = polygon(
            [(-8, low - tall), (8, low - tall), (wide, low - 5), (wide, low), (-wide, low), (-wide, low - 5)]
        )
        return _edged(shape, inside, edge, 1.2)
    high, tall = _side_pocket(cut, facts)
    pieces = []
    for side in (-1, 1):
        outer = min(cut.half(high), cut.half(high + tall)) - 2
        near = max(outer - 11.5, 3.0 if cut.fork else 4.8)
        rim = polygon(
            [(side * near, high), (side * outer, high + 2), (side * outer, high + tall), (side * near, high + tall)]
        )
        flap = data("M", side * near, high + 3.5, "L", side * outer, high + 5.5)
        pieces.append(rim + flap)
    return _edged("".join(pieces), inside, edge, 1.2)


def _side_pocket(cut: Cut, facts: Facts) -> tuple[float, float]:
    """Top and height of a pocket at the side."""
    if facts["garment"] in ("trousers", "shorts", "skirt"):
        return 9.0, 13.0
    if facts["garment"] == "coat":
        return 47.0, 14.0
    return cut.hem - 19.0, 13.0


def belt(cut: Cut, facts: Facts, base: Colour) -> str:
    """A leather belt with a buckle."""
    if facts.get("belt", "none") == "none":
        return ""
    y, tall = cut.waist, 5.4
    up, low = cut.half(y - tall / 2) + 0.4, cut.half(y + tall / 2) + 0.4
    strap = data("M", -up, y - tall / 2, "Q", 0, y - tall / 2 + 2, up, y - tall / 2, "L", low, y + tall / 2)
    strap += data("Q", 0, y + tall / 2 + 2, -low, y + tall / 2, "Z")
    skin = leather(base)
    buckle = box(-4, y - tall / 2 - 0.4, 8, tall + 3)
    return _edged(strap, css(skin), css(darker(skin, 0.4)), 0.7) + _edged(buckle, "none", GOLD, 1.8)


def seams(cut: Cut, facts: Facts, base: Colour) -> str:
    """The seams by which a kind of garment is known."""
    kind, edge = facts["garment"], css(outline(base))
    if kind == "dress":
        wide = cut.half(cut.waist)
        return line(data("M", -wide, cut.waist, "Q", 0, cut.waist + 2, wide, cut.waist), edge, 1.1)
    if kind == "shirt":
        return line(_yoke(cut), edge, 0.8)
    if kind == "jacket":
        return line(_yoke(cut), edge, 1.1)
    if kind in ("trousers", "shorts"):
        fly = line(data("M", 0, 7, "V", cut.fork, "M", 5, 7, "C", 5, 14, 4, 19, 0.5, 20), edge, 0.9)
        return fly + (_turn_ups(cut, edge) if kind == "shorts" else _creases(cut, edge))
    return ""


def _yoke(cut: Cut) -> str:
    wide = cut.half(15) - 2.5
    return data(
        "M",
        -wide,
        14.5,
        "Q",
        -wide * 0.5,
        16.5,
        -wide * 0.25,
        16.5,
        "M",
        wide,
        14.5,
        "Q",
        wide * 0.5,
        16.5,
        wide * 0.25,
        16.5,
    )


def _turn_ups(cut: Cut, edge: str) -> str:
    """Folded-up ends of both legs."""
    low, outer, inner = cut.hem, cut.half(cut.hem), cut.ankle
    ends = "".join(
        polygon([(side * outer, low), (side * inner, low + 1), (side * inner, low - 3.5), (side * outer, low - 4.5)])
        for side in (-1, 1)
    )
    return fill(ends, "#000", 0.14) + line(ends, edge, 0.8)


def _creases(cut: Cut, edge: str) -> str:
    middle, high = (cut.half(cut.hem) + cut.ankle) / 2, cut.half(16) * 0.55
    return line(
        "".join(data("M", side * high, 26, "L", side * middle, cut.hem - 1) for side in (-1, 1)), edge, 0.8, 0.55
    )

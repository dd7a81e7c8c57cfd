"""Cloth: the body and the sleeves filled with colour, pattern, light and folds."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from instructcir.worlds.shapes import Point, crisp, data, disc, fill, gradient, line, polygon, star
from instructcir.worlds.wardrobe.draw_cut import Cut
from instructcir.worlds.wardrobe.draw_palette import WHITE, Colour, brightness, css, darker, mix, outline

_BOLD = {"stripes": 11.0, "vertical stripes": 10.0, "checks": 12.0}
"""Width of a repeat in canvas units."""
_Part = tuple[str, Point, Point]  # path data, where the pattern starts, along which unit vector "down" is


@dataclass(frozen=True, slots=True)
class Trim:
    """Heights of the bands that end a garment.

    Attributes:
        hem: of the ribs at the hem, 0 for none.
        cuff: of the bands around the cuffs, 0 for none.
    """

    hem: float = 0.0
    cuff: float = 0.0


def cloth(cut: Cut, pattern: str, base: Colour, second: Colour | None, trim: Trim, rng: random.Random) -> str:
    """Sleeves and body in their pattern, with light, folds and edges.

    Args:
        cut: the geometry.
        pattern: how the second colour is used.
        base: the garment's colour.
        second: the pattern's colour, None for "plain".
        trim: bands at hem and cuffs.
        rng: where the pattern starts, where folds fall, whence the light comes.
    """
    shift = rng.uniform(0, 6)
    limbs: list[_Part] = [(sleeve.shape, sleeve.start, sleeve.along) for sleeve in cut.sleeves]
    both = "".join(sleeve.shape for sleeve in cut.sleeves)
    pieces = [_light(rng)]
    band = second if second is not None and pattern == "colour block" else base
    if limbs:
        filled = "".join(_filled(part, index, cut, pattern, base, second) for index, part in enumerate(limbs))
        pieces.append(crisp(filled + fill(both, "url(#light)")) + _cuffs(cut, trim.cuff, band) + _edge(both, base))
    trunk: _Part = (cut.body, (0.0, shift), (0.0, 1.0))
    pieces.append(crisp(_filled(trunk, len(limbs), cut, pattern, base, second)))
    if second is not None and pattern in _MOTIFS:
        pieces.append(_scattered(cut, pattern, base, second, rng))
    pieces.append(crisp(fill(cut.body, "url(#light)")))
    pieces.append(_ribs_below(cut, trim.hem, band) + _folds(cut, trim.hem, rng) + _edge(cut.body, base))
    return "".join(pieces)


def _edge(shape: str, base: Colour) -> str:
    return f'<path d="{shape}" fill="none" stroke="{css(outline(base))}" stroke-width="0.9" stroke-linejoin="round"/>'


def _light(rng: random.Random) -> str:
    ends = (("#fff", rng.uniform(0.12, 0.2)), ("#000", rng.uniform(0.2, 0.28)))
    near, far = ends if rng.random() < 0.5 else ends[::-1]
    turn = rng.uniform(0.38, 0.5)
    return (
        f'<linearGradient id="light"><stop offset="0" stop-color="{near[0]}" stop-opacity="{near[1]:.2f}"/>'
        f'<stop offset="{turn:.2f}" stop-color="{near[0]}" stop-opacity="0"/>'
        f'<stop offset="{turn:.2f}" stop-color="{far[0]}" stop-opacity="0"/>'
        f'<stop offset="1" stop-color="{far[0]}" stop-opacity="{far[1]:.2f}"/></linearGradient>'
    )


def _filled(part: _Part, index: int, cut: Cut, pattern: str, base: Colour, second: Colour | None) -> str:
    shape, start, along = part
    if second is None or pattern in _MOTIFS:
        return fill(shape, css(base))
    if pattern == "colour block":
        return _block(part, index, cut, base, second)
    period = _BOLD[pattern] / cut.scale
    across = (along[1], -along[0])
    if pattern == "stripes":
        return _striped(f"cloth{index}", shape, start, along, period, (base, second))
    if pattern == "vertical stripes":
        middle = (start[0] - across[0] * period * 0.25, start[1] - across[1] * period * 0.25)
        return _striped(f"cloth{index}", shape, middle, across, period, (base, second))
    under = _striped(f"cloth{index}", shape, start, along, period, (base, mix(base, second, 0.55)))
    return under + _striped(f"over{index}", shape, start, across, period, (None, second))


def _striped(
    name: str, shape: str, start: Point, along: Point, period: float, inks: tuple[Colour | None, Colour]
) -> str:
    """Bands of two inks; without a first ink the second is laid thinly over what is there."""
    first, second = inks
    gap, band = (css(second), 0.0) if first is None else (css(first), 1.0), (css(second), 0.6 if first is None else 1.0)
    end = (start[0] + along[0] * period, start[1] + along[1] * period)
    stops = [(0.0, *gap), (0.46, *gap), (0.52, *band), (0.95, *band), (1.0, *gap)]
    return gradient(name, start, end, stops, "repeat") + fill(shape, f"url(#{name})")


def _block(part: _Part, index: int, cut: Cut, base: Colour, second: Colour) -> str:
    shape, start, _ = part
    if index < len(cut.sleeves):
        return fill(shape, css(second))
    split = cut.hem * 0.55 if cut.sleeves or cut.fork == 0.0 else cut.hem * 0.5
    stops = [(0.0, css(base), 1.0), (0.49, css(base), 1.0), (0.51, css(second), 1.0), (1.0, css(second), 1.0)]
    name = f"cloth{index}"
    return gradient(name, (start[0], split - 15), (start[0], split + 15), stops) + fill(shape, f"url(#{name})")


def _scattered(cut: Cut, pattern: str, base: Colour, second: Colour, rng: random.Random) -> str:
    """Motifs all over body and sleeves, cut off at their edges."""
    outlines = "".join(f'<path d="{shape}"/>' for shape in (cut.body, *(sleeve.shape for sleeve in cut.sleeves)))
    motifs = _MOTIFS[pattern](cut, 1 / cut.scale, rng)
    inks = (css(second), css(mix(base, second, 0.25)))
    drawn = "".join(fill(shape, ink) for shape, ink in zip(motifs, inks, strict=False))
    return f'<clipPath id="edge">{outlines}</clipPath><g clip-path="url(#edge)">{drawn}</g>'


def _places(cut: Cut, step: float, rng: random.Random) -> list[Point]:
    """A staggered grid, as far as it touches the garment."""
    left = -cut.reach - rng.uniform(0, step)
    top = -rng.uniform(0, step * 0.6)
    rows = math.ceil((cut.hem + 6 - top) / (step * 0.8)) + 1
    columns = math.ceil((cut.reach - left) / step) + 1
    grid = (
        (left + (column + 0.5 * (row % 2)) * step, top + row * step * 0.8)
        for row in range(rows)
        for column in range(columns)
    )
    return [(x, y) for x, y in grid if cut.covers(x, y, step * 0.4)]


def _dots(cut: Cut, size: float, rng: random.Random) -> tuple[str, ...]:
    return ("".join(disc(x, y, 4.0 * size) for x, y in _places(cut, 13.5 * size, rng)),)


def _stars(cut: Cut, size: float, rng: random.Random) -> tuple[str, ...]:
    return ("".join(star(x, y, 6.6 * size, turn=rng.uniform(-0.4, 0.4)) for x, y in _places(cut, 17.0 * size, rng)),)


def _flowers(cut: Cut, size: float, rng: random.Random) -> tuple[str, ...]:
    petals, hearts = [], []
    for x, y in _places(cut, 18.5 * size, rng):
        turn = rng.uniform(0, 1.25)
        for petal in range(5):
            angle = turn + petal * math.tau / 5
            petals.append(disc(x + 3.9 * size * math.sin(angle), y - 3.9 * size * math.cos(angle), 2.8 * size))
        hearts.append(disc(x, y, 2.1 * size))
    return "".join(petals), "".join(hearts)


def _zigzag(cut: Cut, size: float, rng: random.Random) -> tuple[str, ...]:
    step, rise, thick = 6.0 * size, 5.5 * size, 5.0 * size
    columns = math.ceil(2 * cut.reach / step) + 1
    bands, y = [], -rng.uniform(4, 12)
    while y < cut.hem + 6:
        upper = [(-cut.reach + k * step, y + rise * (k % 2)) for k in range(columns + 1)]
        bands.append(polygon([*upper, *((x, down + thick) for x, down in reversed(upper))]))
        y += 2.1 * thick
    return ("".join(bands),)


_MOTIFS = {"polka dots": _dots, "floral": _flowers, "zigzag": _zigzag, "stars": _stars}


def _folds(cut: Cut, ribs: float, rng: random.Random) -> str:
    """Slim shadows that rise from the hem, and creases at the armpits."""
    low = cut.hem - 0.5 - ribs
    wide = cut.half(cut.hem)
    high = cut.fork + 8 if cut.fork else cut.waist + 2
    shadows = []
    for fold in range(4):
        x = (-0.72 + 0.48 * fold + rng.uniform(-0.12, 0.12)) * wide
        if cut.fork and abs(x) < 9:
            continue
        top = high + rng.uniform(0, 0.3) * max(0.0, low - high)
        tip = x * min(1.0, cut.half(top) / wide) * 0.85
        shadows.append(
            data(
                "M",
                x - 1.8,
                low,
                "Q",
                x - 0.8,
                (low + top) / 2,
                tip,
                top,
                "Q",
                x + 1,
                (low + top) / 2,
                x + 1.8,
                low,
                "Z",
            )
        )
    creases = [
        line(data("M", side * (cut.half(25) - 1), 25, "q", -side * 3, 1, -side * 5, 4), "#000", 0.9, 0.2)
        for side in (-1, 1)
    ]
    return fill("".join(shadows), "#000", 0.13) + ("".join(creases) if cut.sleeves else "")


def _cuffs(cut: Cut, height: float, base: Colour) -> str:
    """Ribbed bands around the ends of the sleeves."""
    if not height:
        return ""
    pieces = []
    for sleeve in cut.sleeves:
        (ox, oy), (ix, iy) = sleeve.cuff
        up = (-sleeve.along[0] * height, -sleeve.along[1] * height)
        pieces.append(polygon([(ox, oy), (ix, iy), (ix + up[0], iy + up[1]), (ox + up[0], oy + up[1])]))
    return fill("".join(pieces), css(_rib(base)))


def _ribs_below(cut: Cut, height: float, base: Colour) -> str:
    """A ribbed band around the hem."""
    if not height:
        return ""
    high = cut.hem - height
    wide, top = cut.half(cut.hem), cut.half(high)
    band = data("M", -top, high, "H", top, "L", wide, cut.hem, "Q", 0, cut.hem + 2.5, -wide, cut.hem, "Z")
    ribs = "".join(data("M", x, high, "v", height + 0.8) for x in _steps(top - 1.5, 3.4))
    shade = _rib(base)
    return fill(band, css(shade)) + line(ribs, css(outline(shade)), 0.7, 0.7)


def _rib(base: Colour) -> Colour:
    return mix(base, WHITE, 0.12) if brightness(base) < 0.2 else darker(base, 0.17)


def _steps(half: float, step: float) -> list[float]:
    count = int(half / step)
    return [step * k for k in range(-count, count + 1)]

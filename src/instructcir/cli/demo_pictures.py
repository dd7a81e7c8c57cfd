"""The demo's catalogue: twenty-four garments drawn with Pillow, each with words for what it shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageDraw

SIDE = 256
_FINE = 4
"""Drawn this many times larger and reduced, which smooths the edges."""

COLOURS = {
    "red": (200, 45, 55),
    "blue": (45, 95, 185),
    "green": (60, 140, 85),
    "yellow": (235, 185, 60),
    "purple": (120, 75, 155),
    "black": (55, 58, 66),
}
_GROUND = (244, 241, 236)

Point = tuple[float, float]


@dataclass(frozen=True)
class Garment:
    """One drawn picture: its kind, colour and pattern, and the picture."""

    kind: str
    colour: str
    pattern: str
    image: Image.Image

    @property
    def name(self) -> str:
        """What a person would call it."""
        return f"{self.colour} {self.kind}" + ("" if self.pattern == "plain" else f", {self.pattern}")


def catalogue() -> list[Garment]:
    """Four kinds in six colours; the pattern goes round with the number, so that no two are alike."""
    patterns = ("plain", "striped", "dotted")
    return [
        Garment(kind, colour, pattern := patterns[(row + column) % 3], draw_garment(kind, COLOURS[colour], pattern))
        for row, kind in enumerate(_SHAPES)
        for column, colour in enumerate(COLOURS)
    ]


def draw_garment(kind: str, colour: tuple[int, int, int], pattern: str) -> Image.Image:
    """A garment on a pale ground, with a shadow and its seams."""
    size = SIDE * _FINE
    mask = Image.new("L", (size, size), 0)
    outline, seams = _SHAPES[kind]()
    corners = [(x * size, y * size) for x, y in outline]
    ImageDraw.Draw(mask).polygon(corners, fill=255)
    picture = Image.new("RGB", (size, size), _GROUND)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((0.2 * size, 0.89 * size, 0.8 * size, 0.95 * size), fill=(228, 223, 215))
    cloth = Image.new("RGB", (size, size), colour)
    _print(ImageDraw.Draw(cloth), pattern, _mixed(colour, (255, 255, 255), 0.72), size)
    picture.paste(cloth, mask=mask)
    dark = _mixed(colour, (0, 0, 0), 0.35)
    draw.line([*corners, corners[0], corners[1]], fill=dark, width=size // 110, joint="curve")
    for seam in seams:
        draw.line([(x * size, y * size) for x, y in seam], fill=dark, width=size // 160, joint="curve")
    return picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def _print(draw: ImageDraw.ImageDraw, pattern: str, light: tuple[int, int, int], size: int) -> None:
    step = size // 14
    if pattern == "striped":
        for y in range(0, size, step):
            draw.rectangle((0, y, size, y + step // 3), fill=light)
    if pattern == "dotted":
        for row, y in enumerate(range(0, size, step)):
            for x in range(step // 2 * (row % 2), size, step):
                draw.ellipse((x, y, x + step // 3, y + step // 3), fill=light)


def _mixed(one: tuple[int, int, int], other: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    r, g, b = (round(a * (1 - share) + c * share) for a, c in zip(one, other, strict=True))
    return r, g, b


def _mirrored(left: list[Point]) -> list[Point]:
    """An outline from its left half, drawn from the top downwards."""
    return left + [(1 - x, y) for x, y in reversed(left)]


def _shirt() -> tuple[list[Point], list[list[Point]]]:
    left = [(0.46, 0.235), (0.41, 0.2), (0.36, 0.18), (0.27, 0.22), (0.12, 0.4), (0.21, 0.49), (0.3, 0.41), (0.3, 0.84)]
    return _mirrored(left), [[(0.3, 0.41), (0.3, 0.3)], [(0.7, 0.41), (0.7, 0.3)], [(0.3, 0.81), (0.7, 0.81)]]


def _dress() -> tuple[list[Point], list[list[Point]]]:
    left = [(0.45, 0.23), (0.41, 0.12), (0.37, 0.12), (0.35, 0.28), (0.38, 0.44), (0.28, 0.7), (0.22, 0.9)]
    return _mirrored(left), [[(0.38, 0.44), (0.62, 0.44)], [(0.44, 0.5), (0.39, 0.88)], [(0.56, 0.5), (0.61, 0.88)]]


def _skirt() -> tuple[list[Point], list[list[Point]]]:
    left = [(0.35, 0.25), (0.345, 0.32), (0.26, 0.6), (0.19, 0.82)]
    return _mirrored(left), [[(0.345, 0.32), (0.655, 0.32)], [(0.45, 0.36), (0.4, 0.81)], [(0.55, 0.36), (0.6, 0.81)]]


def _trousers() -> tuple[list[Point], list[list[Point]]]:
    left = [(0.32, 0.12), (0.31, 0.2), (0.27, 0.9), (0.44, 0.9), (0.5, 0.42)]
    outline = _mirrored(left)
    return outline, [[(0.31, 0.19), (0.69, 0.19)], [(0.5, 0.19), (0.5, 0.42)]]


_SHAPES: dict[str, Callable[[], tuple[list[Point], list[list[Point]]]]] = {
    "shirt": _shirt,
    "dress": _dress,
    "skirt": _skirt,
    "trousers": _trousers,
}

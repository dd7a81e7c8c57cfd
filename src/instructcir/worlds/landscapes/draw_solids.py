"""What most things are drawn with: solid shapes with an outline.

Things are drawn in a frame of their own: the ground at y = 0, the middle at x = 0, the longer side about 100 units,
looking or heading right.
"""

from __future__ import annotations

from instructcir.worlds.landscapes.draw_palette import Paint
from instructcir.worlds.shapes import data, fill

TYRE = "#2b2b33"
WOOD = "#8a6040"


def accent(paint: Paint) -> str:
    """What stands out against a thing's colour and is no other thing's colour: cream, on white slate."""
    return "#5a6478" if paint.name == "white" else "#faf6ec"


def solid(shape: str, colour: str, edge: str, width: float = 3.0) -> str:
    """Shapes of one path as one body: outlined all around, filled over the lines where they overlap.

    Args:
        shape: path data; every part runs clockwise, else overlaps would be holes.
        colour: of the body.
        edge: of the outline.
        width: of the outline outside the body.
    """
    return (
        f'<path d="{shape}" fill="{edge}" stroke="{edge}" stroke-width="{2 * width:.1f}" stroke-linejoin="round"/>'
        + fill(shape, colour)
    )


def body(shape: str, paint: Paint) -> str:
    """A solid shape in a thing's own colour."""
    return solid(shape, paint.base, paint.dark)


def slab(x: float, y: float, width: float, height: float, corner: float) -> str:
    """Path data of a rectangle with rounded corners, clockwise."""
    r = corner
    return data(
        "M", x + r, y, "h", width - 2 * r, "q", r, 0, r, r, "v", height - 2 * r, "q", 0, r, -r, r,
        "h", 2 * r - width, "q", -r, 0, -r, -r, "v", 2 * r - height, "q", 0, -r, r, -r, "Z",
    )  # fmt: skip

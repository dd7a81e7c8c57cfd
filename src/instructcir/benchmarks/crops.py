"""GeneCIS's regions: a box dilated, clipped, cut out and padded to a square, as its published figures were made.

Source: Vaze et al., "GeneCIS: A Benchmark for General Conditional Image Similarity", CVPR 2023, evaluation code.
"""

from __future__ import annotations

from typing import TypeAlias

from PIL import Image

from instructcir.errors import ImageError, InputError

Box: TypeAlias = tuple[float, float, float, float]
"""x and y of the upper left corner, width and height, in pixels; x and y may be negative."""

DILATION = 0.7


def dilated_box(box: Box, size: tuple[int, int], dilation: float = DILATION) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the pixels that a region shows.

    The upper left corner moves by `dilation` times the box's sides and stops at the picture's edge; the lower right one
    is (1 + dilation) sides away from it, so that an unclipped box grows to the left and to the top only. Then all four
    are rounded to whole pixels, halves to the even neighbour, as Pillow's crop rounds.

    Args:
        box: the region.
        size: width and height of the picture.
        dilation: share of the sides; 0 leaves the box as it is.

    Raises:
        InputError: the box has no area, or lies outside the picture.
    """
    x, y, width, height = box
    if not (width > 0 and height > 0):
        raise InputError(f"the box {list(box)} has no area")
    left, top = max(0, x - dilation * width), max(0, y - dilation * height)
    right = min(size[0], left + (1 + dilation) * width)
    bottom = min(size[1], top + (1 + dilation) * height)
    rounded = round(left), round(top), round(right), round(bottom)
    if rounded[0] >= rounded[2] or rounded[1] >= rounded[3]:
        raise InputError(f"the box {list(box)} lies outside the picture of {size[0]} x {size[1]} pixels")
    return rounded


def padded_square(image: Image.Image) -> Image.Image:
    """The picture in the middle of a black square; of an odd rest the smaller half lies above or to the left."""
    side = max(image.size)
    if image.size == (side, side):
        return image
    square = Image.new(image.mode, (side, side))
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square


def square_crop(image: Image.Image, box: Box, *, name: str = "picture") -> Image.Image:
    """A region as GeneCIS's attribute tasks show it.

    Args:
        image: the whole picture, mode RGB.
        box: the region.
        name: what an error calls the picture.

    Raises:
        ImageError: the box has no area or lies outside the picture.
    """
    try:
        bounds = dilated_box(box, image.size)
    except InputError as error:
        raise ImageError(name, f"{error}: is it the picture that the annotations mean?") from None
    return padded_square(image.crop(bounds))

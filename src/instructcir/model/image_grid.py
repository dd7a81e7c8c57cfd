"""Which tokens of a prompt are a picture's patches, how they lie on it, and the picture as the model sees it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from instructcir.errors import ModelError
from instructcir.model.preparation import PreparedImage

# shapes: H, W rows and columns of patches; h, w pixels


@dataclass(frozen=True, slots=True)
class PatchGrid:
    """Patches of a picture among a prompt's tokens.

    Attributes:
        positions: places in the prompt of the H x W patches, row by row.
        shape: (H, W).
        tokens: how many tokens of the prompt are the picture's, those of further tiles included.
        whole: whether the patches are all the model sees of the picture, or the overview tile beside detail tiles.
    """

    positions: tuple[int, ...]
    shape: tuple[int, int]
    tokens: int
    whole: bool


def picture_positions(ids: Sequence[int], processor: Any) -> list[int]:
    """Places of a picture's patches in a prompt: of the picture's kinds of token, the one that is there most often."""
    counts = Counter(number for number in ids if number in set(processor.image_token_ids))
    if not counts:
        return []
    patch = counts.most_common(1)[0][0]
    return [place for place, number in enumerate(ids) if number == patch]


def patch_grid(ids: Sequence[int], processor: Any, image: PreparedImage) -> PatchGrid:
    """How the patches of a prompt's one picture lie.

    Models that tile large pictures see an overview tile last; of those its patches are taken.

    Args:
        ids: the whole prompt.
        processor: the model's processor.
        image: the picture as prepared by it.

    Raises:
        ModelError: the tokens form no grid that is understood.
    """
    positions = picture_positions(ids, processor)
    count = len(positions)
    if "image_grid_thw" in image.tensors:
        _, height, width = (int(side) for side in image.tensors["image_grid_thw"][0])
        merged = int(getattr(processor.image_processor, "merge_size", 1))
        shape = height // merged, width // merged
    elif "image_sizes" in image.tensors:
        shape = _by_ratio(count, *(int(side) for side in image.tensors["image_sizes"][0][:2]))
    else:
        per_tile = getattr(processor, "image_seq_len", None) or getattr(processor, "image_seq_length", None) or count
        overview = positions[-per_tile:] if 0 < per_tile <= count and count % per_tile == 0 else positions
        side = math.isqrt(len(overview))
        # a tower that keeps its class token gives it before the patches
        overview = overview[1:] if side and len(overview) == side * side + 1 else overview
        return _checked(PatchGrid(tuple(overview), (side, side), count, per_tile == count))
    return _checked(PatchGrid(tuple(positions), shape, count, True))


def _by_ratio(count: int, height: int, width: int) -> tuple[int, int]:
    """Rows and columns of `count` patches that come nearest to a picture's ratio of sides."""
    pairs = [(rows, count // rows) for rows in range(1, count + 1) if count % rows == 0]
    return min(pairs, key=lambda pair: abs(math.log(pair[0] * width / (pair[1] * height))), default=(0, 0))


def _checked(grid: PatchGrid) -> PatchGrid:
    if not grid.positions or grid.shape[0] * grid.shape[1] != len(grid.positions):
        raise ModelError(
            f"the picture's {len(grid.positions)} tokens do not form a grid of {grid.shape[0]} x {grid.shape[1]}: "
            "this model's attention cannot be drawn"
        )
    return grid


def seen_picture(image: PreparedImage, processor: Any, picture: Image.Image) -> Image.Image:
    """The picture that a map of patches lies on.

    Where the model sees one tile of pixels, that tile, which may be a crop; else the whole picture, which models of
    free resolution and overview tiles see stretched or scaled, never cropped.

    Args:
        image: the prepared picture.
        processor: the model's processor.
        picture: the picture it was prepared from.
    """
    pixels = image.tensors.get("pixel_values")
    if pixels is None or pixels.ndim != 4 or pixels.shape[:2] != (1, 3) or not _crops(processor.image_processor):
        return picture
    mean, std = (
        torch.tensor(getattr(processor.image_processor, name), dtype=torch.float32).view(3, 1, 1)
        for name in ("image_mean", "image_std")
    )
    values = pixels[0].float() * std + mean
    array = (values.permute(1, 2, 0).clamp(0, 1) * 255).round().numpy().astype(np.uint8)
    return Image.fromarray(array)


def _crops(image_processor: Any) -> bool:
    return bool(getattr(image_processor, "do_center_crop", False)) and bool(image_processor.do_normalize)

"""A picture that stands in several rows of a batch goes through the vision tower once."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch

from instructcir.model.preparation import PreparedImage

# shapes: N distinct pictures, B rows


def features_once(
    base: Any, pictures: Sequence[PreparedImage], inputs: dict[str, Any], places: Sequence[int]
) -> Any | None:
    """The vision tower's output for rows that share pictures, in the form that the model takes instead of pixels.

    Args:
        base: a transformers image-text model.
        pictures: the N distinct pictures.
        inputs: their tensors, stacked.
        places: for each of B rows, the number of its picture.

    Returns:
        What `base.get_image_features` gives, its features repeated for the rows; None where they cannot be told apart.
    """
    if "mm_encoder_outputs" not in inspect.signature(base.forward).parameters:
        return None
    taken = inputs.keys() & inspect.signature(base.get_image_features).parameters
    output = base.get_image_features(**{name: inputs[name] for name in taken}, return_dict=True)
    pooled = output.pooler_output
    if torch.is_tensor(pooled):  # one entry for each tile
        tiles = [len(picture.tensors["pixel_values"]) for picture in pictures]
        if len(pooled) != sum(tiles):
            return None
        parts = torch.split(pooled, tiles)
        output.pooler_output = torch.cat([parts[place] for place in places])
    elif len(pooled) == len(pictures):  # one entry for each picture
        output.pooler_output = [pooled[place] for place in places]
    else:
        return None
    deep = getattr(output, "deepstack_features", None)
    if deep is not None:
        output.deepstack_features = [[layer[place] for place in places] for layer in deep]
    return output

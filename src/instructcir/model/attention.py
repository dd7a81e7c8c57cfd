"""What an instruction makes a model look at: attention of the embedding's token over the picture's patches.

The embedding is the state of a prompt's last token. Its attention, averaged over heads and over some layers, says from
which patches that state was gathered; the gallery prompt's own map is the baseline that an instruction is held against.
Attention is where a model looks, not what it concludes: a map is a hint, not a proof.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from instructcir.errors import InputError, ModelError
from instructcir.images import open_rgb
from instructcir.items import ImageLike
from instructcir.model.embedder import Embedder
from instructcir.model.image_grid import PatchGrid, patch_grid, picture_positions, seen_picture
from instructcir.model.packing import Row
from instructcir.model.preparation import PreparedImage
from instructcir.model.prompts import Kind
from instructcir.model.shortcuts import watched_attention

# shapes: H, W rows and columns of patches; T tokens of a prompt; A attention heads, K heads of keys; D size of a head

Map = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Attention of one composed query's embedding, and of its reference's gallery embedding.

    Attributes:
        query_map_HW: share of the query's attention that each patch gets; sums to the share on these patches.
        gallery_map_HW: the same for the gallery prompt.
        picture: what the maps lie on, as the model sees it.
        query_share: share of the query's attention on all the picture's patches; the rest is on words.
        gallery_share: the same for the gallery prompt.
        layers: the layers averaged over, counted from 0.
        layer_count: how many layers the decoder has.
        whole: False where the maps show the overview tile of a model that also sees detail tiles.
        modification: the instruction.
    """

    query_map_HW: Map
    gallery_map_HW: Map
    picture: Image.Image
    query_share: float
    gallery_share: float
    layers: tuple[int, ...]
    layer_count: int
    whole: bool
    modification: str

    @property
    def difference_HW(self) -> Map:
        """What the instruction adds (above 0) and takes away (below 0)."""
        return self.query_map_HW - self.gallery_map_HW


def default_layers(count: int) -> tuple[int, ...]:
    """The middle third of a decoder's layers, where states of words gather from the picture.

    The first layers attend by position, and the last ones mostly to a few sink tokens, whatever the picture shows.
    """
    return tuple(range(count // 3, count - count // 3))


def explain(
    embedder: Embedder, image: ImageLike, modification: str, layers: Sequence[int] | None = None
) -> Explanation:
    """Where the embedding of a composed query looks, and where the gallery embedding of its reference does.

    Args:
        embedder: a loaded model.
        image: the reference.
        modification: plain text.
        layers: layers to average over, counted from 0, from the end if negative; None for `default_layers`.

    Raises:
        ImageError: the picture cannot be used.
        InputError: a layer that the model lacks, or a modification that is too long for it.
        ModelError: the model's patches form no grid, or its attention cannot be watched.
    """
    count = len(embedder.backbone.decoder.layers)
    chosen = _checked_layers(layers, count)
    picture = open_rgb(image)
    prepared = embedder.planner.prepare(embedder.planner.opened(image))
    processor = embedder.checkpoint.processor
    maps: list[tuple[Map, float, PatchGrid]] = []
    kinds: tuple[tuple[Kind, str], ...] = (("query", modification), ("gallery", ""))
    for kind, text in kinds:
        ids = _prompt_ids(embedder, prepared, kind, text)
        attention_T = attention_of_last(embedder, ids, prepared, chosen)
        grid = patch_grid(ids, processor, prepared)
        share = float(attention_T[picture_positions(ids, processor)].sum())
        maps.append((attention_T[list(grid.positions)].reshape(grid.shape), share, grid))
    (query_map, query_share, grid), (gallery_map, gallery_share, _) = maps
    seen = seen_picture(prepared, processor, picture)
    return Explanation(
        query_map, gallery_map, seen, query_share, gallery_share, chosen, count, grid.whole, modification
    )


def attention_of_last(embedder: Embedder, ids: Sequence[int], image: PreparedImage, layers: Sequence[int]) -> Map:
    """Attention of a prompt's last token, averaged over heads and over `layers`: (T,), adds up to 1.

    Raises:
        ModelError: a layer's attention does not go through transformers' attention interface.
    """
    found: dict[int, torch.Tensor] = {}

    def watch(module: Any, query: torch.Tensor, key: torch.Tensor, args: Any, kwargs: dict[str, Any]) -> None:
        if module.layer_idx in layers:
            mask = args[0] if args else kwargs.get("attention_mask")
            found[module.layer_idx] = last_row(query, key, mask, kwargs.get("scaling"))

    with watched_attention(watch):
        embedder.backbone.embed_cold([Row((), (tuple(ids),), (0,), 0)], [image])
    if set(found) != set(layers) or any(len(row) != len(ids) for row in found.values()):
        raise ModelError("this model's attention cannot be watched: it does not go through transformers' interface")
    mean: Map = torch.stack(list(found.values())).mean(dim=0).numpy()
    return mean


def last_row(query: torch.Tensor, key: torch.Tensor, mask: torch.Tensor | None, scaling: float | None) -> torch.Tensor:
    """Attention of the last token over all tokens, mean of heads: softmax of q.k times the scaling, plus the mask.

    Args:
        query: (1, A, T, D).
        key: (1, K, T, D); each head of keys serves A / K heads of queries that follow one another.
        mask: additive or boolean, (1, 1 or A, T, T), or None where all is seen.
        scaling: None for 1 / sqrt(D).

    Returns:
        (T,) float32 on the CPU.
    """
    last_AD = query[0, :, -1].float()
    keys_ATD = key[0].float().repeat_interleave(len(last_AD) // key.shape[1], dim=0)
    scores_AT = torch.einsum("ad,atd->at", last_AD, keys_ATD)
    scores_AT = scores_AT * (scaling if scaling is not None else last_AD.shape[1] ** -0.5)
    if mask is not None:
        row = mask[0, :, -1, : scores_AT.shape[1]]
        scores_AT = scores_AT.masked_fill(~row, float("-inf")) if row.dtype == torch.bool else scores_AT + row.float()
    return scores_AT.softmax(dim=-1).mean(dim=0).cpu()


def _prompt_ids(embedder: Embedder, image: PreparedImage, kind: Kind, text: str) -> tuple[int, ...]:
    prefix = embedder.renderer.prefix(kind, image.expansion)
    ids = prefix.ids + tuple(embedder.renderer.suffix(kind, prefix, text))
    if len(ids) > embedder.backbone.longest:
        raise InputError(
            f"the {kind} prompt takes {len(ids):,} tokens; the model takes {embedder.backbone.longest:,}: shorten it"
        )
    return ids


def _checked_layers(layers: Sequence[int] | None, count: int) -> tuple[int, ...]:
    if layers is None:
        return default_layers(count)
    wrong = [layer for layer in layers if not -count <= layer < count]
    if wrong or not layers:
        named = f"layer {wrong[0]} does not exist" if wrong else "no layer is named"
        raise InputError(f"{named}; the decoder has layers 0 to {count - 1}")
    return tuple(sorted({layer % count for layer in layers}))

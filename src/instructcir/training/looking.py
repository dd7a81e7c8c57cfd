"""Teaching a vision tower to look: it tells every fact of a drawn picture, before any decoder reads what it sees.

A real MLLM comes with a tower that was taught by itself (CLIP's, on pairs). One made from nothing is taught here, with
its projector: each attribute has a query that attends over the projected image tokens and names a value; each token
names the thing in its square. The queries are thrown away afterwards. More pictures a second go through this than the
whole model, and each teaches more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from instructcir.model.backbone import Backbone
from instructcir.model.preparation import PreparedImage
from instructcir.training.drawn import Pool
from instructcir.training.facts import UNASKED, FactTable, share_right
from instructcir.training.learner import Trained
from instructcir.training.tuned import part_of

# shapes: B pictures, N image tokens (side x side), D dimensions, A attributes, C most values of one, T things

_HEADS = 4
_SQUARES = 0.2  # weight of one square beside one attribute
_SIZE = 0.1  # root mean square of image tokens for a fresh decoder: about that of words once it has begun to learn
LEVELLED_BY = 64
"""Pictures that the size of image tokens is measured on."""


@dataclass(frozen=True, slots=True)
class Look:
    """A drawn picture and what is true of it: labels (A,) and squares (N,) as in `FactTable`."""

    image: Image.Image
    labels: torch.Tensor
    squares: torch.Tensor


class Looks(Dataset[Look]):
    """Pictures of the pools in turn, numbered from 0, with all their facts.

    Args:
        pools: pictures of each world.
        length: how many.
        seed: where in the pools to begin.
        table: numbers the facts.
        side: squares along one side of a picture.
    """

    def __init__(self, pools: Sequence[Pool], length: int, seed: int, table: FactTable, side: int) -> None:
        self.pools, self.length, self.seed, self.table, self.side = list(pools), length, seed, table, side

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Look:
        pool, number = Pool.pick(self.pools, index, self.seed)
        drawing = pool.drawing(number)
        labels = self.table.labels(pool.world.name, drawing.facts)
        return Look(pool.image(number), labels, self.table.squares(pool.world.boxes(drawing), self.side))


class LookCollator:
    """Looks as one batch of tensors.

    Args:
        prepare: the model's image preparation.
    """

    def __init__(self, prepare: Callable[[Image.Image], PreparedImage]) -> None:
        self.prepare = prepare

    def __call__(self, looks: Sequence[Look]) -> dict[str, Any]:
        """The batch: `pixels` by the processor's names, `labels` (B, A), `squares` (B, N)."""
        prepared = [self.prepare(look.image).tensors for look in looks]
        pixels = {name: torch.cat([one[name] for one in prepared]) for name in prepared[0]}
        labels = torch.stack([look.labels for look in looks])
        return {"labels": labels, "squares": torch.stack([look.squares for look in looks]), "pixels": pixels}


class Looker(Trained):
    """A model's tower and projector with queries for facts; the decoder takes no part.

    Args:
        backbone: the model, made for training; its decoder and embeddings are frozen.
        table: the facts.
        tokens: N, image tokens of a picture.
    """

    def __init__(self, backbone: Backbone, table: FactTable, tokens: int) -> None:
        super().__init__()
        self.model = backbone.model
        self.backbone = backbone
        for part in (backbone.decoder, backbone.base.get_input_embeddings()):
            part.requires_grad_(False)
        width = backbone.dimension
        most = max(map(len, table.values))
        self.norm = nn.LayerNorm(width)
        self.place = nn.Parameter(torch.randn(tokens, width) * 0.02)
        self.query = nn.Parameter(torch.randn(len(table.values), width) * math.sqrt(width) / 200)
        self.keys, self.told = nn.Linear(width, width), nn.Linear(width, width)
        self.value = nn.Parameter(torch.randn(len(table.values), most, width) * 0.02)
        self.bias = nn.Parameter(torch.zeros(len(table.values), most))
        self.thing = nn.Linear(width, 1 + len(table.things))
        none = torch.tensor([[number >= len(values) for number in range(most)] for values in table.values])
        self.none: torch.Tensor
        self.register_buffer("none", none, persistent=False)

    def forward(self, pixels: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Scores (B, A, C) of each attribute's values, and (B, N, 1 + T) of the thing in each square."""
        tokens = self.norm(self.tokens(pixels))
        placed = tokens + self.place
        attributes, width = self.query.shape
        queries = self.query.view(attributes, _HEADS, width // _HEADS).transpose(0, 1).expand(len(tokens), -1, -1, -1)
        keys, told = (part(placed).unflatten(-1, (_HEADS, -1)).transpose(1, 2) for part in (self.keys, self.told))
        read = F.scaled_dot_product_attention(queries, keys, told).transpose(1, 2).flatten(2)
        scores = torch.einsum("bad,acd->bac", read, self.value) + self.bias
        return scores.masked_fill(self.none, -1e4), self.thing(tokens)

    @torch.no_grad()
    def level(self, pixels: dict[str, torch.Tensor]) -> None:
        """Bring image tokens to the size of words by the projector's last layer; the facts told stay the same.

        Only their direction is read here, so training lets their size grow to hundreds; beside that, nothing that a
        decoder's layer adds to an image token would be seen.

        Args:
            pixels: of the pictures to measure on.
        """
        linear = [part for part in part_of(self.model, "projector").modules() if isinstance(part, nn.Linear)][-1]
        shrink = _SIZE / float(self.tokens(pixels).float().pow(2).mean().sqrt())
        for weight in linear.parameters():
            weight.mul_(shrink)

    def tokens(self, pixels: dict[str, torch.Tensor]) -> torch.Tensor:
        """Image tokens (B, N, D) as the decoder gets them."""
        device = self.backbone.device
        given = {name: _channels_last(tensor.to(device)) for name, tensor in pixels.items()}
        seen = self.backbone.base.get_image_features(**given, return_dict=True).pooler_output
        return seen if torch.is_tensor(seen) else torch.stack(list(seen))


def looking_loss(weight: float, looker: nn.Module, batch: dict[str, Any]) -> tuple[torch.Tensor, dict[str, float]]:
    """Mean over pictures of the sum of all cross entropies, times a weight; and what to log."""
    scores, things = looker(batch["pixels"])
    labels, squares = batch["labels"].to(scores.device), batch["squares"].to(scores.device)
    count = len(labels)
    facts = _summed(scores, labels) / count
    where = _summed(things, squares) / count
    right = share_right(scores.detach().argmax(-1), labels)
    shown = squares > 0
    found = share_right(things.detach().argmax(-1)[shown], squares[shown])
    figures = {"facts": float(facts.detach()), "facts right": right, "things right": found}
    return weight * (facts + _SQUARES * where), figures


def _channels_last(tensor: torch.Tensor) -> torch.Tensor:
    """Pixels in the order that convolutions run fastest in; others as they are."""
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor


def _summed(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(scores.flatten(0, -2), labels.flatten(), ignore_index=UNASKED, reduction="sum")

"""Telling facts from vectors: a linear layer names every attribute's value from a picture's, a query's or a caption's.

A contrast over a batch tells a vector little: which of a hundred captions is its own. Facts tell it what is in it, all
of them each time, and the same layer for pictures, queries and captions lays them side by side. The layer is thrown
away afterwards.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional as F

from instructcir.training.facts import UNASKED, FactTable

# shapes: M vectors, D dimensions, A attributes, C values of all attributes together, V different values, T things


class Telling(nn.Module):
    """The layer. A red dog and a red boat share what red means; each thing has a gate of its own that binds it.

    Args:
        table: the facts.
        dimension: D.
    """

    def __init__(self, table: FactTable, dimension: int) -> None:
        super().__init__()
        self.sizes = [len(values) for values in table.values]
        owners = ["", *table.things]
        said: dict[tuple[str, str, str], int] = {}
        value_of, owner_of = [], []
        for (world, name), values in zip(table.names, table.values, strict=True):
            thing, _, attribute = name.rpartition(".")
            for value in values:
                value_of.append(said.setdefault((world, attribute, value), len(said)))
                owner_of.append(owners.index(thing))
        self.value_of: torch.Tensor
        self.owner_of: torch.Tensor
        self.register_buffer("value_of", torch.tensor(value_of), persistent=False)
        self.register_buffer("owner_of", torch.tensor(owner_of), persistent=False)
        self.value = nn.Parameter(torch.randn(len(said), dimension) * 0.02)
        self.gate = nn.Parameter(torch.randn(len(owners), dimension))
        self.bias = nn.Parameter(torch.zeros(len(value_of)))

    def forward(self, unit: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Every attribute's cross entropy, 0 where it is not asked; and where what is told is right.

        Args:
            unit: (M, D) unit vectors.
            labels: (M, A) as in `FactTable`.

        Returns:
            (M, A) in nats, with gradients, and (M, A) bool.
        """
        weights = self.value[self.value_of] * self.gate[self.owner_of]
        scores = (unit * math.sqrt(unit.shape[1])) @ weights.T + self.bias
        losses = scores.new_zeros(labels.shape)
        right = torch.zeros_like(labels, dtype=torch.bool)
        for place, each in enumerate(torch.split(scores, self.sizes, dim=1)):
            asked = labels[:, place]
            if bool((asked != UNASKED).any()):
                losses[:, place] = F.cross_entropy(each, asked, ignore_index=UNASKED, reduction="none")
                right[:, place] = each.detach().argmax(1) == asked
        return losses, right

"""How much memory a model takes, told from its configuration before anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

# shapes: T tokens of a batch, D hidden size, F feed-forward size


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes of a model's weights, and about as many of what a batch takes while it runs."""

    weights: int
    activations: int

    @property
    def total(self) -> int:
        """Bytes of both."""
        return self.weights + self.activations


def estimate(config: Any, weights: int, stored: torch.dtype, tokens: int) -> Need:
    """Memory for one batch of `tokens` tokens.

    Of activations the two largest sets that live at one time are counted: a decoder layer's (its input and output,
    queries, keys, values and the attention's result: 6 T D; two halves of the feed-forward layer and their product:
    3 T F), with an additive mask of one row of tokens, and as much again for the tower and the allocator. Within a
    factor of two.

    Args:
        config: a transformers configuration with a decoder's text part.
        weights: how many weights the model has.
        stored: the type they are kept in.
        tokens: padded tokens of a batch.
    """
    text = config.get_text_config(decoder=True)
    wide = 6 * text.hidden_size + 3 * getattr(text, "intermediate_size", 4 * text.hidden_size)
    mask = min(tokens, text.max_position_embeddings, 4096) ** 2
    return Need(weights * stored.itemsize, 2 * stored.itemsize * (tokens * wide + mask))

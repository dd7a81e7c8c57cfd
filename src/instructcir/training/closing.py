"""Takes one direction out of all vectors of a trained model: the one in which pictures differ from queries.

Contrasts set pictures against texts, so that a model learns to tell the two apart; in a ranking of pictures by a query
that direction says nothing of what they show and moves them all the same. Nothing is added to the model. Its hidden
states are turned so that the direction becomes one coordinate of the last norm, whose weight then shrinks it. RMS norms
commute with rotations once their weights are part of the layers that read them (SliceGPT: Ashkboos et al., 2024), so
each layer does what it did; what the model says is as before, too, by an output layer that undoes the shrinking.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from instructcir.errors import InputError
from instructcir.training.learner import Learner
from instructcir.training.samples import Chunk
from instructcir.training.tuned import part_of

# shapes: D hidden size

MEASURED_ON = 1024
"""Samples that the direction is taken from."""
LEFT = 0.05
"""Share of a vector's part along the direction that stays; with none the model could no longer say what it said."""
_READERS = ({"q_proj", "k_proj", "v_proj", "qkv_proj"}, {"gate_proj", "up_proj", "gate_up_proj"})
_WRITERS = ("o_proj", "down_proj")
_NORMS = ("input_layernorm", "post_attention_layernorm")


@torch.no_grad()
def gap_of(learner: Learner, chunks: Iterable[Chunk]) -> torch.Tensor:
    """(D,) from the mean of these samples' queries to the mean of their pictures, of length one."""
    found = [learner(chunk)[0] for chunk in chunks]
    pictures = torch.cat([vectors.gallery for vectors in found]).mean(dim=0)
    queries = torch.cat([vectors.composed for vectors in found]).mean(dim=0)
    return nn.functional.normalize(pictures - queries, dim=0)


def check_closable(model: Any) -> None:
    """Find out before a training whether its end can close the gap.

    Raises:
        InputError: the model's decoder is of another kind, or it has no projector.
    """
    _layers_of(model.base_model.get_decoder())
    part_of(model, "projector")


@torch.no_grad()
def close_gap(model: Any, direction_D: torch.Tensor) -> None:
    """Shrink a direction of all vectors to `LEFT` of what it was, in place; texts that are generated stay the same.

    Args:
        model: an image-text model whose decoder has RMS norms before attention and feed-forward layers and nowhere else
            (Llama's kind); its output layer is no longer its input embeddings afterwards.
        direction_D: of length one, in the space of the last hidden state.

    Raises:
        InputError: the decoder is of another kind.
    """
    decoder, head = model.base_model.get_decoder(), model.get_output_embeddings()
    readers, writers = _layers_of(decoder)
    projector = [part for part in part_of(model, "projector").modules() if isinstance(part, nn.Linear)][-1]
    scale_D, along_D = decoder.norm.weight.double(), direction_D.double().to(decoder.norm.weight.device)
    shrinking_DD = torch.diag(scale_D) - (1 - LEFT) * torch.outer(along_D, along_D * scale_D)
    _, left_D, turn_DD = torch.linalg.svd(shrinking_DD)
    said_VD = (head.weight.double() * scale_D) @ turn_DD.T / left_D
    head.weight = nn.Parameter(said_VD.to(head.weight.dtype))
    for config in (model.config, model.config.get_text_config(decoder=True)):
        config.tie_word_embeddings = False
    embeddings = model.base_model.get_input_embeddings()
    embeddings.weight.copy_(embeddings.weight.double() @ turn_DD.T)
    for norm, linears in readers:
        for linear in linears:
            linear.weight.copy_((linear.weight.double() * norm.weight.double()) @ turn_DD.T)
        norm.weight.fill_(1)
    for linear in (*writers, projector):
        linear.weight.copy_(turn_DD @ linear.weight.double())
        if linear.bias is not None:
            linear.bias.copy_(turn_DD @ linear.bias.double())
    decoder.norm.weight.copy_(left_D)


def _layers_of(decoder: Any) -> tuple[list[tuple[Any, list[Any]]], list[Any]]:
    """Each norm with the linear layers that read from it, and the linear layers that write into the hidden state.

    Raises:
        InputError: a layer has parts that are not known.
    """
    readers, writers = [], []
    for layer in decoder.layers:
        names = {name for name, part in layer.named_children() if not isinstance(part, nn.Dropout)}
        plain = all(type(getattr(layer, name, None)).__name__.endswith("RMSNorm") for name in _NORMS)
        if names != {"self_attn", "mlp", *_NORMS} or not plain or "Gemma" in type(layer).__name__:
            raise InputError(f"tune.close_gap: not for decoders of {type(layer).__name__}; leave it out")
        for norm, part, known in zip(_NORMS, (layer.self_attn, layer.mlp), _READERS, strict=True):
            linears = {name: one for name, one in part.named_children() if isinstance(one, nn.Linear)}
            if not linears.keys() <= known | set(_WRITERS):
                raise InputError(f"tune.close_gap: not for {type(part).__name__} ({', '.join(linears)}); leave it out")
            readers.append((getattr(layer, norm), [one for name, one in linears.items() if name in known]))
            writers += [one for name, one in linears.items() if name in _WRITERS]
    return readers, writers

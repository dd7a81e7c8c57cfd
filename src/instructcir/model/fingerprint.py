"""A model's fingerprint: two embedders that have the same one give the same vectors, up to rounding of their device."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from instructcir.model.embedder import Embedder

_FORMAT = 1  # counted up when the package itself changes what a vector is


def fingerprint(embedder: Embedder) -> str:
    """Hash all that a vector depends on, as 64 hexadecimal digits.

    That is the weights as they are in memory (number type, merged adapters), prompts, chat template, and how pixels are
    prepared. The device is not part of it.
    """
    checkpoint = embedder.checkpoint
    settings = {
        "format": _FORMAT,
        "prompts": checkpoint.prompts.to_dict(),
        "chat_template": checkpoint.chat_template,
        "pixels": checkpoint.processor.image_processor.to_dict(),
    }
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    for name, tensor in sorted(checkpoint.model.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()

"""Prompts that no other may share a pass with: those longer than a length at which the model changes."""

from __future__ import annotations

from typing import Any


def own_pass_length(text_config: Any) -> int | None:
    """Length beyond which a prompt must be computed alone, or None.

    Beyond it the rotations change for all tokens of a batch (longrope, dynamic scaling), or tokens no longer see all
    that came before them (sliding windows), which the model's own masks know and a packed row's do not.
    """
    rope = getattr(text_config, "rope_parameters", None) or {}
    lengths = []
    if rope.get("rope_type") == "longrope":
        lengths.append(int(rope.get("original_max_position_embeddings") or text_config.max_position_embeddings))
    if rope.get("rope_type") == "dynamic":
        lengths.append(int(text_config.max_position_embeddings))
    if getattr(text_config, "sliding_window", None) and getattr(text_config, "use_sliding_window", True):
        lengths.append(int(text_config.sliding_window))
    return min(lengths, default=None)

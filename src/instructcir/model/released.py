"""The layout of the released InstructCIR weights: a LLaVA whose configuration bears names of its own."""

from __future__ import annotations

import copy
from typing import Any

from transformers import LlavaConfig

MODEL_TYPE = "instructcir_llava_phi35"
UNUSED_WEIGHTS = ("ret_proj.",)
"""Declared in the released code and never called: the embedding is the last hidden state itself."""


def is_released(config: dict[str, Any]) -> bool:
    """Whether a config.json is of this layout."""
    return config.get("model_type") == MODEL_TYPE


def as_llava(config: dict[str, Any]) -> LlavaConfig:
    """The same model in names that transformers knows.

    The decoder, called `phi3_llama`, has Llama's split projections with Phi-3.5's longrope: keys absent from its
    configuration take Llama's defaults, and the length at which longrope changes moves to where transformers looks.

    Args:
        config: contents of config.json.
    """
    values = copy.deepcopy(config)
    values.update(model_type="llava", architectures=["LlavaForConditionalGeneration"])
    text = values["text_config"]
    text["model_type"] = "llama"
    text.pop("sliding_window", None)  # Llama has none; Phi-3.5's exceeds its context
    scaling = text.get("rope_scaling")
    if scaling and "original_max_position_embeddings" in text:
        scaling["original_max_position_embeddings"] = text["original_max_position_embeddings"]
    return LlavaConfig.from_dict(values)

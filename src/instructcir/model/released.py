"""The layout of the released InstructCIR weights: a LLaVA whose configuration bears names of its own."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from huggingface_hub.errors import StrictDataclassError
from transformers import LlavaConfig

from instructcir.errors import ModelError
from instructcir.model.reading import first_line

MODEL_TYPE = "instructcir_llava_phi35"
UNUSED_WEIGHTS = ("ret_proj.",)
"""Declared in the released code and never called: the embedding is the last hidden state itself."""


def is_released(config: dict[str, Any]) -> bool:
    """Whether a config.json is of this layout."""
    return config.get("model_type") == MODEL_TYPE


def as_llava(folder: Path, config: dict[str, Any]) -> LlavaConfig:
    """The same model in names that transformers knows.

    The decoder, called `phi3_llama`, has Llama's split projections with Phi-3.5's longrope: keys absent from its
    configuration take Llama's defaults.

    Args:
        folder: where it was read, for errors.
        config: contents of config.json.

    Raises:
        ModelError: a part of the configuration is missing or not understood.
    """
    values = copy.deepcopy(config)
    values.update(model_type="llava", architectures=["LlavaForConditionalGeneration"])
    text = values.get("text_config")
    if not isinstance(text, dict) or not isinstance(values.get("vision_config"), dict):
        raise ModelError(f"{folder / 'config.json'}: lacks text_config or vision_config")
    text["model_type"] = "llama"
    text.pop("sliding_window", None)  # Llama has none; Phi-3.5's exceeds its context
    try:
        return LlavaConfig.from_dict(values)
    except (ValueError, KeyError, TypeError, AttributeError, StrictDataclassError) as error:
        raise ModelError(f"{folder / 'config.json'}: not understood ({first_line(error)})") from error

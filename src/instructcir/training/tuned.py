"""Which weights learn: parts that are frozen, low-rank adapters."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from instructcir.errors import DependencyError, InputError
from instructcir.files import atomic_folder
from instructcir.training.recipe import Tune


def freeze(model: Any, parts: Sequence[str]) -> None:
    """Stop parts of a model from learning.

    Args:
        model: an image-text model.
        parts: of "vision", "projector", "decoder", "embeddings".

    Raises:
        InputError: an unknown part, or one that this model lacks.
    """
    for part in parts:
        for parameter in part_of(model, part).parameters():
            parameter.requires_grad_(False)


def part_of(model: Any, name: str) -> nn.Module:
    """A part of an image-text model by its name in a recipe.

    Raises:
        InputError: an unknown part, or one that this model lacks.
    """
    base = model.base_model
    found: nn.Module | None = None
    if name == "decoder":
        found = base.get_decoder()
    elif name == "embeddings":
        found = base.get_input_embeddings()
    elif name == "vision":
        found = (
            getattr(base, "vision_tower", None) or getattr(base, "visual", None) or getattr(base, "vision_model", None)
        )
    elif name == "projector":
        found = getattr(base, "multi_modal_projector", None) or getattr(base, "connector", None)
    else:
        raise InputError(f"tune.freeze: {name!r} is none of vision, projector, decoder, embeddings")
    if found is None:
        raise InputError(f"tune.freeze: this model has no part {name!r}")
    return found


def add_adapters(model: Any, tune: Tune, earlier: Path | None = None) -> Any:
    """Low-rank adapters on every linear layer of the decoder; all else is frozen.

    Args:
        model: an image-text model, changed in place.
        tune: rank and scale of new adapters.
        earlier: a folder of adapters to go on with instead of new ones.

    Returns:
        peft's wrapping of the model.

    Raises:
        DependencyError: peft is not installed.
    """
    try:
        from peft import LoraConfig, PeftModel, get_peft_model
    except ImportError as error:
        raise DependencyError("adapters need peft: pip install 'instructcir[lora]'") from error
    decoder = model.base_model.get_decoder()
    inside = {id(module) for module in decoder.modules() if isinstance(module, nn.Linear)}
    targets = [name for name, module in model.named_modules() if id(module) in inside]
    config = LoraConfig(r=tune.rank, lora_alpha=tune.alpha, lora_dropout=tune.dropout, target_modules=targets)
    with warnings.catch_warnings():  # peft asks transformers by an older name
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated", category=FutureWarning)
        if earlier is not None:
            return PeftModel.from_pretrained(model, str(earlier), is_trainable=True)
        return get_peft_model(model, config)


def save_adapters(model: Any, folder: Path, base: Path) -> None:
    """Write the adapters alone, naming the model that they belong to."""
    with atomic_folder(folder) as target:
        model.peft_config["default"].base_model_name_or_path = str(base)
        model.save_pretrained(target)

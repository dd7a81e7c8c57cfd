"""What a run will take, told before it starts: weights, memory, steps, hours, disk. Estimates, and said to be."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForImageTextToText

from instructcir.errors import InputError, ModelError
from instructcir.model.loading import find_folder
from instructcir.model.placement import in_bfloat16, place
from instructcir.model.reading import first_line
from instructcir.model.untrained import outline
from instructcir.training.fresh import SHAPES
from instructcir.training.gathering import processes
from instructcir.training.recipe import Recipe
from instructcir.training.tuned import add_adapters, freeze

_TOKENS_A_TEXT = 40
"""What a caption or a modification takes with its prompt; captions of the web have 10 to 30 words."""
_REACHED = 0.5
"""Share of the matrix rate that training is taken to reach; bench/training.py measures it."""
_WIDTHS_KEPT = 34
"""Numbers that a layer keeps for the backward pass, in multiples of tokens x width."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run will take.

    Attributes:
        weights: of the model; `trainable` of them learn.
        tokens: of one sample: picture, prompts and texts.
        memory: bytes of weights, gradients, the optimiser's state and a chunk's activations, on one device.
        steps: how many.
        hours: at this machine's measured matrix rate.
        disk: bytes of the checkpoints, the result and the drawn pictures.
    """

    weights: int
    trainable: int
    tokens: int
    memory: int
    steps: int
    hours: float
    disk: int


def forecast(recipe: Recipe, folder: Path) -> Forecast:
    """Tell what a recipe takes on this machine; nothing is trained, no weights are read.

    Args:
        recipe: the settings.
        folder: where the run will be; only to find the model that a recipe goes on from.

    Raises:
        ModelError: the starting model's configuration cannot be read.
        InputError: the recipe goes on from one that is not trained yet.
    """
    model = _outline(recipe, folder)
    if recipe.tune.mode == "lora":
        freeze(model, recipe.tune.freeze)
        add_adapters(model, recipe.tune)
    else:
        freeze(model, (*recipe.tune.freeze, *(("decoder", "embeddings") if recipe.objective.facts else ())))
        if recipe.objective.facts:
            model.get_output_embeddings().requires_grad_(False)
    weights = sum(parameter.numel() for parameter in model.parameters())
    trainable = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    placed = place("auto", recipe.start.dtype, weights)
    tokens = _tokens(recipe, model.config)
    micro = recipe.optimiser.micro_batch or recipe.optimiser.global_batch
    own = max(1, recipe.optimiser.global_batch // processes())
    size = placed.stored.itemsize
    text = model.config.get_text_config(decoder=True)
    kept = min(micro, own) * tokens * text.hidden_size * text.num_hidden_layers * _WIDTHS_KEPT * size
    samples = recipe.optimiser.steps * recipe.optimiser.global_batch
    twice = 4 / 3 if own > micro else 1.0  # a batch in chunks goes forward twice
    operations = 6 * weights * tokens * samples * twice
    products = torch.bfloat16 if in_bfloat16(recipe.running.mixed_precision) else placed.stored
    disk = 2 * trainable * (size + 8) + weights * size
    if recipe.data.source == "drawn":
        disk += len(recipe.data.worlds) * recipe.data.pool * recipe.data.side**2 * 3
    return Forecast(
        weights=weights,
        trainable=trainable,
        tokens=tokens,
        memory=weights * size + trainable * (size + 8) + kept,
        steps=recipe.optimiser.steps,
        hours=operations / (_matrix_rate(placed.device, products) * _REACHED) / 3600,
        disk=disk,
    )


def _outline(recipe: Recipe, folder: Path) -> Any:
    """The starting model without its weights."""
    kind, _, name = recipe.start.model.partition(":")
    if kind == "fresh":
        if name not in SHAPES:
            raise InputError(f"start.model {recipe.start.model!r}: fresh models are {', '.join(SHAPES)}")
        return outline(SHAPES[name])
    if kind == "recipe":
        made = [folder.parent / name / part for part in ("model", "adapter")]
        found = next((one for one in made if one.exists()), None)
        if found is None:
            raise InputError(f"{folder.parent / name}: recipe {recipe.name} goes on from there; train {name} first")
        where = found
    else:
        where = find_folder(recipe.start.model)
    try:
        config = AutoConfig.from_pretrained(where)
        with torch.device("meta"):
            return AutoModelForImageTextToText.from_config(config)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{where}: its configuration cannot be read ({first_line(error)})") from error


def _tokens(recipe: Recipe, config: Any) -> int:
    """About how many tokens one sample has."""
    image = getattr(config, "image_seq_length", None) or 256
    objective = recipe.objective
    wishes = recipe.data.wishes if recipe.data.source == "drawn" else 1
    of_triplets = 1 + wishes * (2 + recipe.data.hard_negatives)
    texts = 3 * bool(objective.answers) + bool(objective.pairs) + of_triplets * bool(objective.triplets)
    return int(image + texts * _TOKENS_A_TEXT)


def _matrix_rate(device: torch.device, stored: torch.dtype) -> float:
    """Operations a second of a product at a decoder's shape, measured for a moment."""
    left, right = (torch.randn(1024, 1024, device=device).to(stored) for _ in range(2))
    seconds = []
    for _ in range(6):
        if device.type == "cuda":
            torch.cuda.synchronize()
        start = time.perf_counter()
        left @ right
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return 2 * 1024**3 / statistics.median(seconds)

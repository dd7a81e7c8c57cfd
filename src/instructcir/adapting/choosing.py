"""The recipe of an adaptation, chosen for the machine and for how many triplets there are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch

from instructcir.errors import InputError
from instructcir.training.recipe import Recipe, from_dict

LAPS = 6
"""How often each triplet is seen, about."""
FEWEST_STEPS, MOST_STEPS = 40, 1500
_KEPT_A_PICTURE = 6 * 2**20
"""Bytes that a picture and its texts keep for the backward pass for each layer and 1,000 of width, about."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What a recipe is chosen for.

    Attributes:
        gpu: whether there is one.
        memory: bytes that are free on it or, without one, in main memory.
    """

    gpu: bool
    memory: int


def this_machine() -> Machine:
    """The machine that this runs on."""
    if torch.cuda.is_available():
        free, _ = torch.cuda.mem_get_info()
        return Machine(True, int(free))
    return Machine(False, int(psutil.virtual_memory().available))


def chosen_recipe(
    base: Path,
    triplets: Path,
    count: int,
    machine: Machine,
    *,
    width: int,
    layers: int,
    prompts: str = "",
    hard_negatives: int = 0,
    steps: int | None = None,
) -> Recipe:
    """A recipe: low-rank adapters on the decoder, the paper's loss, reference pictures as further negatives.

    Args:
        base: the model's folder.
        triplets: the file to learn from.
        count: how many it holds.
        machine: where it will run.
        width: of the decoder's hidden states.
        layers: of the decoder.
        prompts: a prompt set, or "" for the model's own.
        hard_negatives: of each triplet, mined before.
        steps: instead of the number that is chosen.

    Raises:
        InputError: there are too few triplets for a batch of two.
    """
    if count < 2:
        raise InputError(f"{triplets}: {count} triplets; nothing can be learned from fewer than 2")
    batch = min(1 << (count.bit_length() - 1), 512 if machine.gpu else 64)
    fits = max(1, int(machine.memory / 2 / (_KEPT_A_PICTURE * layers * width / 1000)))
    enough = min(MOST_STEPS, max(FEWEST_STEPS, LAPS * count // batch))
    rank = 64 if width >= 1024 else 16
    values: dict[str, Any] = {
        "name": "adapt",
        "about": "Stage 2 on triplets of a person's own pictures; chosen for the machine by `instructcir adapt`.",
        "start": {"model": str(base), "prompts": prompts},
        "tune": {"mode": "lora", "rank": rank, "alpha": 2 * rank},
        "data": {"source": "triplets", "path": str(triplets), "hard_negatives": hard_negatives},
        "objective": {
            "triplets": 1.0,
            "reference_image_negatives": True,
            "equal_texts_are_right": True,
        },
        "optimiser": {
            "global_batch": batch,
            "micro_batch": min(batch, fits),
            "steps": steps or enough,
            "learning_rate": 1e-4 if width >= 1024 else 1e-3,
        },
        "running": {"save_every": 100, "log_every": 5, "workers": 1 if machine.gpu else 0},
    }
    return from_dict(values)

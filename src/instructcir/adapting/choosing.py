"""The recipe of an adaptation, chosen for the machine and for how many pictures and triplets there are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch

from instructcir.errors import InputError
from instructcir.training.recipe import Recipe, from_dict

LAPS = 4.5
"""How often each picture is seen, about."""
TOGETHER = 3
"""Triplets of a picture that are learned from at a time, at most: the picture is computed once for all of them."""
OLD_SHARE = 0.33
"""Of all samples those that are drawn, where the base learned from drawn worlds: so that it does not forget them."""
_LARGEST_POOL = 20_000
_CPU_BATCH = 32
"""Small, so that few pictures give many steps: with texts and hard negatives each query still has 250 wrong ones."""
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


@dataclass(frozen=True, slots=True)
class Material:
    """What there is to learn from.

    Attributes:
        path: the file of triplets.
        triplets: how many it holds.
        pictures: how many different ones they are about.
        hard_negatives: of each triplet, mined before.
        old_worlds: drawn worlds that the base knows already.
    """

    path: Path
    triplets: int
    pictures: int
    hard_negatives: int = 0
    old_worlds: tuple[str, ...] = ()


def chosen_recipe(
    base: Path,
    material: Material,
    machine: Machine,
    *,
    width: int,
    layers: int,
    prompts: str = "",
    steps: int | None = None,
) -> Recipe:
    """A recipe: low-rank adapters on the decoder, pairs beside triplets, reference pictures as further negatives.

    Args:
        base: the model's folder.
        material: what there is to learn from.
        machine: where it will run.
        width: of the decoder's hidden states.
        layers: of the decoder.
        prompts: a prompt set, or "" for the model's own.
        steps: instead of the number that is chosen.

    Raises:
        InputError: there are too few pictures for a batch of two.
    """
    if material.pictures < 2:
        raise InputError(f"{material.path}: {material.pictures} pictures; nothing can be learned from fewer than 2")
    batch = min(1 << (material.pictures.bit_length() - 1), 512 if machine.gpu else _CPU_BATCH)
    fits = max(1, int(machine.memory / 2 / (_KEPT_A_PICTURE * layers * width / 1000)))
    share = OLD_SHARE if material.old_worlds else 0.0
    enough = min(MOST_STEPS, max(FEWEST_STEPS, int(LAPS * material.pictures / (1 - share)) // batch))
    rank = 64 if width >= 1024 else 16
    values: dict[str, Any] = {
        "name": "adapt",
        "about": "Stage 2 on triplets of a person's own pictures; chosen for the machine by `instructcir adapt`.",
        "start": {"model": str(base), "prompts": prompts},
        "tune": {"mode": "lora", "rank": rank, "alpha": 2 * rank},
        "data": {
            "source": "triplets",
            "path": str(material.path),
            "hard_negatives": material.hard_negatives,
            "together": max(1, min(TOGETHER, material.triplets // material.pictures)),
            **_old(material, share, (steps or enough) * batch),
        },
        "objective": {
            "pairs": 0.5,
            "triplets": 1.0,
            "reference_image_negatives": True,
            "both_directions": True,
            "equal_texts_are_right": True,
        },
        "optimiser": {
            "global_batch": batch,
            "micro_batch": min(batch, fits),
            "steps": steps or enough,
            "learning_rate": 1e-4 if width >= 1024 else 1e-3,
            # the first step of a warm-up has a rate of 0: a training of that one step would change nothing
            **({"warmup": 0.0} if steps == 1 else {}),
        },
        "running": {"save_every": _save_every(steps or enough), "log_every": 5, "workers": 1 if machine.gpu else 0},
    }
    return from_dict(values)


def _save_every(steps: int) -> int:
    """Steps between checkpoints: a killed run loses a fifth of a short training, and 100 steps of a long one."""
    return max(1, min(100, steps // 5))


def _old(material: Material, share: float, samples: int) -> dict[str, Any]:
    """Settings of the drawn samples beside a person's own: each picture once, as long as there is room for them."""
    if not share:
        return {}
    pool = min(_LARGEST_POOL, int(samples * share / len(material.old_worlds)) + 1)
    return {"drawn_share": share, "worlds": list(material.old_worlds), "pool": pool}

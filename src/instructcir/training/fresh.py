"""A small model with random weights for training on drawn worlds: its sizes, and a tokenizer for their language."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from instructcir.model.prompts import named
from instructcir.model.untrained import Shape, write_untrained
from instructcir.worlds.registry import world as world_named
from instructcir.worlds.splits import facts_of, training_change

SHAPES = {
    "tiny": Shape(
        side=112,
        patch=16,
        stages=((48, 1), (96, 2), (192, 3)),
        width=192,
        inner=512,
        layers=5,
        heads=6,
        vocabulary=3072,
        even_heads=True,
    )
}
"""Convolutions, since a tower without them, taught from nothing, needs many times more pictures; heads of one length,
since attention that may grow without bound becomes all or nothing, and then learns no more (docs/log.md)."""
_PICTURES = 3000
"""Of each world, whose words the tokenizer is learned from."""
_OPENING = "\nASSISTANT:"
"""How the model's chat template goes on after a user's turn."""


def write_fresh(folder: Path, name: str, seed: int, worlds: Sequence[str], prompts: str = "instructcir") -> None:
    """Write a fresh model as a hub repository would hold it.

    Args:
        folder: must not exist, or be empty.
        name: one of `SHAPES`.
        seed: of the weights.
        worlds: whose language its tokenizer is learned from.
        prompts: prompt set whose fixed words become one token each, which shortens every prompt.

    Raises:
        InputError: the folder holds files, or cannot be written.
    """
    chosen = named(prompts)
    pieces = [piece.replace("<image>", "") for kind in ("gallery", "query", "text") for piece in chosen.pieces(kind)]
    ends = {chosen.pieces(kind)[-1].replace("<image>", "") for kind in ("gallery", "query", "text")}
    whole = sorted(
        {piece + _OPENING * (piece in ends) for piece in pieces if piece} | {_OPENING}, key=len, reverse=True
    )
    lines = [line for name_of_world in worlds for line in _language(name_of_world)]
    write_untrained(folder, seed, SHAPES[name], [*lines, *whole * len(lines)], whole=whole, spread=False)


def _language(name: str) -> Iterator[str]:
    """Captions, modifications, questions and answers of a world's training split."""
    world = world_named(name)
    rng = random.Random(f"tokenizer/{name}")
    for number in range(_PICTURES):
        facts = facts_of(world, "train", number)
        yield world.caption(facts, rng)
        yield world.caption(facts, rng, "short")
        change = training_change(world, facts, rng)
        yield world.modification(facts, change, rng).text
        question, answer = world.question(facts, rng)
        yield f"{question} {answer}"

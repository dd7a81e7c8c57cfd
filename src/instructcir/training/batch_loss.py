"""The loss of a whole batch, in one pass or in chunks with the same gradients and a chunk's memory.

In chunks: first all vectors without gradients, then the loss and its gradient towards each vector, then each chunk
again with gradients, driven by those of its vectors (GradCache: Gao et al., 2021). Equal to one pass, at the price of a
second forward pass.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from instructcir.training.gathering import gather, gather_numbers, processes
from instructcir.training.learner import Own, Vectors
from instructcir.training.objective import TEMPERATURE, at_dimensions, contrastive
from instructcir.training.samples import Chunk

# shapes: S pictures, W wishes, D dimensions

Forward = Callable[[Chunk], tuple[Vectors, Own]]


@dataclass(frozen=True, slots=True)
class Objective:
    """What is minimised. The paper's stage 1 is `pairs` alone, its stage 2 `triplets` alone, all else as it is here.

    Attributes:
        facts: weight of telling drawn pictures' facts by the tower and projector alone (`looking`); stands alone.
        answers: weight of saying the right answers.
        told: weight of telling drawn facts by one linear layer from all vectors (`telling`), beside the contrasts.
        told_changes: how much more those facts of a composed query count that its modification changes.
        pairs: weight of the contrast between pictures and captions.
        triplets: weight of the contrast between composed queries and modified captions.
        temperature: divides similarities; where it is learned, where it starts.
        learnable_temperature: whether it is learned.
        original_caption_negatives: every original caption of the batch is wrong for every composed query.
        reference_image_negatives: so is every reference picture, most of all the query's own.
        hard_negatives_of_pairs: hard negatives are wrong for every picture of the batch too, not for its queries alone.
        same_kind_negatives: so are other pictures for a picture, other captions for a caption, other queries for one:
            what is right must be nearer than one's own kind, which closes the gap between pictures and texts.
        both_directions: contrast from captions to pictures and queries too.
        equal_texts_are_right: a caption equal to the right one is not counted as wrong.
        matryoshka: also contrast vectors cut to these lengths.
    """

    facts: float = 0.0
    answers: float = 0.0
    told: float = 0.0
    told_changes: float = 1.0
    pairs: float = 0.0
    triplets: float = 0.0
    temperature: float = TEMPERATURE
    learnable_temperature: bool = False
    original_caption_negatives: bool = True
    reference_image_negatives: bool = False
    hard_negatives_of_pairs: bool = False
    same_kind_negatives: bool = False
    both_directions: bool = False
    equal_texts_are_right: bool = False
    matryoshka: tuple[int, ...] = field(default=())


def contrasts(
    objective: Objective, vectors: Vectors, chunks: Sequence[Chunk], temperature: float | torch.Tensor
) -> dict[str, torch.Tensor]:
    """The contrastive losses of a global batch, by name; `vectors` are this process's own."""
    blocks = [gather(block) for block in vectors.all()]
    caption_keys = modified_keys = hard_keys = None
    if objective.equal_texts_are_right:
        caption_keys, modified_keys, hard_keys = _text_keys(chunks, vectors.gallery.device)
    found: dict[str, list[torch.Tensor]] = {"pairs": [], "triplets": []}
    for gallery, composed, captions, modified, hard in at_dimensions(blocks, objective.matryoshka):
        if objective.pairs:
            against = [hard] if objective.hard_negatives_of_pairs else []
            found["pairs"].append(
                contrastive(
                    gallery,
                    captions,
                    against,
                    temperature=temperature,
                    both_directions=objective.both_directions,
                    same_QQ=_equal(caption_keys, caption_keys),
                    same_negatives=[_equal(caption_keys, hard_keys)] * len(against),
                    same_kind=objective.same_kind_negatives,
                )
            )
        if objective.triplets:
            negatives, same = [], []
            if objective.original_caption_negatives:
                negatives.append(captions)
                same.append(_equal(modified_keys, caption_keys))
            if objective.reference_image_negatives:
                negatives.append(gallery)
                same.append(_equal(modified_keys, caption_keys))
            if len(hard):
                negatives.append(hard)
                same.append(_equal(modified_keys, hard_keys))
            found["triplets"].append(
                contrastive(
                    composed,
                    modified,
                    negatives,
                    temperature=temperature,
                    both_directions=objective.both_directions,
                    same_QQ=_equal(modified_keys, modified_keys),
                    same_negatives=same,
                    same_kind=objective.same_kind_negatives,
                )
            )
    return {name: torch.stack(values).mean() for name, values in found.items() if values}


def _equal(left: torch.Tensor | None, right: torch.Tensor | None) -> torch.Tensor | None:
    return None if left is None or right is None else left[:, None] == right[None, :]


def _text_keys(chunks: Sequence[Chunk], device: torch.device) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Numbers of the global batch's captions, modified captions and hard negatives, equal for equal texts."""
    hard = [_key(chunk.text_ids[n]) for chunk in chunks for n in chunk.hard.tolist()]
    captions = [_key(chunk.text_ids[n]) for chunk in chunks for n in chunk.captions.tolist()]
    modified = [_key(chunk.text_ids[n]) for chunk in chunks for n in chunk.modified.tolist()]
    keys = [torch.tensor(numbers, dtype=torch.long, device=device) for numbers in (captions, modified, hard)]
    return gather_numbers(keys[0]), gather_numbers(keys[1]), gather_numbers(keys[2])


def _key(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=7).digest())


def one_pass(
    objective: Objective, forward: Forward, chunk: Chunk, temperature: float | torch.Tensor
) -> tuple[torch.Tensor, dict[str, float]]:
    """The weighted loss of a batch that fits in memory as it is, with its graph; and its parts as figures."""
    vectors, own = forward(chunk)
    parts = contrasts(objective, vectors, [chunk], temperature)
    contrast = sum((getattr(objective, name) * value for name, value in parts.items()), start=own.answers.new_zeros(()))
    said = objective.answers * own.answers + objective.told * own.told
    total = _times_processes(contrast) + said  # what is said is each process's own: averaging is right
    figures = {name: float(value.detach()) for name, value in parts.items()}
    return total, figures | _said(objective, float(own.answers.detach()), float(own.told.detach())) | own.figures


def in_chunks(
    objective: Objective,
    forward: Forward,
    chunks: Sequence[Chunk],
    temperature: float | torch.Tensor,
) -> tuple[torch.Tensor, dict[str, float]]:
    """The same of a batch in chunks; gradients of all weights are added where they belong before it returns.

    Returns:
        The loss as a leaf (its backward pass does nothing), and its parts as figures.
    """
    device_states = []
    kept: list[Vectors] = []
    with torch.no_grad():
        for chunk in chunks:
            device_states.append(_random_state())
            kept.append(forward(chunk)[0])
    leaves = Vectors(*(torch.cat(blocks).requires_grad_() for blocks in zip(*(v.all() for v in kept), strict=True)))
    parts = contrasts(objective, leaves, chunks, temperature)
    total = sum((getattr(objective, name) * value for name, value in parts.items()), start=leaves.gallery.new_zeros(()))
    if parts:
        _times_processes(total).backward()  # type: ignore[no-untyped-call]
    figures = {name: float(value.detach()) for name, value in parts.items()}
    spoken = sum(len(chunk.says) for chunk in chunks)
    size = sum(chunk.size for chunk in chunks)
    answered = told = 0.0
    right: dict[str, float] = {}
    starts = [0] * len(leaves.all())
    for chunk, state in zip(chunks, device_states, strict=True):
        with torch.random.fork_rng():
            _set_random_state(state)
            vectors, own = forward(chunk)
        share, part = len(chunk.says) / spoken if spoken else 0.0, chunk.size / size
        surrogate = objective.answers * share * own.answers + objective.told * part * own.told
        answered += share * float(own.answers.detach())
        told += part * float(own.told.detach())
        right = {name: right.get(name, 0.0) + part * value for name, value in own.figures.items()}
        for number, (block, leaf) in enumerate(zip(vectors.all(), leaves.all(), strict=True)):
            if len(block) and leaf.grad is not None:
                surrogate = surrogate + (block * leaf.grad[starts[number] : starts[number] + len(block)]).sum()
            starts[number] += len(block)
        surrogate.backward()  # type: ignore[no-untyped-call]
    value = float(total.detach()) + objective.answers * answered + objective.told * told
    figures |= _said(objective, answered, told) | right
    return torch.tensor(value, device=leaves.gallery.device, requires_grad=True), figures


def _said(objective: Objective, answers: float, told: float) -> dict[str, float]:
    """What is said, as figures, where it counts."""
    figures = {"answers": answers, "told": told}
    return {name: value for name, value in figures.items() if getattr(objective, name)}


def _times_processes(loss: torch.Tensor) -> torch.Tensor:
    """The same value with a gradient times the number of processes, whose gradients are averaged afterwards."""
    count = processes()
    return loss if count == 1 else loss + (count - 1) * (loss - loss.detach())


def _random_state() -> tuple[torch.Tensor, list[torch.Tensor]]:
    return torch.get_rng_state(), torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []


def _set_random_state(state: tuple[torch.Tensor, list[torch.Tensor]]) -> None:
    torch.set_rng_state(state[0])
    if state[1]:
        torch.cuda.set_rng_state_all(state[1])

"""A model that learns: a chunk of samples in, its vectors and the loss of its answers out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from instructcir.model.backbone import Backbone
from instructcir.training.facts import UNASKED
from instructcir.training.gathering import processes
from instructcir.training.passes import Laid
from instructcir.training.samples import Chunk
from instructcir.training.telling import Telling

# shapes: S pictures, W wishes, U texts, A answer tokens, D dimensions


@dataclass(slots=True)
class Vectors:
    """Unit vectors of a chunk, or of a whole batch.

    Attributes:
        gallery: (S, D), or (0, D).
        composed: (W, D), or (0, D).
        captions: (S, D) of the original captions, or (0, D).
        modified: (W, D) of the modified captions, or (0, D).
        hard: (H, D) of the hard negatives, or (0, D).
    """

    gallery: torch.Tensor
    composed: torch.Tensor
    captions: torch.Tensor
    modified: torch.Tensor
    hard: torch.Tensor

    def all(self) -> tuple[torch.Tensor, ...]:
        """The blocks in order."""
        return self.gallery, self.composed, self.captions, self.modified, self.hard


@dataclass(slots=True)
class Own:
    """What a chunk's samples say by themselves, without the rest of the batch.

    Attributes:
        answers: mean cross entropy of the answers' tokens, 0 without any.
        told: mean over vectors of the sum of all facts' cross entropies, 0 where none are told.
        figures: shares of the facts that are told right, by kind of vector.
    """

    answers: torch.Tensor
    told: torch.Tensor
    figures: dict[str, float]


class Trained(nn.Module):
    """A module whose state is what it learns; frozen and tied weights are the starting model's."""

    _keys_to_ignore_on_save = None  # transformers' trainer asks for it when it resumes

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        """What is trained, each weight once."""
        return {name: weight.detach() for name, weight in self.named_parameters() if weight.requires_grad}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Take such a state; it must hold exactly what is trained.

        Raises:
            RuntimeError: it does not.
        """
        if state_dict.keys() != self.state_dict().keys():
            raise RuntimeError("the checkpoint holds other weights than those that this run trains")
        loaded = super().load_state_dict(state_dict, strict=False, assign=assign)
        loaded.missing_keys.clear()
        return loaded


class Learner(Trained):
    """The model, its learnable temperature, and the layer that tells facts from vectors.

    Args:
        backbone: the model, made for training.
        temperature: start of a learnable temperature, or None for a fixed one.
        telling: tells facts from vectors, or None.
        change_weight: how much more a fact of a query counts that its modification changes.
    """

    def __init__(
        self,
        backbone: Backbone,
        temperature: float | None = None,
        telling: Telling | None = None,
        change_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.model = backbone.model
        self.log_scale = nn.Parameter(torch.tensor(1 / temperature).log()) if temperature else None
        # the whole batch's loss is every process's, so this needs no averaging; it is used outside `forward`, too
        self._ddp_params_and_buffers_to_ignore = ["log_scale", ".log_scale"]  # as the wrapper writes it in two places
        self.telling = telling
        self.change_weight = change_weight

    def forward(self, chunk: Chunk) -> tuple[Vectors, Own]:
        """Vectors of a chunk, and what its samples say by themselves."""
        states = self._read(chunk.pictures)
        unit = F.normalize(states[: chunk.galleries + chunk.wishes].float(), dim=-1)
        gallery, composed = unit[: chunk.galleries], unit[chunk.galleries :]
        spoken = states[chunk.galleries + chunk.wishes :]
        answers = states.new_zeros(())
        if len(spoken):
            head = self.model.get_output_embeddings()
            answers = F.cross_entropy(head(spoken).float(), chunk.says.to(spoken.device))
        captions = modified = hard = unit[:0]
        if chunk.texts is not None:
            texts = F.normalize(self._read(chunk.texts).float(), dim=-1)
            captions, modified, hard = texts[chunk.captions], texts[chunk.modified], texts[chunk.hard]
        vectors = Vectors(gallery, composed, captions, modified, hard)
        told = answers.new_zeros(())
        figures: dict[str, float] = {}
        if self.telling is not None:
            with torch.autocast(unit.device.type, enabled=False):
                told, figures = told_facts(self.telling, vectors, chunk, self.change_weight)
        return vectors, Own(answers, told, figures)

    def learned_temperature(self) -> torch.Tensor:
        """The temperature; its gradient is the batch's, where those of all other weights are summed over processes."""
        assert self.log_scale is not None
        still = self.log_scale.detach()
        return (-(still + (self.log_scale - still) / processes())).exp()

    def _read(self, laid: Laid) -> torch.Tensor:
        """Final hidden states (what is read, D)."""
        read = []
        for one in laid.passes:
            images = [image.whole() for image in one.images]
            read.append(self.backbone.states(one.rows, images, one.packed(), one.reads).flatten(0, 1))
        states = torch.cat(read)
        return states[laid.places.to(states.device)]


def told_facts(
    telling: Telling, vectors: Vectors, chunk: Chunk, change_weight: float = 1.0
) -> tuple[torch.Tensor, dict[str, float]]:
    """How well facts are told from a chunk's vectors; hard negatives are not asked.

    Args:
        telling: the layer that tells.
        vectors: of the chunk.
        chunk: whose facts are known, or nothing is asked.
        change_weight: how much more a fact of a query counts that its modification changes.

    Returns:
        Mean over vectors of the weighted sum of their facts' cross entropies, and shares told right by kind of vector.
    """
    loss = vectors.composed.new_zeros(())
    figures: dict[str, float] = {}
    if chunk.picture_labels is None or chunk.wish_labels is None:
        return loss, figures
    pictures, wishes = chunk.picture_labels.to(loss.device), chunk.wish_labels.to(loss.device)
    asked = {"pictures": (vectors.gallery, pictures), "captions": (vectors.captions, pictures)}
    asked |= {"queries": (vectors.composed, wishes), "modified captions": (vectors.modified, wishes)}
    count = sum(len(unit) for unit, _ in asked.values())
    for name, (unit, labels) in asked.items():
        if not len(unit):
            continue
        losses, right = telling(unit, labels)
        if name == "queries":
            changed = (wishes != pictures[chunk.owners.to(loss.device)]) & (wishes != UNASKED)
            losses = losses * (1 + (change_weight - 1) * changed)
            figures["right of changes"] = _share(right, changed)
        loss = loss + losses.sum() / count
        figures[f"right of {name}"] = _share(right, labels > 0)
    return loss, figures


def _share(right: torch.Tensor, among: torch.Tensor) -> float:
    return float(right[among].float().mean()) if among.any() else 0.0

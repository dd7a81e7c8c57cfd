"""What training is compared with: the plain loop over the same objective."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F

from instructcir.model.preparation import PreparedImage
from instructcir.training.objective import contrastive
from instructcir.training.samples import Layout, Sample

# shapes: N rows, T tokens of the longest row, D dimensions

Column = dict[str, torch.Tensor]
"""Input ids and attention mask (N, T), padded on the left, and pixels where the prompts have pictures."""


@dataclass(slots=True)
class Columns:
    """A batch as columns of prompts of one kind.

    Attributes:
        anchors: gallery prompts of pairs, composed queries of triplets; a picture stands before each of its own.
        targets: the caption, or the modified caption, of each anchor.
        negatives: the original caption of each picture, or None for pairs.
    """

    anchors: Column
    targets: Column
    negatives: Column | None


def columns(layout: Layout, samples: Sequence[Sample]) -> Columns:
    """Samples as columns, with the very token ids that `layout` gives them."""
    anchors: list[tuple[tuple[int, ...], PreparedImage]] = []
    targets: list[str] = []
    for sample in samples:
        image = layout.prepare(sample.image)  # type: ignore[arg-type]  # the bench's pictures are RGB already
        if layout.triplets:
            prefix = layout.renderer.prefix("query", image.expansion)
            anchors += [
                ((*prefix.ids, *layout.renderer.suffix("query", prefix, text)), image) for text, _ in sample.wishes
            ]
            targets += [caption for _, caption in sample.wishes]
        else:
            prefix = layout.renderer.prefix("gallery", image.expansion)
            anchors.append(((*prefix.ids, *layout.renderer.suffix("gallery", prefix)), image))
            targets.append(sample.caption)
    column = _padded([ids for ids, _ in anchors], layout.pad_id)
    column["pixel_values"] = torch.cat([image.tensors["pixel_values"] for _, image in anchors])
    negatives = _texts(layout, [sample.caption for sample in samples]) if layout.triplets else None
    return Columns(column, _texts(layout, targets), negatives)


def _texts(layout: Layout, texts: Sequence[str]) -> Column:
    return _padded([tuple(layout.renderer.text(text)) for text in texts], layout.pad_id)


def _padded(rows: Sequence[tuple[int, ...]], pad_id: int) -> Column:
    width = max(map(len, rows))
    ids = torch.tensor([[pad_id] * (width - len(row)) + list(row) for row in rows])
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
    return {"input_ids": ids, "attention_mask": mask}


class PlainLoop:
    """As released research code does it: a full forward pass for each column, logits and all hidden states included.

    Args:
        model: the whole ...ForConditionalGeneration, as transformers loads it.
        temperature: divides similarities.
        learning_rate: of AdamW with PyTorch's defaults.
    """

    def __init__(self, model: Any, temperature: float, learning_rate: float) -> None:
        self.model, self.temperature = model.train(), temperature
        self.optimiser = torch.optim.AdamW(model.parameters(), lr=learning_rate)

    def step(self, batch: Columns) -> float:
        """Learn from a batch; its loss before."""
        self.optimiser.zero_grad()
        negatives = [] if batch.negatives is None else [self._vectors(batch.negatives)]
        anchors, targets = self._vectors(batch.anchors), self._vectors(batch.targets)
        loss = contrastive(anchors, targets, negatives, temperature=self.temperature)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        return float(loss.detach())

    def _vectors(self, column: Column) -> torch.Tensor:
        """Unit vectors (N, D) of a column."""
        inputs = {name: tensor.to(self.model.device) for name, tensor in column.items()}
        if "pixel_values" in inputs:
            inputs["pixel_values"] = inputs["pixel_values"].to(self.model.dtype)
        output = self.model(**inputs, output_hidden_states=True, return_dict=True)
        return F.normalize(output.hidden_states[-1][:, -1].float(), dim=-1)

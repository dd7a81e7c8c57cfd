"""The contrastive objectives, as pure functions of unit vectors.

Stage 2 of InstructCIR (arXiv 2412.05756), from its released code: with z1 the composed queries, z2 the modified and z3
the original captions of a global batch, the loss is the cross entropy of [z1 z2', z1 z3'] / 0.05 towards the diagonal
of the first block. Stage 1 is InfoNCE between pictures and their captions.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional as F

# shapes: Q anchors, T targets, N further negatives, D dimensions

TEMPERATURE = 0.05


def contrastive(
    anchors_QD: torch.Tensor,
    targets_QD: torch.Tensor,
    negatives: Sequence[torch.Tensor] = (),
    *,
    temperature: float | torch.Tensor = TEMPERATURE,
    both_directions: bool = False,
    same_QQ: torch.Tensor | None = None,
    same_negatives: Sequence[torch.Tensor | None] = (),
    same_kind: bool = False,
) -> torch.Tensor:
    """Mean cross entropy of picking each anchor's own target among all targets and all negatives.

    Args:
        anchors_QD: unit vectors.
        targets_QD: unit vectors; the q-th belongs to the q-th anchor.
        negatives: blocks (N, D) of unit vectors that are wrong for every anchor.
        temperature: divides the similarities.
        both_directions: add the same from targets to anchors (without the negatives) and halve the sum.
        same_QQ: true where target t, though not the anchor's own, is as right as it (an equal text): left out.
        same_negatives: for each block of negatives (Q, N), true where a negative is right for an anchor; or None.
        same_kind: the other anchors are wrong for an anchor too, and with both directions other targets for a target.
            Without it two kinds of vectors may keep apart however well each finds its own: the gap that Liang et al.
            (2022) describe.

    Returns:
        A scalar; log of the number of columns if all vectors are zero.
    """
    similar_QQ = anchors_QD @ targets_QD.T / temperature
    own = torch.arange(len(anchors_QD), device=anchors_QD.device)
    itself_QQ = own[:, None] == own[None, :]
    right_QQ = itself_QQ if same_QQ is None else same_QQ | itself_QQ
    similar_QQ = similar_QQ.masked_fill(right_QQ & ~itself_QQ, -torch.inf)
    blocks = [similar_QQ]
    if same_kind:
        blocks.append((anchors_QD @ anchors_QD.T / temperature).masked_fill(right_QQ, -torch.inf))
    for number, negative_ND in enumerate(negatives):
        block = anchors_QD @ negative_ND.T / temperature
        same = same_negatives[number] if number < len(same_negatives) else None
        blocks.append(block if same is None else block.masked_fill(same, -torch.inf))
    loss = F.cross_entropy(torch.cat(blocks, dim=1), own)
    if both_directions:
        back = [similar_QQ.T]
        if same_kind:
            back.append((targets_QD @ targets_QD.T / temperature).masked_fill(right_QQ, -torch.inf))
        loss = (loss + F.cross_entropy(torch.cat(back, dim=1), own)) / 2
    return loss


def at_dimensions(vectors: Sequence[torch.Tensor], dimensions: Sequence[int]) -> list[tuple[torch.Tensor, ...]]:
    """The vectors cut to each number of dimensions and made unit again (Matryoshka representation learning).

    Args:
        vectors: blocks of unit vectors (any, D).
        dimensions: lengths to cut to, each at most D; empty for the whole length only.

    Returns:
        For each length, the blocks cut to it.
    """
    if not dimensions:
        return [tuple(vectors)]
    return [tuple(F.normalize(block[:, :length], dim=-1) for block in vectors) for length in dimensions]

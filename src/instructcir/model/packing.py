"""Several prompts that share a beginning, in one row: who may attend to whom, where each token stands, what is read.

A row is a prefix followed by suffixes. Each suffix sees the prefix and itself, never its siblings, and its tokens stand
where they would stand alone after the prefix. So one row gives what as many single prompts give, at the prefix's cost
once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

# shapes: B rows, T tokens of the longest row, P tokens of a prefix, S suffix tokens, R most suffixes of a row


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a batch.

    Attributes:
        prefix: ids that come first; may be empty.
        suffixes: ids of the prompts' own endings, none of them empty.
        outputs: for each suffix, where its vector belongs among the results.
        source: which of the caller's pictures the prefix holds, or None for text alone.
    """

    prefix: tuple[int, ...]
    suffixes: tuple[tuple[int, ...], ...]
    outputs: tuple[int, ...]
    source: int | None = None

    @property
    def length(self) -> int:
        """Tokens in the row."""
        return len(self.prefix) + sum(map(len, self.suffixes))

    @property
    def longest(self) -> int:
        """Tokens of the longest single prompt in it."""
        return len(self.prefix) + max(map(len, self.suffixes))


@dataclass(frozen=True, slots=True)
class Packed:
    """Rows as tensors.

    Attributes:
        ids: (B, T) token ids, padded on the right.
        visible: (B, T, T) bool; which keys (last axis) a token attends to. Padding sees itself alone.
        after: (B, T) how far behind its row's prefix a suffix token stands: 0 for the first; -1 in the prefix.
        ends: (B, R) position of each suffix's last token; rows with fewer suffixes repeat position 0.
    """

    ids: torch.Tensor
    visible: torch.Tensor
    after: torch.Tensor
    ends: torch.Tensor


def pack(rows: Sequence[Row], pad_id: int) -> Packed:
    """Lay rows out as tensors; see `Packed`."""
    width = max(row.length for row in rows)
    ids = torch.full((len(rows), width), pad_id, dtype=torch.long)
    segment = torch.full((len(rows), width), -1, dtype=torch.long)
    after = torch.full((len(rows), width), -1, dtype=torch.long)
    ends = torch.zeros(len(rows), max(len(row.suffixes) for row in rows), dtype=torch.long)
    for b, row in enumerate(rows):
        at = len(row.prefix)
        ids[b, :at] = torch.tensor(row.prefix, dtype=torch.long)
        segment[b, :at] = 0
        for s, suffix in enumerate(row.suffixes):
            end = at + len(suffix)
            ids[b, at:end] = torch.tensor(suffix, dtype=torch.long)
            segment[b, at:end] = s + 1
            after[b, at:end] = torch.arange(len(suffix))
            ends[b, s] = end - 1
            at = end
    return Packed(ids, _visible(segment), after, ends)


def _visible(segment: torch.Tensor) -> torch.Tensor:
    """(B, T, T) from the segment of each token: -1 padding, 0 prefix, k the k-th suffix."""
    width = segment.shape[1]
    keys, queries = segment[:, None, :], segment[:, :, None]
    causal = torch.ones(width, width, dtype=torch.bool).tril()
    seen = causal & ((keys == 0) | (keys == queries)) & (keys >= 0) & (queries >= 0)
    return seen | torch.eye(width, dtype=torch.bool)


def group_by_budget(
    lengths: Sequence[int], order: Sequence[int], budget: int, rows: Sequence[int] | None = None
) -> list[list[int]]:
    """Cut `order` into batches whose padded size (rows x longest) stays within `budget` tokens.

    Args:
        lengths: tokens of each item's longest row.
        order: item numbers, best sorted by length.
        budget: tokens of a batch; a single larger item makes a batch of its own.
        rows: rows of each item; None for one each.
    """
    batches: list[list[int]] = []
    longest = total = 0
    for index in order:
        count = rows[index] if rows else 1
        grown = max(longest, lengths[index])
        if batches and grown * (total + count) <= budget:
            batches[-1].append(index)
            longest, total = grown, total + count
        else:
            batches.append([index])
            longest, total = lengths[index], count
    return batches

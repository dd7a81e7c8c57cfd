"""Chunks reach another process as they were, as one block whose tensors can be written to."""

from __future__ import annotations

import os
import pickle
import resource
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch.utils.data import DataLoader

from instructcir.training.parcel import Chunks
from instructcir.training.passes import Laid
from instructcir.training.samples import Chunk


def chunk(seed: int) -> Chunk:
    random = torch.Generator().manual_seed(seed)
    none = torch.empty(0, dtype=torch.long)
    return Chunk(
        size=3,
        pictures=Laid([], torch.randperm(7, generator=random)),
        galleries=3,
        wishes=0,
        texts=None,
        captions=torch.arange(6)[::2],  # not contiguous
        modified=none,
        owners=none,
        says=none,
        hard=none,
        text_ids=[f"text {seed}", "ü"],
        picture_labels=torch.rand(3, 5, generator=random) > 0.5,
        wish_labels=torch.rand(3, generator=random).bfloat16(),
    )


def parts(value: Any) -> Iterator[Any]:
    """All that a value holds, tensors as lists beside their types."""
    if is_dataclass(value):
        for field in fields(value):
            yield field.name
            yield from parts(getattr(value, field.name))
    elif isinstance(value, torch.Tensor):
        yield value.dtype, tuple(value.shape), value.tolist()
    else:
        yield value


def test_what_arrives_is_what_was_sent() -> None:
    sent = Chunks([chunk(1), chunk(2)])
    arrived = pickle.loads(pickle.dumps(sent))
    assert isinstance(arrived, Chunks)
    assert [list(parts(one)) for one in arrived] == [list(parts(one)) for one in sent]
    arrived[0].captions += 1  # neither read-only nor shared with another tensor
    assert arrived[0].captions.tolist() == [1, 3, 5]
    assert list(parts(arrived[1])) == list(parts(sent[1]))
    assert pickle.loads(pickle.dumps(Chunks())) == []


class Batches(torch.utils.data.Dataset[Chunks]):
    """Batches of two hundred chunks."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Chunks:
        return Chunks(chunk(number) for number in range(200))


def test_a_large_batch_opens_few_files() -> None:
    before = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before + 200, hard))  # 1,200 tensors a batch
    try:
        sizes = [len(batch) for batch in DataLoader(Batches(), batch_size=None, num_workers=1, timeout=60)]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert sizes == [200, 200, 200]

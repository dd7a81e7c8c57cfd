"""The estimate of memory is told before loading, and is of the right size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig

from instructcir.model.loading import count_weights
from instructcir.model.memory import estimate


@pytest.mark.parametrize("family", ["llava-clip-llama", "qwen2-vl"])
def test_weights_are_those_loaded(family: str, built: Callable[..., Path], loaded: Callable[..., Any]) -> None:
    config = AutoConfig.from_pretrained(built(family))
    model = loaded(family).backbone.base
    count = count_weights(config)
    assert count == sum(weight.numel() for weight in model.parameters())
    assert estimate(config, count, torch.bfloat16, 100).weights == 2 * count


def test_activations_by_hand(built: Callable[..., Path]) -> None:
    config = AutoConfig.from_pretrained(built("qwen2-vl"))
    need = estimate(config, 10, torch.float32, 100)
    assert need.activations == 2 * 4 * (100 * (6 * 64 + 3 * 160) + 100**2)
    assert need.total == 40 + need.activations

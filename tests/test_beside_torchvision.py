"""The stock processor, where it can be made, gives the ids and the pixels that ours gives.

Without torchvision the stock processors of Qwen-VL, SmolVLM, InternVL and Mistral 3 cannot be constructed, and their
cases are skipped; beside a torchvision that fits the installed torch all of them run.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoProcessor

from tiny_models import FAMILIES, pictures

TORCHVISION = find_spec("torchvision") is not None
NEEDS_TORCHVISION = {"qwen2-vl", "qwen2.5-vl", "qwen3-vl", "smolvlm", "internvl", "mistral3"}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_stock_processor_gives_the_same_ids_and_pixels(built: Any, loaded: Any, family: str) -> None:
    if family in NEEDS_TORCHVISION and not TORCHVISION:
        pytest.skip("this family's stock processor needs torchvision")
    stock = AutoProcessor.from_pretrained(built(family))
    embedder = loaded(family)
    renderer, prompts = embedder.renderer, embedder.prompts
    for picture in pictures()[:4]:
        prepared = embedder.planner.prepare(picture)
        prefix = renderer.prefix("query", prepared.expansion)
        ours = list(prefix.ids) + renderer.suffix("query", prefix, "make it red")
        chat = prompts.query.replace("{modification}", "make it red").replace("<image>", "")
        content: Any = [{"type": "image"}, {"type": "text", "text": chat}]
        if renderer.takes_only_strings:
            content = renderer.image_token + chat
        text = stock.apply_chat_template(
            [{"role": "user", "content": content}],
            chat_template=embedder.checkpoint.chat_template,
            add_generation_prompt=True,
        )
        bos = stock.tokenizer.bos_token
        batch = stock(
            images=[picture], text=[text], return_tensors="pt", add_special_tokens=not (bos and text.startswith(bos))
        )
        assert batch["input_ids"][0].tolist() == ours
        assert_same_pixels(prepared.tensors, batch)


def assert_same_pixels(ours: dict[str, torch.Tensor], stock: Any) -> None:
    """Alike but for the way two libraries resize: a mean within a hundredth of the pixels' spread."""
    for name, tensor in ours.items():
        other = stock[name]
        assert tensor.shape == other.shape, name
        if not tensor.is_floating_point():
            assert torch.equal(tensor, other), name
            continue
        difference = (tensor.float() - other.float()).abs().numpy()
        assert float(np.mean(difference)) < 0.02, name
        assert float(np.quantile(difference, 0.99)) < 0.15, name

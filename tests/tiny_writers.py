"""A tiny random text model that generates, saved as a hub snapshot."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from tiny_qwen import qwen_tokenizer
from tiny_templates import QWEN_IMAGE, chatml
from tiny_weights import write_json


def build_writer(folder: Path, *, template: str | None = None) -> Path:
    """An instruct model of a few thousand random weights."""
    folder.mkdir(parents=True, exist_ok=True)
    text, config = qwen_tokenizer([])
    (folder / "tokenizer.json").write_text(text, encoding="utf-8")
    write_json(folder / "tokenizer_config.json", {**config, "chat_template": template or chatml(QWEN_IMAGE)})
    size = len(json.loads(text)["model"]["vocab"]) + len(json.loads(text)["added_tokens"])
    torch.manual_seed(0)
    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=size,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=8192,
        )
    )
    model.generation_config.eos_token_id = None  # so that it writes until it is stopped
    model.save_pretrained(folder)
    return folder

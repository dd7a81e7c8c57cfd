"""A tiny random text model that generates, saved as a hub snapshot; and an asker that answers rightly."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from instructcir.synthesis.asking import Answer, Question
from tiny_qwen import qwen_tokenizer
from tiny_templates import QWEN_IMAGE, chatml
from tiny_weights import write_json

ORDER = re.compile(r"^(\d+)\. kind: (\w+); style: (\w+); show if possible: (.+)$", re.MULTILINE)


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


class Right:
    """Answers every order as it should be, and counts what it is asked."""

    model = "local:right"
    name = "local:right 1"
    at_once = 3
    concurrency = 1

    def __init__(self) -> None:
        self.asked: list[Question] = []
        self.calls = 0

    def ask(self, questions: Sequence[Question], turn: int) -> list[Answer]:
        assert turn == 0
        self.calls += 1
        self.asked += questions
        return [self._one(question) for question in questions]

    def _one(self, question: Question) -> Answer:
        text = question.turns[-1].text
        orders = ORDER.findall(text)
        if not orders:
            return Answer('"a  red\nball"', "stop", 10, 5)
        triplets = [
            {
                "number": int(number),
                "instruction": f"{kind} said as {style}",
                "modified_caption": f"a thing with another {kind}",
                "kind": kind,
                "aspects": [aspect],
            }
            for number, kind, style, aspect in orders
        ]
        return Answer("Sure! " + json.dumps({"triplets": triplets}), "stop", 100, 50)

"""What the embedder is compared with: the straightforward loop, and plain sentence-transformers."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image

from instructcir.model.loading import Checkpoint


class StraightforwardLoop:
    """As released research code does it: left-padded batches, a full forward pass with logits and all hidden states."""

    def __init__(self, checkpoint: Checkpoint, batch: int = 8) -> None:
        self.model, self.processor, self.tokenizer = checkpoint.model, checkpoint.processor, checkpoint.tokenizer
        self.prompts, self.template, self.batch = checkpoint.prompts, checkpoint.chat_template, batch
        self.tokenizer.padding_side = "left"

    def _render(self, modification: str | None) -> str:
        pieces = self.prompts.pieces("gallery") if modification is None else self.prompts.pieces("query")
        said = (modification or "").join(pieces)
        chat = [{"role": "user", "content": said}]
        return self.tokenizer.apply_chat_template(
            chat, chat_template=self.template, tokenize=False, add_generation_prompt=True
        )

    @torch.inference_mode()
    def embed(self, images: Sequence[bytes], modifications: Sequence[str | None]) -> torch.Tensor:
        """Unit vectors (N, D) of gallery images (modification None) or composed queries."""
        vectors = []
        for start in range(0, len(images), self.batch):
            opened = [Image.open(io.BytesIO(data)).convert("RGB") for data in images[start : start + self.batch]]
            texts = [self._render(text) for text in modifications[start : start + self.batch]]
            inputs: Any = self.processor(
                images=opened, text=texts, padding=True, return_tensors="pt", add_special_tokens=False
            ).to(self.model.device)
            inputs["pixel_values"] = inputs["pixel_values"].to(self.model.dtype)
            output = self.model(**inputs, output_hidden_states=True, return_dict=True)
            vectors.append(torch.nn.functional.normalize(output.hidden_states[-1][:, -1].float(), dim=-1).cpu())
        return torch.cat(vectors)

"""A model on this machine, through transformers: an instruct model for texts, an image-text-to-text one for both."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from jinja2 import TemplateError
from transformers import (
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoTokenizer,
)

from instructcir.endpoints import without_thoughts
from instructcir.errors import ImageError, ModelError
from instructcir.model.loading import count_weights, find_folder
from instructcir.model.placement import place
from instructcir.model.preparation import load_processor
from instructcir.model.reading import first_line
from instructcir.synthesis.asking import SIDE, Answer, Question, Turn, opened

_UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError, RuntimeError)
"""What transformers is known to raise over a folder's content."""


class LocalModel:
    """Answers by a model that is loaded here; questions without pictures go through it together."""

    concurrency = 1

    def __init__(self, name: str, device: str = "auto", dtype: str = "auto", *, at_once: int = 8) -> None:
        """Load it.

        Args:
            name: a folder, or a hub repository.
            device: "auto" or a torch device.
            dtype: "auto", "float32", "bfloat16" or "float16".
            at_once: questions that go through it together.

        Raises:
            ModelError: it cannot be loaded, or is no instruct model.
        """
        folder = find_folder(name)
        self.model = f"local:{name}"
        self.at_once = at_once
        self._folder, self._lock = folder, threading.Lock()
        try:
            config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            self._tokenizer: Any = AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, padding_side="left"
            )
            self._sees = type(config) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING
            self._processor: Any = load_processor(folder, config, self._tokenizer) if self._sees else None
            placement = place(device, dtype, count_weights(config), getattr(config, "dtype", None))
            loader: Any = AutoModelForImageTextToText if self._sees else AutoModelForCausalLM
            self._model: Any = loader.from_pretrained(
                folder, dtype=placement.stored, local_files_only=True, trust_remote_code=False, weights_only=True
            )
        except _UNREADABLE as error:
            raise ModelError(f"{folder}: cannot be loaded as a model that writes ({first_line(error)})") from error
        if not self._template():
            raise ModelError(f"{folder}: has no chat template; take an instruction-tuned model")
        if self._tokenizer.pad_token is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token
        self._model.to(placement.device).eval()
        self.why = placement.why
        self.name = f"{self.model} {_digest(folder)} {placement.stored}"

    def ask(self, questions: Sequence[Question], turn: int) -> list[Answer]:
        """Answer questions.

        Args:
            questions: at least one.
            turn: 0 for the likeliest answer; another draws one at random, the same for the same number.

        Raises:
            ModelError: it cannot see pictures, and is shown some; or its template refuses the question.
        """
        with self._lock, torch.inference_mode(), torch.random.fork_rng(self._devices()):
            torch.manual_seed(turn)
            if any(question.pictures for question in questions):
                return [self._one(question, turn) for question in questions]
            return self._many(questions, turn)

    def _many(self, questions: Sequence[Question], turn: int) -> list[Answer]:
        texts = [self._rendered(question.turns) for question in questions]
        inputs = self._tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)
        return self._generated(dict(inputs), max(question.longest for question in questions), turn)

    def _one(self, question: Question, turn: int) -> Answer:
        if not self._sees:
            raise ModelError(f"{self._folder}: sees no pictures; take an image-text-to-text model")
        try:
            images = [opened(picture) for turn in question.turns for picture in turn.pictures]
        except ImageError as error:
            return Answer(str(error), "bad request")
        for image in images:
            image.thumbnail((SIDE, SIDE))
        text = self._rendered(question.turns)
        inputs = self._processor(images=images, text=[text], return_tensors="pt", add_special_tokens=False)
        [answer] = self._generated(dict(inputs), question.longest, turn)
        return answer

    def _generated(self, inputs: dict[str, Any], longest: int, turn: int) -> list[Answer]:
        device = self._model.device
        inputs = {name: one.to(device) for name, one in inputs.items() if name != "token_type_ids"}
        if "pixel_values" in inputs:
            inputs["pixel_values"] = inputs["pixel_values"].to(self._model.dtype)
        drawn = {"do_sample": True, "temperature": 0.8, "top_p": 0.95} if turn else {"do_sample": False}
        pad = self._tokenizer.pad_token_id
        made = self._model.generate(**inputs, max_new_tokens=longest, pad_token_id=pad, **drawn)
        begin = inputs["input_ids"].shape[1]
        lengths = inputs["attention_mask"].sum(1).tolist()
        return [self._answer(tokens[begin:], longest, read) for tokens, read in zip(made, lengths, strict=True)]

    def _answer(self, tokens: Any, longest: int, read: int) -> Answer:
        written = int((tokens != self._tokenizer.pad_token_id).sum())
        text = without_thoughts(self._tokenizer.decode(tokens, skip_special_tokens=True))
        return Answer(text, "length" if written >= longest else "stop", read, written)

    def _rendered(self, turns: Sequence[Turn]) -> str:
        forms = [turns]
        if turns[0].role == "system" and len(turns) > 1:
            # some templates know no system turn: the task is then told with the first question
            forms.append((Turn(turns[1].role, f"{turns[0].text}\n\n{turns[1].text}", turns[1].pictures), *turns[2:]))
        problem = ""
        for form in forms:
            for in_parts in (True, False) if self._sees else (False,):
                try:
                    return self._render(form, in_parts)
                except (TemplateError, TypeError) as error:  # the latter where a template adds text to a list of parts
                    problem = first_line(error)
        raise ModelError(f"{self._folder}: its chat template refuses the prompt ({problem})")

    def _render(self, turns: Sequence[Turn], in_parts: bool) -> str:
        asked = self._processor if self._sees else self._tokenizer
        messages = [{"role": turn.role, "content": self._content(turn, in_parts)} for turn in turns]
        text: str = asked.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True, chat_template=self._template()
        )
        return text

    def _content(self, turn: Turn, in_parts: bool) -> Any:
        if in_parts:
            return [*({"type": "image"} for _ in turn.pictures), {"type": "text", "text": turn.text}]
        return "".join(f"{self._processor.image_token}\n" for _ in turn.pictures) + turn.text

    def _template(self) -> str | None:
        own = getattr(self._processor, "chat_template", None) or self._tokenizer.chat_template
        return own if isinstance(own, str) else None

    def _devices(self) -> list[torch.device]:
        device = self._model.device
        return [device] if device.type == "cuda" else []


def _digest(folder: Path) -> str:
    """What tells this folder's weights from others' without reading them all: names, sizes and times."""
    import hashlib

    weights = sorted((*folder.glob("*.safetensors"), *folder.glob("*.bin")))
    known = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in weights]
    return hashlib.sha256(repr(known).encode()).hexdigest()[:16]

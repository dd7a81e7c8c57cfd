"""Models in the real shapes with random weights, and pictures to feed them: nothing is downloaded."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from tokenizers.trainers import BpeTrainer
from transformers import (
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    PreTrainedTokenizerFast,
)
from transformers.initialization import no_init_weights

from instructcir.model import prompts
from instructcir.model.loading import Checkpoint
from instructcir.model.placement import place
from instructcir.model.preparation import load_processor
from instructcir.model.untrained import write_untrained

VOCABULARY = 32_064

MODIFICATIONS = [
    "make it red",
    "is darker and has long sleeves",
    "without the belt, and shorter",
    "show two of them on a beach",
    "same cut, but in green with white dots",
    "put it on a wooden table",
    "add a dog on the left",
    "at night, in the rain",
]
# to be as long as with the Llama tokenizer: "desribe" in three pieces, the turn's end in three tokens
_PROMPT_WORDS = [
    "Modify this image with",
    " modified image in one word",
    "Describe this image in one word",
    " des tribe",
    "ASSISTANT",
]

SHAPES = {
    # CLIP-B/16 at 224 pixels with a 12-layer Llama decoder
    "mid": (
        {
            "hidden_size": 768,
            "intermediate_size": 3072,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "patch_size": 16,
        },
        {"hidden_size": 768, "intermediate_size": 2048, "num_hidden_layers": 12, "num_attention_heads": 12},
    ),
    # CLIP-L/14 at 224 pixels with Phi-3.5-mini's shape: the released model
    "full": (
        {
            "hidden_size": 1024,
            "intermediate_size": 4096,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "patch_size": 14,
        },
        {"hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 32, "num_attention_heads": 32},
    ),
}


def checkpoint(size: str, dtype: str, device: str = "cpu") -> Checkpoint:
    """A checkpoint of one of `SHAPES`, made in memory."""
    folder = Path(tempfile.mkdtemp()) / "untrained"
    write_untrained(folder)
    _tokenizer().save(str(folder / "tokenizer.json"))
    vision, text = SHAPES[size]
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(image_size=224, **vision),
        text_config=LlamaConfig(vocab_size=VOCABULARY, max_position_embeddings=4096, **text),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-2,
        vision_feature_select_strategy="default",
    )
    processor = load_processor(folder, config, tokenizer)
    processor.patch_size = vision["patch_size"]
    placement = place(device, dtype, 0)
    model = _random(config, placement.stored, placement.device)
    return Checkpoint(
        folder,
        "transformers",
        model,
        tokenizer,
        processor,
        tokenizer.chat_template,
        prompts.named("instructcir"),
        placement,
    )


def _tokenizer() -> Tokenizer:
    """Ordinary words are one token each, as in real tokenizers, so that prompts have a real model's length."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<s>", "</s>", "<pad>", "<image>"]
    trainer = BpeTrainer(vocab_size=2048, initial_alphabet=alphabet, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator([*MODIFICATIONS, *_PROMPT_WORDS], trainer)
    return tokenizer


def _random(config: LlavaConfig, dtype: torch.dtype, device: torch.device) -> LlavaForConditionalGeneration:
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with no_init_weights(), device:
            model = LlavaForConditionalGeneration(config)
    finally:
        torch.set_default_dtype(before)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim < 2:
                weight.fill_(1.0 if "norm" in name and name.endswith("weight") else 0.0)
            else:
                for part in weight.split(1024):
                    part.normal_(0, 0.02)
    return model.eval()


def pictures(count: int, seed: int = 0) -> list[bytes]:
    """JPEG files of 640 x 480 with the spectrum of photographs, roughly: smooth shapes and some noise."""
    random = np.random.default_rng(seed)
    files = []
    for _ in range(count):
        coarse = Image.fromarray(random.integers(0, 255, (9, 12, 3), dtype=np.uint8)).resize(
            (640, 480), Image.Resampling.BICUBIC
        )
        fine = Image.fromarray(random.integers(0, 255, (480, 640, 3), dtype=np.uint8)).filter(
            ImageFilter.GaussianBlur(2)
        )
        buffer = io.BytesIO()
        Image.blend(coarse, fine, 0.2).save(buffer, "JPEG", quality=88)
        files.append(buffer.getvalue())
    return files


def flops_per_image(size: str, text_tokens: int) -> float:
    """Products and sums that one gallery embedding needs, by a count over the layers that it needs."""
    vision, text = SHAPES[size]
    patches = (224 // vision["patch_size"]) ** 2
    tokens = patches + text_tokens
    width, inner, layers = vision["hidden_size"], vision["intermediate_size"], vision["num_hidden_layers"] - 1
    tower = layers * (patches + 1) * (4 * width**2 + 2 * width * inner + 2 * (patches + 1) * width)
    hidden, gate = text["hidden_size"], text["intermediate_size"]
    projector = patches * (width * hidden + hidden**2)
    whole = tokens * (4 * hidden**2 + 3 * hidden * gate + tokens * hidden)
    last = tokens * 2 * hidden**2 + (2 * hidden**2 + 3 * hidden * gate + 2 * tokens * hidden)
    return 2.0 * (tower + projector + (text["num_hidden_layers"] - 1) * whole + last)

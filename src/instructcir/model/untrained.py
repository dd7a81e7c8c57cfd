"""A small LLaVA-shaped model with random weights, made in code: for demonstrations and trials without a download.

It has every part that a real one has (tower, projector, decoder, tokenizer, chat template), so everything can be tried
on it; but it knows nothing, and what it ranks first means nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from tokenizers.trainers import BpeTrainer
from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

from instructcir.files import atomic_folder

SIDE, PATCH = 224, 16

# The tokenizer is learned from these lines; all else is spelled in bytes.
_LINES = """
Describe this image in one word: a red dress with long sleeves. Summary above sentence in one word:
Modify this image with "make it blue and shorter", describe modified image in one word: USER: ASSISTANT:
the same shirt in green with stripes; darker, longer, plain, smaller, larger, with a pocket and white buttons
a yellow skirt, black trousers, a purple hat, orange shoes, a small bag, two dogs on a beach under a cloudy sky
"""
_SPECIAL = ("<s>", "</s>", "<pad>", "<image>")
_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{ 'USER: ' if message['role'] == 'user' else '' }}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{{ '<image>' if part['type'] == 'image' else part['text'] }}{% endfor %}{% endif %}{{ '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)


def write_untrained(folder: Path, seed: int = 0) -> None:
    """Write the model as a hub repository would hold it; about 4 million weights, 16 MB.

    Args:
        folder: must not exist, or be empty.
        seed: of the weights.

    Raises:
        InputError: the folder holds files, or cannot be written.
    """
    tokenizer = _tokenizer()
    with atomic_folder(folder) as target:
        tokenizer.save(str(target / "tokenizer.json"))
        _model(tokenizer, seed).save_pretrained(target)
        for name, content in _settings().items():
            (target / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _tokenizer() -> Tokenizer:
    """A byte-level BPE tokenizer: every text can be written with it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=512,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        special_tokens=list(_SPECIAL),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_LINES.strip().splitlines(), trainer)
    return tokenizer


def _model(tokenizer: Tokenizer, seed: int) -> LlavaForConditionalGeneration:
    vision = CLIPVisionConfig(
        hidden_size=128,
        intermediate_size=384,
        num_attention_heads=2,
        num_hidden_layers=4,
        image_size=SIDE,
        patch_size=PATCH,
    )
    text = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=192,
        intermediate_size=576,
        num_attention_heads=3,
        num_key_value_heads=3,
        num_hidden_layers=6,
        max_position_embeddings=4096,
        bos_token_id=tokenizer.token_to_id("<s>"),
        eos_token_id=tokenizer.token_to_id("</s>"),
    )
    config = cast(Any, LlavaConfig)(  # its declared parameters leave out some that every configuration takes
        vision_config=vision,
        text_config=text,
        image_token_index=tokenizer.token_to_id("<image>"),
        vision_feature_layer=-2,
        vision_feature_select_strategy="default",
        image_seq_length=(SIDE // PATCH) ** 2,
        pad_token_id=tokenizer.token_to_id("<pad>"),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlavaForConditionalGeneration(config)
        _spread(model)
    model.eval()
    return model


@torch.no_grad()
def _spread(model: torch.nn.Module) -> None:
    """Weights that keep the size of what passes through them: the usual small start would make all vectors alike."""
    for name, weight in model.named_parameters():
        if weight.ndim >= 2:
            torch.nn.init.normal_(weight, std=0.5 if "embed_tokens" in name else (weight.numel() / len(weight)) ** -0.5)


def _settings() -> dict[str, object]:
    """The files beside the weights and the tokenizer, by name."""
    return {
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": "<s>",
            "eos_token": "</s>",
            "pad_token": "<pad>",
            "model_max_length": 4096,
            "clean_up_tokenization_spaces": False,
            "chat_template": _TEMPLATE,
        },
        "processor_config.json": {
            "processor_class": "LlavaProcessor",
            "image_token": "<image>",
            "patch_size": PATCH,
            "num_additional_image_tokens": 1,
            "vision_feature_select_strategy": "default",
        },
        "preprocessor_config.json": {
            "image_processor_type": "CLIPImageProcessor",
            "processor_class": "LlavaProcessor",
            "size": {"height": SIDE, "width": SIDE},
            "do_center_crop": False,
            "do_convert_rgb": True,
            "do_normalize": True,
            "do_rescale": True,
            "do_resize": True,
            "image_mean": [0.5, 0.5, 0.5],
            "image_std": [0.5, 0.5, 0.5],
            "rescale_factor": 1 / 255,
            "resample": 3,
        },
    }

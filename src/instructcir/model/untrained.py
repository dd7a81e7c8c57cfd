"""A small LLaVA-shaped model with random weights, made in code: for demonstrations and trials without a download.

It has every part that a real one has (tower, projector, decoder, tokenizer, chat template), so everything can be tried
on it; but it knows nothing, and what it ranks first means nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from tokenizers.trainers import BpeTrainer
from transformers import (
    AutoModelForImageTextToText,
    CLIPVisionConfig,
    ConvNextConfig,
    FastVlmConfig,
    LlamaConfig,
    LlavaConfig,
    Qwen3Config,
)

from instructcir.files import atomic_folder


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a small LLaVA-shaped model.

    Attributes:
        side: pictures are brought to so many pixels a side.
        patch: pixels a side of a patch; each patch is one image token.
        vision_width: hidden size of the tower; `vision_inner` that of its feed-forward layers.
        vision_layers: layers of the tower, all of which are used.
        vision_heads: attention heads of the tower.
        width: hidden size of the decoder, and D of its vectors; `inner` that of its feed-forward layers.
        layers: decoder layers.
        heads: attention heads of the decoder.
        vocabulary: entries of the tokenizer.
        even_heads: whether the decoder brings queries and keys to one length before they meet (Qwen3's layout, not
            Llama's): attention then stays soft enough to learn, however fast the weights grow.
        stages: (channels, blocks) of each stage of a convolutional tower in FastVLM's layout, whose first stage sees
            four pixels at a time and each further one halves the picture's side; empty for a CLIP-like tower.
    """

    side: int = 224
    patch: int = 16
    vision_width: int = 128
    vision_inner: int = 384
    vision_layers: int = 4
    vision_heads: int = 2
    width: int = 192
    inner: int = 576
    layers: int = 6
    heads: int = 3
    vocabulary: int = 512
    even_heads: bool = False
    stages: tuple[tuple[int, int], ...] = ()

    @property
    def image_tokens(self) -> int:
        """How many image tokens a picture becomes."""
        return (self.side // self.patch) ** 2


# The tokenizer is learned from these lines; all else is spelled in bytes.
_LINES = """
Describe this image in one word: a red dress with long sleeves. Summary above sentence in one word:
Modify this image with "make it blue and shorter", describe modified image in one word: USER: ASSISTANT:
the same shirt in green with stripes; darker, longer, plain, smaller, larger, with a pocket and white buttons
a yellow skirt, black trousers, a purple hat, orange shoes, a small bag, two dogs on a beach under a cloudy sky
"""
_WORDS = r" ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
"""What a token may span: a word with the space before it, a digit, a run of signs, white space."""
_SPECIAL = ("<s>", "</s>", "<pad>", "<image>")
_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{ 'USER: ' if message['role'] == 'user' else '' }}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{{ '<image>' if part['type'] == 'image' else part['text'] }}{% endfor %}{% endif %}{{ '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)


def write_untrained(
    folder: Path,
    seed: int = 0,
    shape: Shape = Shape(),
    lines: Iterable[str] = _LINES.strip().splitlines(),
    *,
    whole: Sequence[str] = (),
    spread: bool = True,
) -> None:
    """Write the model as a hub repository would hold it; by default about 4 million weights, 16 MB.

    Args:
        folder: must not exist, or be empty.
        seed: of the weights.
        shape: its sizes.
        lines: what the tokenizer is learned from.
        whole: phrases that may become one token each: the fixed words of prompts, if `lines` repeats them.
        spread: large weights, which tell pictures apart untrained; False for the usual small start of a training.

    Raises:
        InputError: the folder holds files, or cannot be written.
    """
    tokenizer = _tokenizer(lines, shape.vocabulary, whole)
    with atomic_folder(folder) as target:
        tokenizer.save(str(target / "tokenizer.json"))
        _model(tokenizer, seed, shape, spread).save_pretrained(target)
        for name, content in _settings(shape).items():
            (target / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _tokenizer(lines: Iterable[str], size: int, whole: Sequence[str]) -> Tokenizer:
    """A byte-level BPE tokenizer: every text can be written with it."""
    tokenizer = Tokenizer(models.BPE())
    pieces = Regex("|".join([*map(re.escape, whole), _WORDS]))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(pieces, "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=size,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        special_tokens=list(_SPECIAL),
        show_progress=False,
    )
    tokenizer.train_from_iterator(lines, trainer)
    return tokenizer


def _model(tokenizer: Tokenizer, seed: int, shape: Shape, spread: bool) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: Any = AutoModelForImageTextToText.from_config(_config(tokenizer, shape, spread))
        if spread:
            _spread(model)
    model.eval()
    return model


def outline(shape: Shape) -> Any:
    """A model of this shape without its weights, for counting them."""
    with torch.device("meta"):
        return AutoModelForImageTextToText.from_config(_config(None, shape, spread=False))


def _config(tokenizer: Tokenizer | None, shape: Shape, spread: bool) -> LlavaConfig | FastVlmConfig:
    number = tokenizer.token_to_id if tokenizer else {token: n for n, token in enumerate(_SPECIAL)}.get
    layout: Any = Qwen3Config if shape.even_heads else LlamaConfig
    text = layout(
        vocab_size=tokenizer.get_vocab_size() if tokenizer else shape.vocabulary,
        hidden_size=shape.width,
        intermediate_size=shape.inner,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        head_dim=shape.width // shape.heads,
        num_hidden_layers=shape.layers,
        tie_word_embeddings=not spread,
        max_position_embeddings=4096,
        bos_token_id=number("<s>"),
        eos_token_id=number("</s>"),
    )
    shared = {
        "text_config": text,
        "image_token_index": number("<image>"),
        "tie_word_embeddings": not spread,
        "image_seq_length": shape.image_tokens,
        "pad_token_id": number("<pad>"),
    }
    make: Any = FastVlmConfig if shape.stages else LlavaConfig  # declared parameters leave some out that all take
    if shape.stages:
        return cast(FastVlmConfig, make(vision_config=_convolutional(shape), **shared))
    tower = CLIPVisionConfig(
        hidden_size=shape.vision_width,
        intermediate_size=shape.vision_inner,
        num_attention_heads=shape.vision_heads,
        num_hidden_layers=shape.vision_layers,
        image_size=shape.side,
        patch_size=shape.patch,
    )
    layer = {"vision_feature_layer": -2 if spread else -1, "vision_feature_select_strategy": "default"}
    return cast(LlavaConfig, make(vision_config=tower, **layer, **shared))


def _convolutional(shape: Shape) -> ConvNextConfig:
    """A ConvNeXt tower; blocks begin with a share of what they add large enough to learn from the first step."""
    channels = [width for width, _ in shape.stages]
    config: ConvNextConfig = cast(Any, ConvNextConfig)(
        num_stages=len(shape.stages),
        hidden_sizes=channels,
        depths=[blocks for _, blocks in shape.stages],
        layer_scale_init_value=0.3,
        image_size=shape.side,
        hidden_size=channels[-1],  # what the projector takes
    )
    return config


@torch.no_grad()
def _spread(model: torch.nn.Module) -> None:
    """Weights that keep the size of what passes through them: the usual small start would make all vectors alike."""
    for name, weight in model.named_parameters():
        if weight.ndim >= 2:
            torch.nn.init.normal_(weight, std=0.5 if "embed_tokens" in name else (weight.numel() / len(weight)) ** -0.5)


def _settings(shape: Shape) -> dict[str, object]:
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
            "patch_size": shape.patch,
            "num_additional_image_tokens": 0 if shape.stages else 1,
            "vision_feature_select_strategy": "full" if shape.stages else "default",
        },
        "preprocessor_config.json": {
            "image_processor_type": "CLIPImageProcessor",
            "processor_class": "LlavaProcessor",
            "size": {"height": shape.side, "width": shape.side},
            "do_center_crop": False,
            "do_convert_rgb": True,
            "do_normalize": True,
            "do_rescale": True,
            "do_resize": True,
            "image_mean": [0.5, 0.5, 0.5],
            "image_std": [0.5, 0.5, 0.5],
            "rescale_factor": 1 / 255,
            "resample": 3,
            "reducing_gap": 2.0,
        },
    }

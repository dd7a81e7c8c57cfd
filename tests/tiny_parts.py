"""The parts of a tiny checkpoint's folder, and what several families share."""

from dataclasses import dataclass, field
from typing import Any

CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073]
CLIP_STD = [0.26862954, 0.26130258, 0.27577711]
HALF = [0.5, 0.5, 0.5]
TOWER_PREFIX = {"vision_tower.": "vision_tower.vision_model."}
TEXT = {
    "hidden_size": 64,
    "intermediate_size": 160,
    "num_attention_heads": 4,
    "num_hidden_layers": 3,
    "num_key_value_heads": 2,
}
TOWER = {
    "hidden_size": 64,
    "image_size": 56,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "num_hidden_layers": 3,
    "patch_size": 14,
}
QWEN_NAMES = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
]


@dataclass
class Parts:
    """A folder's content, not yet written. `files` are the further JSON files."""

    config: dict[str, Any]
    tokenizer: str
    tokenizer_config: dict[str, Any]
    image_processor: dict[str, Any]
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    chat_template: str | None = None
    template_in: tuple[str, ...] = ("tokenizer",)  # tokenizer, json, jinja
    scales: dict[str, float] = field(default_factory=dict)
    prefixes: dict[str, str] = field(default_factory=dict)  # weight key prefixes: saved, on the hub


def model(architecture: str, model_type: str, **rest: Any) -> dict[str, Any]:
    return {
        "architectures": [architecture],
        "model_type": model_type,
        "torch_dtype": "float32",
        "transformers_version": "4.57.0",
        **rest,
    }


def fixed_size(kind: str, processor: str, **rest: Any) -> dict[str, Any]:
    return {
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_processor_type": kind,
        "processor_class": processor,
        "resample": 3,
        "rescale_factor": 1 / 255,
        **rest,
    }

"""Qwen2-VL, Qwen2.5-VL and Qwen3-VL: the image's own size, positions in three dimensions."""

from typing import Any

import tiny_templates as templates
from tiny_parts import CLIP_MEAN, CLIP_STD, HALF, QWEN_NAMES, TEXT, Parts, model
from tiny_tokenizers import Added, byte_level, token_ids, tokenizer_config


def qwen_tokenizer(extra: list[Added], **settings: Any) -> tuple[str, dict[str, Any]]:
    names = [Added(name) for name in QWEN_NAMES]
    calls = [Added("<tool_call>", False), Added("</tool_call>", False)]
    tokenizer = byte_level([*names, *extra, *calls])
    config = tokenizer_config(
        tokenizer,
        add_prefix_space=False,
        additional_special_tokens=QWEN_NAMES[1:],
        bos_token=None,
        eos_token="<|im_end|>",
        errors="replace",
        pad_token="<|endoftext|>",
        split_special_tokens=False,
        tokenizer_class="Qwen2Tokenizer",
        unk_token=None,
        **settings,
    )
    return tokenizer, config


def _qwen_numbers(ids: dict[str, int]) -> dict[str, int]:
    return {
        "image_token_id": ids["<|image_pad|>"],
        "video_token_id": ids["<|video_pad|>"],
        "vision_end_token_id": ids["<|vision_end|>"],
        "vision_start_token_id": ids["<|vision_start|>"],
    }


def _qwen_vl_processor(kind: str, processor: str, patch: int) -> dict[str, Any]:
    token = (2 * patch) ** 2  # pixels of one merged token
    return {
        "image_mean": CLIP_MEAN if patch == 14 else HALF,
        "image_processor_type": kind,
        "image_std": CLIP_STD if patch == 14 else HALF,
        "max_pixels": 40 * token,
        "merge_size": 2,
        "min_pixels": 4 * token,
        "patch_size": patch,
        "processor_class": processor,
        "temporal_patch_size": 2,
    }


def _flat_qwen(ids: dict[str, int], **rest: Any) -> dict[str, Any]:
    return {
        **_qwen_numbers(ids),
        **TEXT,
        "attention_dropout": 0.0,
        "bos_token_id": ids["<|endoftext|>"],
        "eos_token_id": ids["<|im_end|>"],
        "hidden_act": "silu",
        "max_position_embeddings": 32768,
        "max_window_layers": 3,
        "rms_norm_eps": 1e-06,
        "rope_scaling": {"mrope_section": [2, 3, 3], "type": "mrope"},
        "rope_theta": 1000000.0,
        "sliding_window": 32768,
        "tie_word_embeddings": False,
        "use_cache": True,
        "use_sliding_window": False,
        "vocab_size": 448,
        **rest,
    }


def qwen2_vl() -> Parts:
    """Qwen2-VL: dynamic resolution, M-RoPE, flat config, default system message."""
    tokenizer, settings = qwen_tokenizer([], padding_side="left", processor_class="Qwen2VLProcessor")
    vision = {
        "depth": 3,
        "embed_dim": 64,
        "hidden_size": 64,
        "in_chans": 3,
        "mlp_ratio": 2,
        "model_type": "qwen2_vl",
        "num_heads": 4,
        "patch_size": 14,
        "spatial_merge_size": 2,
        "spatial_patch_size": 14,
        "temporal_patch_size": 2,
    }
    flat = _flat_qwen(token_ids(tokenizer), vision_config=vision)
    return Parts(
        model("Qwen2VLForConditionalGeneration", "qwen2_vl", **flat),
        tokenizer,
        settings,
        _qwen_vl_processor("Qwen2VLImageProcessor", "Qwen2VLProcessor", 14),
        chat_template=templates.chatml(templates.QWEN_IMAGE, templates.HELPFUL),
        template_in=("tokenizer", "json"),
    )


def qwen2_5_vl() -> Parts:
    """Qwen2.5-VL: as Qwen2-VL, with windowed attention in the vision tower."""
    tokenizer, settings = qwen_tokenizer([], padding_side="right", processor_class="Qwen2_5_VLProcessor")
    vision = {
        "depth": 3,
        "fullatt_block_indexes": [1],
        "hidden_act": "silu",
        "hidden_size": 64,
        "in_chans": 3,
        "intermediate_size": 128,
        "model_type": "qwen2_5_vl",
        "num_heads": 4,
        "out_hidden_size": 64,
        "patch_size": 14,
        "spatial_merge_size": 2,
        "spatial_patch_size": 14,
        "temporal_patch_size": 2,
        "tokens_per_second": 2,
        "window_size": 56,
    }
    flat = _flat_qwen(token_ids(tokenizer), vision_config=vision)
    return Parts(
        model("Qwen2_5_VLForConditionalGeneration", "qwen2_5_vl", **flat),
        tokenizer,
        settings,
        _qwen_vl_processor("Qwen2VLImageProcessor", "Qwen2_5_VLProcessor", 14),
        chat_template=templates.chatml(templates.QWEN_IMAGE, templates.HELPFUL),
        template_in=("json",),
    )


def qwen3_vl() -> Parts:
    """Qwen3-VL: interleaved M-RoPE, deepstack, tied embeddings, no system message."""
    tokenizer, settings = qwen_tokenizer([], padding_side="left", processor_class="Qwen3VLProcessor")
    ids = token_ids(tokenizer)
    text = {
        **TEXT,
        "attention_bias": False,
        "bos_token_id": ids["<|endoftext|>"],
        "dtype": "float32",
        "eos_token_id": ids["<|im_end|>"],
        "head_dim": 16,
        "max_position_embeddings": 262144,
        "model_type": "qwen3_vl_text",
        "rms_norm_eps": 1e-06,
        "rope_scaling": {
            "mrope_interleaved": True,
            "mrope_section": [3, 3, 2],
            "rope_type": "default",
        },
        "rope_theta": 5000000,
        "tie_word_embeddings": True,
        "vocab_size": 448,
    }
    vision = {
        "deepstack_visual_indexes": [0, 1],
        "depth": 3,
        "hidden_act": "gelu_pytorch_tanh",
        "hidden_size": 64,
        "in_channels": 3,
        "intermediate_size": 128,
        "model_type": "qwen3_vl",
        "num_heads": 4,
        "num_position_embeddings": 16,
        "out_hidden_size": 64,
        "patch_size": 16,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
    }
    config = model(
        "Qwen3VLForConditionalGeneration",
        "qwen3_vl",
        **_qwen_numbers(ids),
        text_config=text,
        tie_word_embeddings=True,
        vision_config=vision,
    )
    processor = _qwen_vl_processor("Qwen2VLImageProcessorFast", "Qwen3VLProcessor", 16)
    limits = {
        "longest_edge": processor.pop("max_pixels"),
        "shortest_edge": processor.pop("min_pixels"),
    }
    processor["size"] = limits
    video = {**processor, "video_processor_type": "Qwen3VLVideoProcessor"}
    del video["image_processor_type"]
    return Parts(
        config,
        tokenizer,
        settings,
        processor,
        {"video_preprocessor_config.json": video},
        templates.chatml(templates.QWEN_IMAGE),
        ("tokenizer", "json"),
    )

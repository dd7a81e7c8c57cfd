"""LLaVA with three pairs of tower and decoder."""

from typing import Any

import tiny_templates as templates
from tiny_parts import CLIP_MEAN, CLIP_STD, HALF, TEXT, TOWER, TOWER_PREFIX, Parts, fixed_size, model
from tiny_qwen import qwen_tokenizer
from tiny_tokenizers import Added, piece_level, token_ids, tokenizer_config


def _clip_processor() -> dict[str, Any]:
    return fixed_size(
        "CLIPImageProcessor",
        "LlavaProcessor",
        crop_size={"height": 56, "width": 56},
        do_center_crop=True,
        do_convert_rgb=True,
        image_mean=CLIP_MEAN,
        image_std=CLIP_STD,
        size={"shortest_edge": 56},
    )


def _llava_processor(strategy: str, additional: int) -> dict[str, dict[str, Any]]:
    config = {
        "image_token": "<image>",
        "num_additional_image_tokens": additional,
        "patch_size": 14,
        "processor_class": "LlavaProcessor",
        "vision_feature_select_strategy": strategy,
    }
    return {"processor_config.json": config}


def _llava(ids: dict[str, int], strategy: str, **rest: Any) -> dict[str, Any]:
    return model(
        "LlavaForConditionalGeneration",
        "llava",
        ignore_index=-100,
        image_token_index=ids["<image>"],
        projector_hidden_act="gelu",
        vision_feature_layer=-2,
        vision_feature_select_strategy=strategy,
        **rest,
    )


PIECE_SPECIALS = [Added("<unk>"), Added("<s>")]


def llava_clip_llama() -> Parts:
    """LLaVA 1.5: CLIP tower, penultimate layer without CLS, Llama decoder."""
    added = [*PIECE_SPECIALS, Added("</s>"), Added("<image>"), Added("<pad>")]
    tokenizer = piece_level(["<unk>", "<s>", "</s>"], added, "<s>")
    ids = token_ids(tokenizer)
    text = {"model_type": "llama", "rope_theta": 10000.0, "rms_norm_eps": 1e-5}
    vision = {**TOWER, "model_type": "clip_vision_model", "projection_dim": 32}
    config = _llava(
        ids,
        "default",
        image_seq_length=16,
        pad_token_id=ids["<pad>"],
        text_config={**TEXT, "num_key_value_heads": 4, **text, "vocab_size": 512},
        tie_word_embeddings=False,
        vision_config=vision,
    )
    settings = tokenizer_config(
        tokenizer,
        add_bos_token=True,
        add_eos_token=False,
        bos_token="<s>",
        eos_token="</s>",
        legacy=False,
        pad_token="<pad>",
        padding_side="left",
        processor_class="LlavaProcessor",
        tokenizer_class="LlamaTokenizer",
        unk_token="<unk>",
    )
    return Parts(
        config,
        tokenizer,
        settings,
        _clip_processor(),
        _llava_processor("default", 1),
        templates.LLAVA,
        ("json",),
        prefixes=TOWER_PREFIX,
    )


def llava_clip_phi3() -> Parts:
    """LLaVA with a Phi-3 decoder: fused projections, string content, `</s>` plain."""
    holders = [Added(f"<|placeholder{n}|>", rstrip=True) for n in (1, 2, 3, 4)]
    turns = [Added(f"<|{n}|>", rstrip=True) for n in ("system", "end", "user")]
    added = [
        *PIECE_SPECIALS,
        Added("</s>", special=False, rstrip=True),
        Added("<|endoftext|>"),
        Added("<|assistant|>", rstrip=True),
        *holders,
        *turns,
        Added("<image>"),
        Added("<pad>"),
    ]
    tokenizer = piece_level(["<unk>", "<s>", "</s>"], added, "<s>")
    ids = token_ids(tokenizer)
    text = {
        **TEXT,
        "bos_token_id": 1,
        "eos_token_id": ids["<|endoftext|>"],
        "max_position_embeddings": 4096,
        "model_type": "phi3",
        "original_max_position_embeddings": 4096,
        "pad_token_id": ids["<pad>"],
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "sliding_window": 2047,
        "vocab_size": 512,
    }
    config = _llava(
        ids,
        "default",
        pad_token_id=ids["<pad>"],
        text_config=text,
        vision_config={**TOWER, "model_type": "clip_vision_model", "projection_dim": 32},
    )
    settings = tokenizer_config(
        tokenizer,
        add_bos_token=True,
        add_eos_token=False,
        bos_token="<s>",
        eos_token="<|endoftext|>",
        legacy=False,
        pad_token="<pad>",
        padding_side="right",
        processor_class="LlavaProcessor",
        tokenizer_class="LlamaTokenizer",
        unk_token="<unk>",
    )
    return Parts(
        config,
        tokenizer,
        settings,
        _clip_processor(),
        _llava_processor("default", 1),
        templates.PHI3,
        prefixes=TOWER_PREFIX,
    )


def llava_siglip_qwen2() -> Parts:
    """LLaVA with a SigLIP tower (all its tokens) and a Qwen2 decoder, ChatML."""
    tokenizer, settings = qwen_tokenizer([Added("<image>")], padding_side="right", processor_class="LlavaProcessor")
    ids = token_ids(tokenizer)
    text = {
        **TEXT,
        "bos_token_id": ids["<|endoftext|>"],
        "eos_token_id": ids["<|im_end|>"],
        "model_type": "qwen2",
        "rope_theta": 1000000.0,
        "vocab_size": 448,
    }
    vision = {**TOWER, "model_type": "siglip_vision_model", "vision_use_head": False}
    config = _llava(ids, "full", text_config=text, vision_config=vision)
    processor = fixed_size(
        "SiglipImageProcessor",
        "LlavaProcessor",
        image_mean=HALF,
        image_std=HALF,
        size={"height": 56, "width": 56},
    )
    return Parts(
        config,
        tokenizer,
        settings,
        processor,
        _llava_processor("full", 0),
        templates.chatml("<image>\n"),
        ("jinja",),
        prefixes=TOWER_PREFIX,
    )

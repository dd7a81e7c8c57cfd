"""Families that cut an image into tiles: Idefics3, SmolVLM, InternVL."""

from typing import Any

import tiny_templates as templates
from tiny_parts import HALF, QWEN_NAMES, TEXT, TOWER, Parts, fixed_size, model
from tiny_tokenizers import Added, byte_level, token_ids, tokenizer_config

TILES = [f"<row_{row}_col_{col}>" for row in range(1, 7) for col in range(1, 7)]
IMAGENET_MEAN, IMAGENET_STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def _tiled_processor(kind: str, processor: str, tiles: int) -> dict[str, Any]:
    return {
        "do_convert_rgb": True,
        "do_image_splitting": True,
        "do_normalize": True,
        "do_pad": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": HALF,
        "image_processor_type": kind,
        "image_std": HALF,
        "max_image_size": {"longest_edge": 56},
        "processor_class": processor,
        "resample": 1,
        "rescale_factor": 1 / 255,
        "size": {"longest_edge": 56 * tiles},
    }


def _tiled(architecture: str, kind: str, ids: dict[str, int], pad: str, end: str, **rest: Any) -> dict[str, Any]:
    text = {
        **TEXT,
        "bos_token_id": ids[rest.pop("start")],
        "eos_token_id": ids[end],
        "model_type": "llama",
        "pad_token_id": ids[pad],
        "rms_norm_eps": 1e-5,
        "rope_theta": rest.pop("rope_theta"),
        "vocab_size": 512,
    }
    return model(
        architecture,
        kind,
        image_token_id=ids["<image>"],
        pad_token_id=ids[pad],
        scale_factor=2,
        text_config=text,
        tie_word_embeddings=False,
        vision_config={**TOWER, **rest.pop("vision")},
        **rest,
    )


def idefics3() -> Parts:
    """Idefics3: tiles with row and column tokens, Llama-3 decoder, a bos of its own."""
    start, pad, end = "<|begin_of_text|>", "<|reserved_special_token_0|>", "<|eot_id|>"
    names = ["<|end_of_text|>", pad, end, "<fake_token_around_image>", "<image>"]
    names = [start, *names, "<end_of_utterance>", "<global-img>", *TILES]
    tokenizer = byte_level([Added(name) for name in names], bos=start)
    ids = token_ids(tokenizer)
    config = _tiled(
        "Idefics3ForConditionalGeneration",
        "idefics3",
        ids,
        pad,
        end,
        start=start,
        rope_theta=500000.0,
        vision={"model_type": "idefics3"},
    )
    settings = tokenizer_config(
        tokenizer,
        additional_special_tokens=names[4:7],
        bos_token=start,
        eos_token="<end_of_utterance>",
        pad_token=pad,
        padding_side="left",
        processor_class="Idefics3Processor",
        tokenizer_class="PreTrainedTokenizerFast",
    )
    return Parts(
        config,
        tokenizer,
        settings,
        _tiled_processor("Idefics3ImageProcessor", "Idefics3Processor", 2),
        {
            "processor_config.json": {
                "image_seq_len": 4,
                "processor_class": "Idefics3Processor",
            }
        },
        templates.spoken("<|begin_of_text|>"),
        ("json",),
    )


def smolvlm() -> Parts:
    """SmolVLM: Idefics3's tiles, up to 3 x 3 of them, and no bos added to texts."""
    names = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<end_of_utterance>"]
    shown = ["<fake_token_around_image>", "<image>", "<global-img>", *TILES]
    tokens = [*names, *shown]
    tokenizer = byte_level([Added(name) for name in tokens])
    ids = token_ids(tokenizer)
    config = _tiled(
        "SmolVLMForConditionalGeneration",
        "smolvlm",
        ids,
        "<|im_end|>",
        "<end_of_utterance>",
        start="<|im_start|>",
        rope_theta=273768.0,
        vision={"model_type": "smolvlm_vision"},
    )
    settings = tokenizer_config(
        tokenizer,
        additional_special_tokens=["<fake_token_around_image>", "<image>", names[3]],
        bos_token="<|im_start|>",
        end_of_utterance_token="<end_of_utterance>",
        eos_token="<end_of_utterance>",
        fake_image_token="<fake_token_around_image>",
        global_image_token="<global-img>",
        image_token="<image>",
        pad_token="<|im_end|>",
        padding_side="right",
        processor_class="SmolVLMProcessor",
        tokenizer_class="GPT2Tokenizer",
        unk_token="<|endoftext|>",
        vocab_size=512,
    )
    return Parts(
        config,
        tokenizer,
        settings,
        _tiled_processor("SmolVLMImageProcessor", "SmolVLMProcessor", 3),
        {
            "processor_config.json": {
                "image_seq_len": 4,
                "processor_class": "SmolVLMProcessor",
            }
        },
        templates.spoken("<|im_start|>"),
        ("jinja",),
    )


def internvl() -> Parts:
    """InternVL 3: tiles and a thumbnail, pixel shuffle, Qwen2 decoder, `<img>` around."""
    special = [*QWEN_NAMES[:3], "<img>", "</img>", "<IMG_CONTEXT>", "<video>"]
    added = [*map(Added, special), Added("<tool_call>", special=False)]
    tokenizer = byte_level(added)
    ids = token_ids(tokenizer)
    text = {
        **TEXT,
        "bos_token_id": ids["<|endoftext|>"],
        "eos_token_id": ids["<|im_end|>"],
        "model_type": "qwen2",
        "rope_scaling": {"factor": 2.0, "rope_type": "dynamic"},
        "rope_theta": 1000000.0,
        "vocab_size": 448,
    }
    vision = {
        **TOWER,
        "attention_bias": True,
        "image_size": [56, 56],
        "model_type": "internvl_vision",
        "patch_size": [14, 14],
        "use_mean_pooling": True,
    }
    config = model(
        "InternVLForConditionalGeneration",
        "internvl",
        downsample_ratio=0.5,
        image_seq_length=4,
        image_token_id=ids["<IMG_CONTEXT>"],
        text_config=text,
        tie_word_embeddings=False,
        vision_config=vision,
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
    )
    named = {
        "context_image_token": "<IMG_CONTEXT>",
        "end_image_token": "</img>",
        "start_image_token": "<img>",
        "video_token": "<video>",
    }
    settings = tokenizer_config(
        tokenizer,
        add_prefix_space=False,
        bos_token=None,
        eos_token="<|im_end|>",
        extra_special_tokens=named,
        pad_token="<|endoftext|>",
        padding_side="left",
        processor_class="InternVLProcessor",
        tokenizer_class="Qwen2Tokenizer",
        **named,
    )
    processor = fixed_size(
        "GotOcr2ImageProcessorFast",
        "InternVLProcessor",
        crop_to_patches=False,  # the processor switches it on
        do_convert_rgb=True,
        image_mean=IMAGENET_MEAN,
        image_std=IMAGENET_STD,
        max_patches=4,
        min_patches=1,
        size={"height": 56, "width": 56},
    )
    video = {
        "do_normalize": True,
        "image_mean": IMAGENET_MEAN,
        "image_std": IMAGENET_STD,
        "processor_class": "InternVLProcessor",
        "size": {"height": 56, "width": 56},
        "video_processor_type": "InternVLVideoProcessor",
    }
    length = {"image_seq_length": 4, "processor_class": "InternVLProcessor"}
    return Parts(
        config,
        tokenizer,
        settings,
        processor,
        {"processor_config.json": length, "video_preprocessor_config.json": video},
        templates.chatml("<IMG_CONTEXT>\n"),
        ("jinja",),
    )

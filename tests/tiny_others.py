"""Families that differ in attention or in layout: Gemma 3 (two-way over an image), Mistral 3 (rows of patches)."""

import tiny_templates as templates
from tiny_parts import CLIP_MEAN, CLIP_STD, HALF, TEXT, TOWER, TOWER_PREFIX, Parts, fixed_size, model
from tiny_tokenizers import Added, byte_level, piece_level, token_ids, tokenizer_config


def gemma3() -> Parts:
    """Gemma 3: two-way attention inside an image, sliding layers, norms of 1 + w."""
    first = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    turns = ["<start_of_turn>", "<end_of_turn>"]
    shown = ["<start_of_image>", "<end_of_image>", "<image_soft_token>"]
    added = [Added(name) for name in [*first, *turns, *shown]]
    added += [Added("[multimodal]", special=False)]
    tokenizer = piece_level(first, added, "<bos>", prepend=False)
    ids = token_ids(tokenizer)
    text = {
        **TEXT,
        "head_dim": 16,
        "model_type": "gemma3_text",
        "query_pre_attn_scalar": 16,
        "rope_local_base_freq": 10000.0,
        "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
        "rope_theta": 1000000.0,
        "sliding_window": 12,
        "sliding_window_pattern": 3,
        "vocab_size": 512,
    }
    vision = {**TOWER, "model_type": "siglip_vision_model", "vision_use_head": False}
    config = model(
        "Gemma3ForConditionalGeneration",
        "gemma3",
        boi_token_index=ids["<start_of_image>"],
        eoi_token_index=ids["<end_of_image>"],
        eos_token_id=[ids["<eos>"], ids["<end_of_turn>"]],
        image_token_index=ids["<image_soft_token>"],
        mm_tokens_per_image=4,
        text_config=text,
        vision_config=vision,
    )
    named = {
        "boi_token": "<start_of_image>",
        "eoi_token": "<end_of_image>",
        "image_token": "<image_soft_token>",
    }
    settings = tokenizer_config(
        tokenizer,
        add_bos_token=True,
        add_eos_token=False,
        bos_token="<bos>",
        eos_token="<eos>",
        extra_special_tokens=named,
        pad_token="<pad>",
        padding_side="left",
        processor_class="Gemma3Processor",
        spaces_between_special_tokens=False,
        tokenizer_class="GemmaTokenizer",
        unk_token="<unk>",
        **named,
    )
    processor = fixed_size(
        "Gemma3ImageProcessor",
        "Gemma3Processor",
        do_pan_and_scan=None,
        image_mean=HALF,
        image_seq_length=4,
        image_std=HALF,
        size={"height": 56, "width": 56},
    )
    processor["resample"] = 2
    return Parts(
        config,
        tokenizer,
        settings,
        processor,
        {
            "processor_config.json": {
                "image_seq_length": 4,
                "processor_class": "Gemma3Processor",
            }
        },
        templates.GEMMA3,
        ("tokenizer", "json"),
        # The model multiplies embeddings by sqrt(hidden) = 8, and only one layer in three sees far.
        {"embed_tokens": 0.1, "mm_input_projection": 2.0},
        TOWER_PREFIX,
    )


def mistral3() -> Parts:
    """Mistral Small 3.1: Pixtral tower at the image's own size, tokens between rows."""
    names = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]"]
    names += ["[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]"]
    names += ["[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"]
    tokenizer = byte_level([Added(name) for name in names], bos="<s>")
    ids = token_ids(tokenizer)
    text = {
        **TEXT,
        "head_dim": 16,
        "model_type": "mistral",
        "rms_norm_eps": 1e-5,
        "rope_theta": 1000000000.0,
        "sliding_window": None,
        "vocab_size": 448,
    }
    vision = {
        **TOWER,
        "head_dim": 16,
        "hidden_act": "silu",
        "image_size": 112,
        "model_type": "pixtral",
        "rope_theta": 10000.0,
    }
    config = model(
        "Mistral3ForConditionalGeneration",
        "mistral3",
        image_token_index=ids["[IMG]"],
        multimodal_projector_bias=False,
        projector_hidden_act="gelu",
        spatial_merge_size=2,
        text_config=text,
        tie_word_embeddings=False,
        vision_config=vision,
        vision_feature_layer=-1,
    )
    settings = tokenizer_config(
        tokenizer,
        add_bos_token=True,
        add_eos_token=False,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        padding_side="right",
        processor_class="PixtralProcessor",
        tokenizer_class="LlamaTokenizerFast",
        unk_token="<unk>",
    )
    processor = fixed_size(
        "PixtralImageProcessor",
        "PixtralProcessor",
        do_convert_rgb=True,
        image_mean=CLIP_MEAN,
        image_std=CLIP_STD,
        patch_size={"height": 14, "width": 14},
        size={"longest_edge": 112},
    )
    tokens = {
        "image_break_token": "[IMG_BREAK]",
        "image_end_token": "[IMG_END]",
        "image_token": "[IMG]",
        "patch_size": 14,
        "processor_class": "PixtralProcessor",
        "spatial_merge_size": 2,
    }
    return Parts(
        config,
        tokenizer,
        settings,
        processor,
        {"processor_config.json": tokens},
        templates.MISTRAL3,
        ("jinja",),
    )

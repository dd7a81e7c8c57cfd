"""A random checkpoint in the layout of the released InstructCIR weights.

`model_type: instructcir_llava_phi35`, a Llama decoder with split projections and longrope under the name
`phi3_llama`, a CLIP tower, the key names of transformers 4.42.
"""

from pathlib import Path
from typing import Any

import torch

from tiny_parts import CLIP_MEAN, CLIP_STD
from tiny_templates import PHI3
from tiny_tokenizers import Added, piece_level, token_ids, tokenizer_config
from tiny_weights import random_tensor, save_tensors, write_json

INTERMEDIATE = 172
VOCABULARY = 576
PATCH = 14


def _tokenizer() -> str:
    names = ["assistant", *(f"placeholder{n}" for n in range(1, 5)), "system", "end"]
    names += ["placeholder5", "placeholder6", "user"]
    turns = [Added(f"<|{name}|>", rstrip=True) for name in names]
    first = [Added("<unk>"), Added("<s>"), Added("</s>", special=False, rstrip=True)]
    added = [*first, Added("<|endoftext|>"), *turns, Added("<image>")]
    return piece_level(["<unk>", "<s>", "</s>"], added, "<s>")


def _longrope(pairs: int) -> dict[str, Any]:
    """Factors for `pairs` rotary pairs: short ones near 1, long ones from 1 to 30."""
    share = [index / max(pairs - 1, 1) for index in range(pairs)]
    return {
        "long_factor": [round(1.05 * 28.6**part, 6) for part in share],
        "short_factor": [round(1.0 + 0.12 * part, 6) for part in share],
        "type": "longrope",
    }


def _decoder_shapes(hidden: int, heads: int, kv_heads: int, layers: int) -> dict[str, tuple[int, ...]]:
    narrow = hidden // heads * kv_heads
    shapes: dict[str, tuple[int, ...]] = {
        "lm_head.weight": (VOCABULARY, hidden),
        "model.embed_tokens.weight": (VOCABULARY, hidden),
        "model.norm.weight": (hidden,),
    }
    for layer in range(layers):
        shapes |= {
            f"model.layers.{layer}.{name}.weight": shape
            for name, shape in {
                "input_layernorm": (hidden,),
                "mlp.down_proj": (hidden, INTERMEDIATE),
                "mlp.gate_proj": (INTERMEDIATE, hidden),
                "mlp.up_proj": (INTERMEDIATE, hidden),
                "post_attention_layernorm": (hidden,),
                "self_attn.k_proj": (narrow, hidden),
                "self_attn.o_proj": (hidden, hidden),
                "self_attn.q_proj": (hidden, hidden),
                "self_attn.v_proj": (narrow, hidden),
            }.items()
        }
    return shapes


def _with_bias(shapes: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    weights = {f"{name}.weight": shape for name, shape in shapes.items()}
    return weights | {f"{name}.bias": shape[:1] for name, shape in shapes.items()}


def _tower_shapes(hidden: int, layers: int, image_size: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.class_embedding": (hidden,),
        "embeddings.patch_embedding.weight": (hidden, 3, PATCH, PATCH),
        "embeddings.position_embedding.weight": ((image_size // PATCH) ** 2 + 1, hidden),
    }
    square = (hidden, hidden)
    named: dict[str, tuple[int, ...]] = {"pre_layrnorm": (hidden,), "post_layernorm": (hidden,)}
    for layer in range(layers):
        at = f"encoder.layers.{layer}"
        named |= {f"{at}.layer_norm1": (hidden,), f"{at}.layer_norm2": (hidden,)}
        named |= {f"{at}.mlp.fc1": (2 * hidden, hidden), f"{at}.mlp.fc2": (hidden, 2 * hidden)}
        named |= {f"{at}.self_attn.{name}": square for name in ("k_proj", "v_proj", "q_proj", "out_proj")}
    return shapes | _with_bias(named)


def _base(name: str) -> float | None:
    if name.endswith(".bias"):
        return 0.0
    return 1.0 if any(part in name for part in ("norm.", "norm1.", "norm2.")) else None


def _config(ids: dict[str, int], text: dict[str, Any], vision: dict[str, Any]) -> dict[str, Any]:
    eos = ids["<|endoftext|>"]
    common = {"max_position_embeddings": 131072, "model_type": "phi3_llama", "rms_norm_eps": 1e-05}
    ends = {"eos_token_id": eos, "pad_token_id": eos, "sliding_window": 262144, "vocab_size": VOCABULARY}
    return {
        "architectures": ["InstructCIRLlavaPhi35ForConditionalGeneration"],
        "ignore_index": -100,
        "image_token_index": ids["<image>"],
        "model_type": "instructcir_llava_phi35",
        "projector_hidden_act": "gelu",
        "text_config": dict(sorted({**common, **ends, **text}.items())),
        "torch_dtype": "float32",
        "transformers_version": "4.42.0",
        "vision_config": vision,
        "vision_feature_layer": -2,
        "vision_feature_select_strategy": "default",
    }


def _write_tokenizer(folder: Path, tokenizer: str) -> None:
    special = {"bos_token": "<s>", "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>", "unk_token": "<unk>"}
    settings = tokenizer_config(
        tokenizer,
        add_bos_token=True,
        add_eos_token=False,
        add_prefix_space=None,
        chat_template=PHI3,
        legacy=False,
        padding_side="left",
        processor_class="LlavaProcessor",
        tokenizer_class="LlamaTokenizer",
        use_default_system_prompt=False,
        **special,
    )
    flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
    (folder / "tokenizer.json").write_text(tokenizer, encoding="utf-8")
    write_json(folder / "tokenizer_config.json", settings)
    write_json(
        folder / "special_tokens_map.json",
        {name: {"content": token, **flags} for name, token in special.items()},
    )


def _write_processor(folder: Path, image_size: int) -> None:
    content = {
        "crop_size": {"height": image_size, "width": image_size},
        "do_center_crop": True,
        "do_convert_rgb": True,
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": CLIP_MEAN,
        "image_processor_type": "CLIPImageProcessor",
        "image_std": CLIP_STD,
        "processor_class": "LlavaProcessor",
        "resample": 3,
        "rescale_factor": 0.00392156862745098,
        "size": {"shortest_edge": image_size},
    }
    write_json(folder / "preprocessor_config.json", content)
    write_json(folder / "processor_config.json", {"chat_template": None, "processor_class": "LlavaProcessor"})


def build_released(
    folder: Path | str,
    *,
    hidden: int = 64,
    heads: int = 4,
    kv_heads: int = 4,
    long_limit: int = 4096,
    ret_proj: bool = False,
    shards: int = 1,
    weights: str = "safetensors",
    image_size: int = 56,
    layers: int = 3,
    vision_layers: int = 3,
    vision_hidden: int = 64,
    seed: int = 0,
) -> Path:
    """Write the checkpoint into `folder` and return it.

    `long_limit` is `original_max_position_embeddings`; `ret_proj` adds the head that the released code declares
    and never calls; `weights` is "safetensors" or "bin".
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer()
    text = {
        "hidden_size": hidden,
        "intermediate_size": INTERMEDIATE,
        "num_attention_heads": heads,
        "num_hidden_layers": layers,
        "num_key_value_heads": kv_heads,
        "original_max_position_embeddings": long_limit,
        "rope_scaling": _longrope(hidden // heads // 2),
    }
    vision = {
        "hidden_size": vision_hidden,
        "image_size": image_size,
        "intermediate_size": 2 * vision_hidden,
        "model_type": "clip_vision_model",
        "num_attention_heads": 4,
        "num_hidden_layers": vision_layers,
        "patch_size": PATCH,
        "projection_dim": 32,
    }
    decoder = _decoder_shapes(hidden, heads, kv_heads, layers)
    tower = _tower_shapes(vision_hidden, vision_layers, image_size)
    shapes = {f"language_model.{name}": shape for name, shape in decoder.items()}
    shapes |= {f"vision_tower.vision_model.{name}": shape for name, shape in tower.items()}
    named: dict[str, tuple[int, ...]] = {
        "multi_modal_projector.linear_1": (hidden, vision_hidden),
        "multi_modal_projector.linear_2": (hidden, hidden),
    }
    shapes |= _with_bias(named | ({"ret_proj": (hidden, hidden)} if ret_proj else {}))
    tensors: dict[str, torch.Tensor] = {
        name: random_tensor(name, shape, seed, _base(name)) for name, shape in shapes.items()
    }
    save_tensors(folder, tensors, shards, weights)
    write_json(folder / "config.json", _config(token_ids(tokenizer), text, vision))
    numbers = {"bos_token_id": 1, "eos_token_id": token_ids(tokenizer)["<|endoftext|>"]}
    generation = {"_from_model_config": True, **numbers, "pad_token_id": numbers["eos_token_id"]}
    write_json(folder / "generation_config.json", {**generation, "transformers_version": "4.42.0"})
    _write_tokenizer(folder, tokenizer)
    _write_processor(folder, image_size)
    return folder

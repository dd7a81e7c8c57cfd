"""Tiny random checkpoints, saved the way a hub snapshot looks: what a loader reads is all there is.

`build("qwen2-vl", folder)` writes one of the `FAMILIES`; the other builders write the
released InstructCIR layout, a sentence-transformers folder, a LoRA adapter.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import tiny_llava as llava
import tiny_others as others
import tiny_qwen as qwen
import tiny_tiles as tiles
from tiny_embedders import write_lora, write_sentence_transformers
from tiny_parts import Parts
from tiny_pictures import pictures
from tiny_released import build_released
from tiny_templates import QWEN_IMAGE, chatml
from tiny_weights import save_random_model, write_json

__all__ = ["FAMILIES", "build", "build_lora", "build_released", "build_sentence_transformers", "pictures"]

_PARTS: dict[str, Callable[[], Parts]] = {
    "llava-clip-llama": llava.llava_clip_llama,
    "llava-clip-phi3": llava.llava_clip_phi3,
    "llava-siglip-qwen2": llava.llava_siglip_qwen2,
    "qwen2-vl": qwen.qwen2_vl,
    "qwen2.5-vl": qwen.qwen2_5_vl,
    "qwen3-vl": qwen.qwen3_vl,
    "idefics3": tiles.idefics3,
    "smolvlm": tiles.smolvlm,
    "gemma3": others.gemma3,
    "mistral3": others.mistral3,
    "internvl": tiles.internvl,
}


def _write_template(folder: Path, parts: Parts) -> None:
    if parts.chat_template is None:
        return
    if "tokenizer" in parts.template_in:
        parts.tokenizer_config["chat_template"] = parts.chat_template
    if "json" in parts.template_in:
        content = {"chat_template": parts.chat_template}
        write_json(folder / "chat_template.json", content)
    if "jinja" in parts.template_in:
        path = folder / "chat_template.jinja"
        path.write_text(parts.chat_template, encoding="utf-8")


def _special_tokens(parts: Parts) -> dict[str, Any]:
    names = ("bos_token", "eos_token", "pad_token", "unk_token")
    present = {name: parts.tokenizer_config.get(name) for name in names}
    return {name: token for name, token in present.items() if token is not None}


def _merge(part: dict[str, Any], changes: Mapping[str, Any] | None) -> None:
    part.update(changes or {})


def build(
    name: str,
    folder: Path | str,
    seed: int = 0,
    *,
    text: Mapping[str, Any] | None = None,
    vision: Mapping[str, Any] | None = None,
    tokenizer: Mapping[str, Any] | None = None,
    image_processor: Mapping[str, Any] | None = None,
    chat_template: str | None = None,
    **config: Any,
) -> Path:
    """Write the family `name` into `folder` and return it.

    `text`, `vision`, `tokenizer` and `image_processor` replace single settings of
    that part's configuration, `config` those of the model as a whole.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    parts = _PARTS[name]()
    _merge(parts.config, config)
    _merge(parts.config.get("text_config", parts.config), text)
    _merge(parts.config["vision_config"], vision)
    _merge(parts.tokenizer_config, tokenizer)
    _merge(parts.image_processor, image_processor)
    parts.chat_template = chat_template or parts.chat_template
    _write_template(folder, parts)
    (folder / "tokenizer.json").write_text(parts.tokenizer, encoding="utf-8")
    write_json(folder / "tokenizer_config.json", parts.tokenizer_config)
    write_json(folder / "special_tokens_map.json", _special_tokens(parts))
    write_json(folder / "preprocessor_config.json", parts.image_processor)
    for file, content in parts.files.items():
        write_json(folder / file, content)
    save_random_model(folder, parts.config, seed, parts.scales, parts.prefixes)
    return folder


FAMILIES: dict[str, Callable[..., Path]] = {name: partial(build, name) for name in _PARTS}


build_lora = write_lora


def build_sentence_transformers(folder: Path | str, family: str = "qwen3-vl", **changes: Any) -> Path:
    """Write `family` as a ready sentence-transformers embedder, laid out as Qwen3-VL-Embedding is.

    A Qwen3-VL folder also gets that embedder's kind of chat template, with a default system message.
    """
    if family == "qwen3-vl":
        changes.setdefault("chat_template", chatml(QWEN_IMAGE, "Represent the user's input."))
    folder = build(family, folder, **changes)
    write_sentence_transformers(folder)
    return folder

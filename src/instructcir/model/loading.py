"""From a name or folder to a model with its tokenizer, processor, chat template and prompts. No remote code, ever.

Folders understood: this package's own and other sentence-transformers embedders, any image-text chat model of
transformers, the released InstructCIR layout, and LoRA adapters on any of these.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from transformers import (
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING,
    AutoConfig,
    AutoModel,
    AutoModelForImageTextToText,
    AutoTokenizer,
    LlavaForConditionalGeneration,
    PreTrainedTokenizerFast,
    ProcessorMixin,
)

from instructcir.errors import ModelError
from instructcir.model import prompts as prompt_sets
from instructcir.model import released
from instructcir.model.placement import Placement, place
from instructcir.model.preparation import load_processor
from instructcir.model.prompts import PromptSet

OWN_FILE = "instructcir.json"
"""Written beside a saved model: prompts, the chat template under them, pixel preparation, probe vectors."""


@dataclass(slots=True)
class Checkpoint:
    """What a folder holds, loaded.

    Attributes:
        folder: where it was read from.
        layout: "instructcir", "sentence-transformers", "released" or "transformers".
        model: the transformers model, in evaluation mode, placed.
        tokenizer: its fast tokenizer.
        processor: its processor, for pixels and placeholder text.
        chat_template: Jinja source that prompts are rendered with.
        prompts: what to ask.
        placement: device and number type, and why.
        own: contents of `instructcir.json`, empty for other layouts.
    """

    folder: Path
    layout: str
    model: Any
    tokenizer: Any
    processor: ProcessorMixin
    chat_template: str
    prompts: PromptSet
    placement: Placement
    own: dict[str, Any] = field(default_factory=dict)


def find_folder(name_or_path: str | Path) -> Path:
    """A local folder as it is, or the local copy of a hub repository, fetched if need be.

    Raises:
        ModelError: neither exists.
    """
    path = Path(name_or_path).expanduser()
    if path.is_dir():
        return path
    if path.exists():
        raise ModelError(f"{path}: is a file; give the folder that holds config.json")
    patterns = ["*.json", "*.jinja", "*.safetensors", "*.bin", "*.model", "*.txt"]
    try:
        return Path(snapshot_download(str(name_or_path), allow_patterns=patterns))
    except (HFValidationError, LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{name_or_path}: no such folder, and not to be had from the hub ({reason})") from error


def read_json(path: Path) -> dict[str, Any]:
    """Contents of a JSON object file.

    Raises:
        ModelError: it is missing, unreadable or no object.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path.parent}: has no {path.name}; is this a model folder?") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelError(f"{path}: cannot be read as JSON ({error})") from error
    if not isinstance(values, dict):
        raise ModelError(f"{path}: holds no JSON object")
    return values


def load_checkpoint(folder: Path, device: str, dtype: str, prompts: PromptSet | None) -> Checkpoint:
    """Load a model folder that is not an adapter.

    Args:
        folder: a local folder.
        device: "auto" or a torch device.
        dtype: "auto", "float32", "bfloat16" or "float16".
        prompts: used instead of the folder's own.

    Raises:
        ModelError: something in the folder is missing, misshapen or not understood; the message names it.
    """
    raw = read_json(folder / "config.json")
    own = read_json(folder / OWN_FILE) if (folder / OWN_FILE).exists() else {}
    own_kind = released.is_released(raw)
    config = released.as_llava(raw) if own_kind else _config(folder)
    tokenizer = (PreTrainedTokenizerFast if own_kind else AutoTokenizer).from_pretrained(folder, local_files_only=True)
    if not tokenizer.is_fast:
        raise ModelError(f"{folder}: needs a fast tokenizer (tokenizer.json)")
    processor = load_processor(folder, config, tokenizer)
    template = own.get("chat_template") or processor.chat_template or tokenizer.chat_template
    if not isinstance(template, str):
        raise ModelError(f"{folder}: has no chat template; an embedder is made from a chat (instruction-tuned) model")
    layout = "released" if own_kind else "instructcir" if own else "transformers"
    if not own and (folder / "modules.json").exists():
        layout = "sentence-transformers"
    prompts = prompts or _own_prompts(folder, layout, own)
    placement = place(device, dtype, _count_weights(config))
    model = _model(folder, config, placement)
    return Checkpoint(folder, layout, model, tokenizer, processor, template, prompts, placement, own)


def _config(folder: Path) -> Any:
    try:
        return AutoConfig.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{folder}: {str(error).splitlines()[0]}") from error


def _own_prompts(folder: Path, layout: str, own: dict[str, Any]) -> PromptSet:
    if layout == "instructcir":
        return PromptSet.from_dict(own["prompts"])
    if layout != "sentence-transformers":
        return prompt_sets.named("instructcir")
    _check_pooling(folder)
    settings = read_json(folder / "config_sentence_transformers.json")
    chat = read_json(folder / "sentence_bert_config.json").get("processing_kwargs", {}).get("chat_template", {})
    return prompt_sets.from_sentence_transformers(
        settings.get("prompts") or {}, settings.get("default_prompt_name"), chat
    )


def _check_pooling(folder: Path) -> None:
    """Refuse a sentence-transformers embedder whose vectors are not normalised last-token states."""
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    names = [str(module["type"]).rsplit(".", 1)[-1] for module in modules]
    if names != ["Transformer", "Pooling", "Normalize"]:
        raise ModelError(
            f"{folder}: modules {' + '.join(names)}; only Transformer + Pooling + Normalize are understood"
        )
    if modules[0].get("path"):
        raise ModelError(f"{folder}: its Transformer lies in {modules[0]['path']}/; it must lie in the folder itself")
    pooling = read_json(folder / modules[1]["path"] / "config.json")
    last = pooling.get("pooling_mode") == "lasttoken" or pooling.get("pooling_mode_lasttoken")
    if not last:
        raise ModelError(f"{folder}: pools otherwise than by the last token, which this package does not reproduce")


def _count_weights(config: Any) -> int:
    """Weights of the model that a configuration describes, without making them."""
    with torch.device("meta"):
        model = AutoModel.from_config(config)
    return sum(parameter.numel() for parameter in model.parameters())


def _model(folder: Path, config: Any, placement: Placement) -> Any:
    full = type(config) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING
    architecture = (config.architectures or [""])[0]
    loader = AutoModelForImageTextToText if full and "For" in architecture else AutoModel
    if isinstance(getattr(config, "model_type", None), str) and config.model_type == "llava" and full:
        loader = LlavaForConditionalGeneration if "For" in architecture else AutoModel
    try:
        model, report = loader.from_pretrained(
            folder,
            config=config,
            dtype=placement.stored,
            device_map={"": str(placement.device)} if placement.device.type != "cpu" else None,
            local_files_only=True,
            trust_remote_code=False,
            weights_only=True,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(f"{folder}: weights cannot be loaded ({str(error).strip().splitlines()[0]})") from error
    _refuse_incomplete(folder, model, report)
    return model.eval()


def _refuse_incomplete(folder: Path, model: Any, report: dict[str, Any]) -> None:
    """Every weight must come from the folder: transformers itself would draw the missing ones at random."""
    missing = [name for name in report["missing_keys"] if "lm_head" not in name]
    if missing:
        raise ModelError(f"{folder}: {len(missing)} weights are missing: {_list(missing)}")
    wrong = [f"{name} is {tuple(found)}, must be {tuple(wanted)}" for name, found, wanted in report["mismatched_keys"]]
    if wrong:
        raise ModelError(f"{folder}: {len(wrong)} weights have the wrong shape: {_list(wrong)}")
    unknown = [
        name
        for name in report["unexpected_keys"]
        if not name.startswith(released.UNUSED_WEIGHTS) and "rotary_emb" not in name and "position_ids" not in name
    ]
    # a decoder that is read without its head leaves the head's weights over
    unknown = [name for name in unknown if "lm_head" not in name]
    if unknown:
        raise ModelError(f"{folder}: {len(unknown)} weights have no place in {type(model).__name__}: {_list(unknown)}")


def _list(names: list[str]) -> str:
    shown = ", ".join(sorted(names)[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"

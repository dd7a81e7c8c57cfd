"""From a name or folder to a model with its tokenizer, processor, chat template and prompts. No remote code, ever.

Folders understood: this package's own and other sentence-transformers embedders, any image-text chat model of
transformers, the released InstructCIR layout, and LoRA adapters on any of these.
"""

from __future__ import annotations

import pickle
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, StrictDataclassError
from safetensors import SafetensorError
from transformers import (
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING,
    AutoConfig,
    AutoModel,
    AutoModelForImageTextToText,
    AutoTokenizer,
    PreTrainedTokenizerFast,
    ProcessorMixin,
)

from instructcir.errors import ModelError, PromptError
from instructcir.model import prompts as prompt_sets
from instructcir.model import released
from instructcir.model.placement import Placement, place
from instructcir.model.preparation import load_processor
from instructcir.model.prompts import PromptSet
from instructcir.model.reading import first_line, read_json, read_json_list

OWN_FILE = "instructcir.json"
"""Written beside a saved model: prompts, the chat template under them, pixel preparation, probe vectors."""
_UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    ImportError,
    RuntimeError,
    StrictDataclassError,
)
"""What transformers is known to raise over a folder's content."""
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "tekken.json")


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


def bundled(name: str) -> Path | None:
    """The folder of a model that comes with the package, or None if there is none of that name."""
    folder = Path(__file__).parents[1] / "bundled" / name
    return folder if name.isidentifier() and (folder / "config.json").is_file() else None


def find_folder(name_or_path: str | Path) -> Path:
    """A local folder as it is, a model that comes with the package ("tiny"), or a hub repository, fetched if need be.

    Raises:
        ModelError: neither exists.
    """
    if not str(name_or_path):
        raise ModelError("the model's name is empty; give a folder or the name of a hub repository")
    path = Path(name_or_path).expanduser()
    if path.is_dir():
        return path
    if path.exists():
        raise ModelError(f"{path}: is a file; give the folder that holds config.json")
    if (own := bundled(str(name_or_path))) is not None:
        return own
    patterns = ["*.json", "*.jinja", "*.safetensors", "*.bin", "*.model", "*.txt"]
    try:
        return Path(snapshot_download(str(name_or_path), allow_patterns=patterns))
    except (HFValidationError, LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise ModelError(
            f"{name_or_path}: no such folder, and not to be had from the hub ({first_line(error)})"
        ) from error


@dataclass(frozen=True, slots=True)
class Description:
    """What a folder says about its model, weights not read. The fields are those of `Checkpoint`, and `config`."""

    folder: Path
    layout: str
    config: Any
    tokenizer: Any
    processor: ProcessorMixin
    chat_template: str
    prompts: PromptSet
    own: dict[str, Any]


def describe(folder: Path, prompts: PromptSet | None) -> Description:
    """Read all of a model folder but its weights.

    Args:
        folder: a local folder that is not an adapter.
        prompts: used instead of the folder's own.

    Raises:
        ModelError: something in the folder is missing, misshapen or not understood; the message names it.
    """
    raw = read_json(folder / "config.json")
    own = read_json(folder / OWN_FILE) if (folder / OWN_FILE).exists() else {}
    own_kind = released.is_released(raw)
    config = released.as_llava(folder, raw) if own_kind else _config(folder)
    tokenizer = _tokenizer(folder, PreTrainedTokenizerFast if own_kind else AutoTokenizer)
    processor = load_processor(folder, config, tokenizer)
    template = own.get("chat_template") or processor.chat_template or tokenizer.chat_template
    if not isinstance(template, str):
        raise ModelError(f"{folder}: has no chat template; an embedder is made from a chat (instruction-tuned) model")
    layout = "released" if own_kind else "instructcir" if own else "transformers"
    if not own and (folder / "modules.json").exists():
        layout = "sentence-transformers"
    prompts = prompts or _own_prompts(folder, layout, own)
    return Description(folder, layout, config, tokenizer, processor, template, prompts, own)


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
    said = describe(folder, prompts)
    placement = place(device, dtype, count_weights(said.config), getattr(said.config, "dtype", None))
    model = _model(folder, said.config, placement)
    return Checkpoint(
        folder,
        said.layout,
        model,
        said.tokenizer,
        said.processor,
        said.chat_template,
        said.prompts,
        placement,
        said.own,
    )


def _config(folder: Path) -> Any:
    try:
        return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except _UNREADABLE as error:
        raise ModelError(f"{folder / 'config.json'}: not understood ({first_line(error)})") from error


def _tokenizer(folder: Path, reader: Any) -> Any:
    if not any((folder / name).exists() for name in _TOKENIZER_FILES):  # transformers would make up an empty one
        raise ModelError(f"{folder}: has no tokenizer ({_TOKENIZER_FILES[0]})")
    try:
        tokenizer = reader.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # the tokenizers library raises plain Exception over a broken tokenizer.json
        raise ModelError(f"{folder}: its tokenizer cannot be read ({first_line(error)})") from error
    if not tokenizer.is_fast:
        raise ModelError(f"{folder}: needs a fast tokenizer (tokenizer.json)")
    tokenizer.init_kwargs.pop("local_files_only", None)  # it would be saved with the tokenizer
    return tokenizer


def _own_prompts(folder: Path, layout: str, own: dict[str, Any]) -> PromptSet:
    if layout == "instructcir":
        if not isinstance(own.get("prompts"), dict):
            raise ModelError(f"{folder / OWN_FILE}: holds no prompts")
        try:
            return PromptSet.from_dict(own["prompts"])
        except PromptError as error:
            raise ModelError(f"{folder / OWN_FILE}: {error}") from None
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
    modules = read_json_list(folder / "modules.json")
    names = [str(module.get("type")).rsplit(".", 1)[-1] for module in modules]
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


def count_weights(config: Any) -> int:
    """Weights of the model that a configuration describes, without making them."""
    with torch.device("meta"):  # of float32: another type would for a moment be every thread's default
        model = AutoModel.from_config(deepcopy(config), dtype=torch.float32)
    return sum(parameter.numel() for parameter in model.parameters())


def _model(folder: Path, config: Any, placement: Placement) -> Any:
    full = type(config) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING and "For" in (config.architectures or [""])[0]
    loader: Any = AutoModelForImageTextToText if full else AutoModel
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
    except (*_UNREADABLE, SafetensorError, pickle.UnpicklingError, EOFError) as error:
        raise ModelError(f"{folder}: weights cannot be loaded ({first_line(error)})") from error
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

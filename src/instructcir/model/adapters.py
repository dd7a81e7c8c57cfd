"""LoRA adapters: put on their base, merged into it, and proved to have changed it."""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from instructcir.errors import DependencyError, ModelError
from instructcir.model.loading import find_folder
from instructcir.model.reading import first_line, read_json

CONFIG_FILE = "adapter_config.json"
_PREFIX = "base_model.model."
"""What peft puts before the name of every weight it saves."""
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError, pickle.UnpicklingError)


@dataclass(frozen=True, slots=True)
class AdapterEffect:
    """What an adapter did to its base.

    Attributes:
        folder: the adapter's folder.
        base: the folder under it.
        tensors: how many weight pairs it brought.
        largest_change: the largest change of any weight that it touches.
        vector_change: 1 - cosine of a probe's vector without and with it.
    """

    folder: Path
    base: Path
    tensors: int
    largest_change: float
    vector_change: float


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter and not a model."""
    return (folder / CONFIG_FILE).exists() and not (folder / "config.json").exists()


def base_folder(folder: Path, base: str | os.PathLike[str] | None) -> Path:
    """The folder of the model under an adapter.

    Args:
        folder: an adapter folder as peft writes it.
        base: the model under it; None for the one that the adapter names, beside the adapter or anywhere.

    Raises:
        ModelError: no base is named, or it is not to be had.
    """
    named = read_json(folder / CONFIG_FILE).get("base_model_name_or_path")
    under = base or named
    if not under:
        raise ModelError(f"{folder}: names no base model; pass base=")
    beside = folder / os.fspath(under)
    return beside if beside.is_dir() else find_folder(os.fspath(under))


def apply_adapter(folder: Path, model: Any) -> tuple[int, float]:
    """Merge an adapter into a model.

    Args:
        folder: an adapter folder as peft writes it.
        model: the loaded base, changed in place.

    Returns:
        How many tensors the adapter brought, and the largest change of any weight.

    Raises:
        DependencyError: peft is not installed.
        ModelError: the adapter does not fit the model, is incomplete, or changes nothing.
    """
    try:
        from peft import PeftConfig, inject_adapter_in_model, load_peft_weights, set_peft_model_state_dict
    except ImportError as error:
        raise DependencyError("a LoRA adapter needs peft: pip install 'instructcir[lora]'") from error
    try:
        weights = load_peft_weights(str(folder), device="cpu", local_files_only=True)
        config = PeftConfig.from_pretrained(str(folder))
    except _UNREADABLE as error:
        raise ModelError(f"{folder}: the adapter cannot be read ({first_line(error)})") from error
    others = [name for name in weights if ".lora_" not in name]
    if others or not weights:
        raise ModelError(f"{folder}: only LoRA pairs are understood; this adapter brings {others[:1] or 'nothing'}")
    target = _target(model, weights)
    if target is None:
        raise ModelError(f"{folder}: its weights ({next(iter(weights))}, ...) have no place in this base model")
    try:
        inject_adapter_in_model(config, target)
        report: Any = set_peft_model_state_dict(
            target, {name.removeprefix(_PREFIX): value for name, value in weights.items()}
        )
    except (ValueError, RuntimeError, KeyError, TypeError) as error:
        raise ModelError(f"{folder}: the adapter does not fit its base model ({first_line(error)})") from error
    if report.unexpected_keys:
        raise ModelError(
            f"{folder}: {len(report.unexpected_keys)} weights have no place: {report.unexpected_keys[0]}, ..."
        )
    lacking = [name for name in report.missing_keys if "lora_" in name]
    if lacking:
        raise ModelError(f"{folder}: lacks {len(lacking)} weights that its settings ask for: {lacking[0]}, ...")
    change = _merge(target)
    if change == 0:
        raise ModelError(f"{folder}: the adapter changes nothing (all its products are zero); was it trained?")
    return len(weights), change


def _target(model: Any, weights: dict[str, Any]) -> Any:
    """The module that the adapter's names are relative to: the whole model, or the one without its head."""
    for candidate in (model, model.base_model):
        modules = {name for name, _ in candidate.named_modules()}
        if all(name.removeprefix(_PREFIX).split(".lora_")[0] in modules for name in weights):
            return candidate
    return None


def _merge(target: Any) -> float:
    """Fold every adapter into the weight under it, put the plain layers back, and return the largest change."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    largest = 0.0
    for name, layer in [(name, layer) for name, layer in target.named_modules() if isinstance(layer, BaseTunerLayer)]:
        plain: Any = layer.get_base_layer()
        before = plain.weight.detach().clone()
        layer.merge(safe_merge=True)
        largest = max(largest, float((plain.weight.float() - before.float()).abs().max()))
        parent, _, attribute = name.rpartition(".")
        setattr(target.get_submodule(parent), attribute, plain)
    return largest

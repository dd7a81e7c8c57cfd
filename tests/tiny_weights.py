"""Random weights, large enough for every input to matter, saved in the hub's key layout."""

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForImageTextToText


def write_json(path: Path, content: Any) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def random_tensor(name: str, shape: tuple[int, ...], seed: int, base: float | None = None) -> torch.Tensor:
    """The tensor of the parameter `name`: the same for the same name, shape and seed.

    With a `base` (norms 1, biases 0) some noise around it; otherwise embeddings get a spread of 0.6, matrices
    about 1 / sqrt(inputs), queries and keys twice that, so that attention is far from uniform.
    """
    generator = torch.Generator().manual_seed(seed * 65537 + zlib.crc32(name.encode()))
    noise = torch.randn(shape, generator=generator, dtype=torch.float32)
    if base is not None:
        return base + 0.15 * noise
    if len(shape) < 2 or ("embed" in name.split(".")[-2] and len(shape) == 2):
        return 0.6 * noise
    spread = (noise.numel() / shape[0]) ** -0.5
    attention = any(part in name for part in ("q_proj", "k_proj", "qkv"))
    return noise * (2 * spread if attention else spread)


def _constant(tensor: torch.Tensor) -> float | None:
    first = float(tensor.flatten()[0])
    return first if tensor.numel() > 1 and bool((tensor == first).all()) else None


@torch.no_grad()
def randomise(model: torch.nn.Module, seed: int, scales: Mapping[str, float]) -> None:
    """Fill every parameter; `scales` multiplies those whose name holds a given part."""
    for name, parameter in model.named_parameters():
        tensor = random_tensor(name, tuple(parameter.shape), seed, _constant(parameter))
        for part, scale in scales.items():
            tensor = tensor * (scale if part in name else 1.0)
        parameter.copy_(tensor)


def save_random_model(
    folder: Path,
    config: dict[str, Any],
    seed: int,
    scales: Mapping[str, float],
    prefixes: Mapping[str, str],
) -> None:
    """Write `config.json` as given and `model.safetensors`.

    `prefixes` gives the key prefixes that the hub has and `save_pretrained` no longer writes.
    """
    write_json(folder / "config.json", config)
    parsed = AutoConfig.from_pretrained(folder)
    model = AutoModelForImageTextToText.from_config(parsed, dtype=torch.float32)
    randomise(model, seed, scales)
    model.save_pretrained(folder)
    write_json(folder / "config.json", config)
    if prefixes:
        tensors = load_file(folder / "model.safetensors")
        renamed = {_hub_key(key, prefixes): tensor for key, tensor in tensors.items()}
        save_file(renamed, folder / "model.safetensors", metadata={"format": "pt"})


def _hub_key(key: str, prefixes: Mapping[str, str]) -> str:
    for ours, theirs in prefixes.items():
        if key.startswith(ours):
            return theirs + key.removeprefix(ours)
    return key


def save_tensors(folder: Path, tensors: dict[str, torch.Tensor], shards: int, weights: str) -> None:
    """Write `tensors` as `weights` ("safetensors" or "bin") in `shards` files, with their index if several."""
    stem, kind = ("model", "safetensors") if weights == "safetensors" else ("pytorch_model", "bin")
    names = sorted(tensors)
    step = -(-len(names) // shards)
    index: dict[str, str] = {}
    for number in range(shards):
        part = {name: tensors[name] for name in names[number * step : (number + 1) * step]}
        file = f"{stem}.{kind}" if shards == 1 else f"{stem}-{number + 1:05}-of-{shards:05}.{kind}"
        if kind == "safetensors":
            save_file(part, folder / file, metadata={"format": "pt"})
        else:
            torch.save(part, folder / file)
        index.update(dict.fromkeys(part, file))
    if shards > 1:
        size = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
        content = {"metadata": {"total_size": size}, "weight_map": index}
        write_json(folder / f"{stem}.{kind}.index.json", content)

"""Where a model runs and in which number type, chosen for the machine, with the reason in words."""

from __future__ import annotations

from dataclasses import dataclass

import psutil
import torch

from instructcir.errors import InputError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_SMALL = 2_000_000
"""Models below this many weights gain nothing from half precision: their time is not spent in products."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Device and number type of a model.

    Attributes:
        device: where it runs.
        stored: type that weights are kept in.
        why: the reasons, for people.
    """

    device: torch.device
    stored: torch.dtype
    why: str


def processor_multiplies_bfloat16() -> bool:
    """Whether this processor has bfloat16 matrix or dot-product instructions; without them bfloat16 is emulated."""
    return bool(torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())


def multiplies_bfloat16() -> bool:
    """Whether the device that is taken unless another is named multiplies bfloat16 natively."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return processor_multiplies_bfloat16()


def in_bfloat16(mixed_precision: str) -> bool:
    """Whether a training with this setting ("no", "bf16" or "auto") multiplies in bfloat16 on this machine."""
    return mixed_precision == "bf16" or (mixed_precision == "auto" and multiplies_bfloat16())


def computes_in_float32(device: torch.device, stored: torch.dtype) -> bool:
    """Whether half-precision weights are widened before each product: where a processor only emulates such products."""
    if device.type != "cpu":
        return False
    return stored == torch.float16 or (stored == torch.bfloat16 and not processor_multiplies_bfloat16())


def place(device: str, dtype: str, weights: int, saved: torch.dtype | None = None) -> Placement:
    """Choose device and number type.

    Args:
        device: "auto" or a torch device such as "cpu", "cuda:1", "mps".
        dtype: "auto", "float32", "bfloat16" or "float16".
        weights: how many weights the model has.
        saved: type that the weights were saved in, if known.

    Raises:
        InputError: an unknown type, or a device that this machine lacks.
    """
    if device == "auto":
        where, why = torch.device("cuda" if torch.cuda.is_available() else "cpu"), "the first GPU"
        if where.type == "cpu":
            why = "no GPU found"
    else:
        try:
            where, why = torch.device(device), "as asked"
            torch.empty(1, device=where).item()  # more than a name: something that can be computed on
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            raise InputError(f"device {device!r} cannot be used: {str(error).splitlines()[0]}") from error
    if dtype != "auto":
        if dtype not in DTYPES:
            raise InputError(f"dtype {dtype!r} is unknown; use auto, {', '.join(DTYPES)}")
        return Placement(where, DTYPES[dtype], f"{where} ({why}), {dtype} (as asked)")
    stored, reason = _automatic(where, weights, saved)
    return Placement(where, stored, f"{where} ({why}), {str(stored).removeprefix('torch.')} ({reason})")


def _automatic(device: torch.device, weights: int, saved: torch.dtype | None) -> tuple[torch.dtype, str]:
    if device.type != "cpu":
        if device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
            return torch.float16, "this GPU has no bfloat16"
        return torch.bfloat16, "half the memory, native here"
    if weights < _SMALL:
        return torch.float32, "a small model: half precision gains nothing"
    if processor_multiplies_bfloat16():
        return torch.bfloat16, "this processor multiplies bfloat16 natively"
    if weights * 4 * 1.3 < psutil.virtual_memory().available:
        return torch.float32, "this processor only emulates bfloat16, and float32 fits in memory"
    # widening is exact, so the type that the weights were saved in loses nothing
    stored = torch.float16 if saved == torch.float16 else torch.bfloat16
    return stored, "float32 does not fit in memory; products are computed in float32"


def token_budget(device: torch.device) -> int:
    """Padded tokens of a batch: enough to fill the machine's matrix units, small enough to stay in its caches."""
    return 1024 if device.type == "cpu" else 16_384


def prefix_bytes(device: torch.device) -> int:
    """A tenth of the memory that is free, for open reference images."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] // 10
    return psutil.virtual_memory().available // 10

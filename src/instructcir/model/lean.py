"""The same arithmetic with fewer passes over memory; and half-precision weights multiplied in float32.

Between its matrix products a transformer only reads and writes memory, and eager PyTorch does that several times over:
an RMS norm is six passes, a gate four. Replacements are recognised by what they compute, not by whose they are: each
kind is tried on random numbers against the module's own forward and left alone if it differs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import torch
from torch import nn
from torch.nn import functional as F

# shapes: N tokens of all rows, I inputs, O outputs, D hidden size

_CHUNK = 1 << 21
"""Weights converted at once: eight megabytes in float32 stay in a processor's caches until they are multiplied."""
_FEW = 64
"""Tokens up to which a product is dominated by its weights."""
_LARGE = 1 << 16
"""Layers with fewer weights are simply kept in float32."""


def streamline(model: nn.Module, *, for_training: bool = False) -> dict[str, int]:
    """Replace the slow forms of norms, gates and activations.

    Args:
        model: a loaded model in evaluation mode; its weights and state dict stay as they are.
        for_training: replace norms alone, by a form that gradients pass through; else values are overwritten.

    Returns:
        How many modules of each kind were replaced.
    """
    replaced: dict[str, int] = {}
    verdicts: dict[tuple[str, type], bool] = {}
    for module in model.modules():
        found = _replacement(module, for_training)
        if found is None:
            continue
        kind, width, forward = found
        key = kind, type(module)
        if key not in verdicts:
            verdicts[key] = _same(module, forward, width)
        if verdicts[key]:
            module.forward = forward
            replaced[kind] = replaced.get(kind, 0) + 1
    return replaced


def _replacement(module: Any, for_training: bool) -> tuple[str, int, Callable[[torch.Tensor], torch.Tensor]] | None:
    """Kind, input width and faster forward of a module that looks like one of the known forms."""
    name = type(module).__name__
    weight = getattr(module, "weight", None)
    if name.endswith("RMSNorm") and isinstance(weight, torch.Tensor) and weight.ndim == 1:
        epsilon = getattr(module, "variance_epsilon", getattr(module, "eps", None))
        if isinstance(epsilon, float):
            learned = partial(_learned_norm, module, epsilon)
            return "norm", len(weight), learned if for_training else _rms_norm(weight, epsilon)
    if for_training:
        return None
    gated = all(isinstance(getattr(module, part, None), nn.Linear) for part in ("gate_proj", "up_proj", "down_proj"))
    if gated and type(getattr(module, "act_fn", None)).__name__ in {"SiLU", "SiLUActivation"}:
        return "gate", module.gate_proj.in_features, _silu_gate(module)
    if name == "QuickGELUActivation":
        return "activation", 64, _quick_gelu
    return None


def _same(module: nn.Module, forward: Callable[[torch.Tensor], torch.Tensor], width: int) -> bool:
    """Whether a replacement computes what the module computes, on random numbers of its own type and device."""
    weight = next(module.parameters(), torch.empty(0, dtype=torch.float32))
    generator = torch.Generator().manual_seed(0)
    numbers = torch.randn(1, 3, width, generator=generator, dtype=torch.float32).to(weight.device, weight.dtype)
    with torch.inference_mode():
        try:
            own = module(numbers.clone()).float()
            other = forward(numbers.clone()).float()
        except (RuntimeError, TypeError):
            return False
    bound = 1e-5 if weight.dtype == torch.float32 else 2e-2
    return own.shape == other.shape and bool((own - other).abs().max() <= bound * own.abs().max())


def _rms_norm(weight: torch.Tensor, epsilon: float) -> Callable[[torch.Tensor], torch.Tensor]:
    def forward(hidden_states: torch.Tensor) -> torch.Tensor:
        scaled: torch.Tensor = hidden_states * _rms_scale(hidden_states, epsilon).to(hidden_states.dtype)
        return scaled.mul_(weight)

    return forward


def _rms_scale(hidden_states: torch.Tensor, epsilon: float) -> torch.Tensor:
    length = torch.linalg.vector_norm(hidden_states, dim=-1, keepdim=True, dtype=torch.float32)
    scale: torch.Tensor = length.square_().div_(hidden_states.shape[-1]).add_(epsilon).rsqrt_()
    return scale


def _learned_norm(module: Any, epsilon: float, hidden_states: torch.Tensor) -> torch.Tensor:
    return cast(torch.Tensor, _RmsNorm.apply(hidden_states, module.weight, epsilon))  # type: ignore[no-untyped-call]


class _RmsNorm(torch.autograd.Function):
    """An RMS norm in float32 whose gradients take half the passes that autograd's take."""

    @staticmethod
    def forward(ctx: Any, hidden_states: torch.Tensor, weight: torch.Tensor, epsilon: float) -> torch.Tensor:
        scale = _rms_scale(hidden_states, epsilon)
        ctx.save_for_backward(hidden_states, weight, scale)
        kind = torch.promote_types(hidden_states.dtype, weight.dtype)
        return (hidden_states * scale).mul_(weight).to(kind)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        hidden_states, weight, scale = ctx.saved_tensors
        with torch.autocast(grad.device.type, enabled=False):
            grad, wide = grad.float(), weight.float()
            normed = hidden_states * scale
            product = grad * normed
            along = (product @ wide).div_(len(wide)).unsqueeze(-1)
            of_states = torch.addcmul(grad * wide, normed, along, value=-1).mul_(scale)
            of_weight = product.flatten(0, -2).sum(0).to(weight.dtype) if ctx.needs_input_grad[1] else None
        return of_states.to(hidden_states.dtype), of_weight, None


def _silu_gate(module: Any) -> Callable[[torch.Tensor], torch.Tensor]:
    def forward(hidden_states: torch.Tensor) -> torch.Tensor:
        gate = F.silu(module.gate_proj(hidden_states), inplace=True)
        return module.down_proj(gate.mul_(module.up_proj(hidden_states)))  # type: ignore[no-any-return]

    return forward


def _quick_gelu(input: torch.Tensor) -> torch.Tensor:
    return F.silu(input.mul_(1.702), inplace=True).mul_(1 / 1.702)


def multiply_in_float32(model: nn.Module) -> None:
    """Keep large weights in half precision and compute in float32, for processors that only emulate its products.

    Half the memory of a float32 model, its speed but for a conversion that costs as much as a few tokens, and better
    numbers than half precision throughout, since only weights are rounded. Everything else becomes float32. One thread
    at a time may use the model then, since all layers widen into the same memory.
    """
    scratch = torch.empty(0, dtype=torch.float32)
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    if layers:  # one piece of memory for all: fresh memory would be cleared by the system at every product
        scratch = torch.empty(max(_CHUNK, *(64 * layer.in_features for layer in layers)), dtype=torch.float32)
    for module in model.modules():
        kept: Any = module if isinstance(module, (nn.Linear, nn.Embedding)) else None
        for name, parameter in module.named_parameters(recurse=False):
            large = kept is not None and parameter.numel() >= _LARGE and parameter.ndim == 2
            if parameter.is_floating_point() and not large:
                setattr(module, name, nn.Parameter(parameter.float(), requires_grad=False))
        for name, buffer in module.named_buffers(recurse=False):
            if buffer.is_floating_point():
                setattr(module, name, buffer.float())
        if kept is not None and kept.weight.dtype != torch.float32:
            kept.forward = _widening_linear(kept, scratch) if isinstance(kept, nn.Linear) else _widening_embedding(kept)


def _widening_linear(layer: nn.Linear, scratch: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    rows = max(64, _CHUNK // layer.in_features)

    def forward(input: torch.Tensor) -> torch.Tensor:
        flat_NI = input.reshape(-1, layer.in_features)
        few = len(flat_NI) < _FEW  # then the weights are the large side, and products run faster with them on the left
        count = len(flat_NI)
        if few:  # products of odd widths run slower than of the next multiple of sixteen
            flat_NI = F.pad(flat_NI, (0, 0, 0, -count % 16))
        shape = (layer.out_features, len(flat_NI)) if few else (len(flat_NI), layer.out_features)
        result = input.new_empty(shape)
        wide = scratch[: min(rows, layer.out_features) * layer.in_features].view(-1, layer.in_features)
        for start in range(0, layer.out_features, rows):
            stop = min(start + rows, layer.out_features)
            part_OI = wide[: stop - start].copy_(layer.weight[start:stop])
            if few:
                torch.mm(part_OI, flat_NI.T, out=result[start:stop])
            else:
                torch.mm(flat_NI, part_OI.T, out=result[:, start:stop])
        result_NO = result.T[:count].contiguous() if few else result
        if layer.bias is not None:
            result_NO += layer.bias
        return result_NO.view(*input.shape[:-1], layer.out_features)

    return forward


def _widening_embedding(layer: nn.Embedding) -> Callable[[torch.Tensor], torch.Tensor]:
    def forward(input: torch.Tensor) -> torch.Tensor:
        return F.embedding(input, layer.weight, layer.padding_idx).float()

    return forward

"""Work that an embedding does not need, left out of a transformers model without knowing its architecture.

An embedding is read at a few positions of the last layer. Of that layer only keys and values are wanted everywhere; the
rest of it, the heaviest part, is wanted at the positions read. And where a vision tower's features are taken from an
inner layer, the layers after it are not wanted at all. Nothing in the model's weights or state changes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from instructcir.errors import ModelError

# shapes: B rows, T tokens of a row, R positions read per row, D hidden size

ATTENTION = "instructcir_sdpa"
_SHORT = 1 << 19
"""Scores of a batch, in float32 two megabytes, up to which plain products are taken in bfloat16."""
_state = threading.local()


class _Captured(BaseException):
    """Carries the keys and values of a layer out of its attention, before any of it is computed."""

    def __init__(self, keys: torch.Tensor, values: torch.Tensor) -> None:
        self.keys = keys
        self.values = values


class _GivenKeys:
    """Stands for a cache: whatever keys and values a layer offers, it attends to the given ones."""

    def __init__(self, keys: torch.Tensor, values: torch.Tensor) -> None:
        self._kept = keys, values

    def update(self, *_: Any, **__: Any) -> tuple[torch.Tensor, torch.Tensor]:
        return self._kept


def _attention(
    module: nn.Module, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *args: Any, **kwargs: Any
) -> Any:
    if getattr(_state, "capture", False):
        raise _Captured(key, value)
    watch: Callable[..., None] | None = getattr(_state, "watch", None)
    if watch is not None:
        watch(module, query, key, args, kwargs)
    mask: Any = kwargs.get("attention_mask", args[0] if args else None)
    masked = mask is not None and mask.is_floating_point() and not kwargs.get("dropout")
    if masked and (_learns_in_bfloat16(query) or _is_short_in_bfloat16(query, key)):
        return by_products(query, key, value, mask, kwargs.get("scaling")), None
    return sdpa_attention_forward(module, query, key, value, *args, **kwargs)


def _learns_in_bfloat16(query: torch.Tensor) -> bool:
    """Whether a processor will be asked for gradients in bfloat16, for which its attention is several times slower."""
    if query.device.type != "cpu" or not torch.is_grad_enabled():
        return False
    return query.dtype == torch.bfloat16 or torch.is_autocast_enabled("cpu")


def _is_short_in_bfloat16(query: torch.Tensor, key: torch.Tensor) -> bool:
    """Whether torch's attention takes up to twice the time of plain products, and their scores stay in the cache."""
    if query.device.type != "cpu" or query.dtype != torch.bfloat16:
        return False
    return query.shape[:-1].numel() * key.shape[-2] <= _SHORT


def by_products(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor, scaling: float | None = None
) -> torch.Tensor:
    """Attention by plain products, in the type of the tensors or of autocast; for its gradients too.

    Args:
        query: (B, heads, Q, head size).
        key: (B, heads or fewer, K, head size), each for as many heads in turn.
        value: as `key`.
        mask: added to the scores; (B, 1, Q, K).
        scaling: of the scores; one over the root of the head size, if None.

    Returns:
        (B, Q, heads, head size).
    """
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    found: torch.Tensor = _Products.apply(query, key, value, mask, scale)  # type: ignore[no-untyped-call]
    return found.transpose(1, 2).contiguous()


class _Products(torch.autograd.Function):
    """`by_products` for as many heads of keys as of queries.

    In bfloat16 no scores are kept in float32; their softmax sums in float32.
    """

    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.bfloat16)  # type: ignore[untyped-decorator]
    def forward(
        ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor, scale: float
    ) -> torch.Tensor:
        query = query * scale
        lowest = torch.finfo(query.dtype).min  # float32's is infinite in bfloat16: rows without keys were no numbers
        scores = (query @ key.transpose(-1, -2)).add_(mask.to(query.dtype).clamp_min(lowest))
        weights = _softmax(scores)
        ctx.save_for_backward(query, key, value, weights)
        ctx.scale = scale
        return weights @ value

    @staticmethod
    @torch.amp.custom_bwd(device_type="cpu")  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        query, key, value, weights = ctx.saved_tensors
        of_weights = grad @ value.transpose(-1, -2)
        of_scores = torch._softmax_backward_data(of_weights, weights, -1, weights.dtype)
        of_query, of_key = (of_scores @ key).mul_(ctx.scale), of_scores.transpose(-1, -2) @ query
        return of_query, of_key, weights.transpose(-1, -2) @ grad, None, None


def _softmax(scores: torch.Tensor) -> torch.Tensor:
    """Over the last dimension, in the scores' type.

    In bfloat16 torch computes what goes beyond a multiple of 32 number by number: rows of 57 take three times as long
    as by way of float32.
    """
    if scores.dtype == torch.bfloat16 and scores.shape[-1] % 32:
        return torch.softmax(scores, dim=-1, dtype=torch.float32).to(scores.dtype)
    return torch.softmax(scores, dim=-1)


@contextmanager
def watched_attention(watch: Callable[..., None]) -> Iterator[None]:
    """Call `watch(module, query, key, args, kwargs)` at every attention of the decoder; shapes (B, heads, T, head)."""
    _state.watch = watch
    try:
        yield
    finally:
        _state.watch = None


class LastLayer:
    """The decoder's last layer, run only where it is read. Install once; inert unless `reading`."""

    def __init__(self, decoder: Any) -> None:
        AttentionInterface.register(ATTENTION, _attention)
        AttentionMaskInterface.register(ATTENTION, sdpa_mask)
        decoder.set_attn_implementation(ATTENTION)
        self._layer = decoder.layers[-1]
        self._whole = self._layer.forward
        self._positions: torch.Tensor | None = None
        self._layer.forward = self._forward

    @contextmanager
    def reading(self, positions_BR: torch.Tensor) -> Iterator[None]:
        """Within: the decoder gives its final states (B, R, D) at these positions only; R = 0 fills caches only."""
        self._positions = positions_BR
        try:
            yield
        finally:
            self._positions = None

    def _forward(self, hidden_states: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        positions = self._positions
        if positions is None:
            return self._whole(hidden_states, *args, **kwargs)
        _state.capture = True
        try:
            self._whole(hidden_states, *args, **kwargs)
            raise ModelError("the last layer's attention does not go through transformers' attention interface")
        except _Captured as captured:
            given = _GivenKeys(captured.keys, captured.values)
        finally:
            _state.capture = False
        if positions.shape[1] == 0:
            return hidden_states[:, :0]
        mask = kwargs.get("attention_mask")
        if mask is not None:
            index = positions[:, None, :, None].expand(-1, mask.shape[1], -1, mask.shape[3])
            kwargs["attention_mask"] = mask.expand(len(positions), -1, -1, -1).gather(2, index)
        embeddings = kwargs.get("position_embeddings")
        if embeddings is not None:
            kwargs["position_embeddings"] = tuple(_take(part, positions) for part in embeddings)
        kwargs.update(past_key_values=given, position_ids=None)
        return self._whole(_take(hidden_states, positions), *args, **kwargs)


def _take(tensor: torch.Tensor, positions_BR: torch.Tensor) -> torch.Tensor:
    """Rows of (..., B or 1, T, D) at the positions: (..., B, R, D)."""
    *lead, _, _, width = tensor.shape
    rows, count = positions_BR.shape
    index = positions_BR[..., None].expand(*lead, rows, count, width)
    return tensor.expand(*lead, rows, -1, width).gather(-2, index)


def skip_unused_vision_layers(base: Any) -> int:
    """Make the vision layers after the last one that is read pass their input through.

    Args:
        base: a model with `vision_tower` and `config.vision_feature_layer` (LLaVA's layout); others stay as they are.

    Returns:
        How many layers are skipped.
    """
    wanted = getattr(base.config, "vision_feature_layer", None)
    tower = getattr(base, "vision_tower", None)
    if wanted is None or tower is None:
        return 0
    stacks = [module for name, module in tower.named_modules() if name.endswith("layers") and len(list(module))]
    if len(stacks) != 1:
        return 0
    layers = list(stacks[0])
    read = max(index % (len(layers) + 1) for index in ([wanted] if isinstance(wanted, int) else wanted))
    for layer in layers[read:]:
        layer.forward = _pass_through
    return len(layers) - read


def _pass_through(hidden_states: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
    return hidden_states

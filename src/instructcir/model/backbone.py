"""A loaded multimodal LLM as a function from packed rows to unit vectors; nothing else calls its forward pass."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import torch
from torch.nn.functional import normalize, pad
from transformers import DynamicCache

from instructcir.model.features import features_once
from instructcir.model.lean import multiply_in_float32, streamline
from instructcir.model.own_pass import own_pass_length
from instructcir.model.packing import Packed, Row, pack
from instructcir.model.placement import computes_in_float32
from instructcir.model.preparation import PreparedImage
from instructcir.model.shortcuts import LastLayer, skip_unused_vision_layers

# shapes: B rows, T tokens of a row, P tokens of a prefix, R vectors of a row, D hidden size, A position axes (1 or 3)


@dataclass(frozen=True, slots=True)
class PrefixState:
    """A prefix that has been computed: keys and values of every layer.

    Attributes:
        layers: (keys, values) of each layer, each (1, heads, P, head size).
        length: P.
        next_position: where the first token after the prefix stands.
    """

    layers: tuple[tuple[torch.Tensor, torch.Tensor], ...]
    length: int
    next_position: int

    @property
    def nbytes(self) -> int:
        """Bytes of all keys and values."""
        return sum(keys.nbytes + values.nbytes for keys, values in self.layers)

    def cut(self, words: int) -> PrefixState:
        """The state before its last `words` tokens, all of them text; no copy is made."""
        layers = tuple(
            (keys[:, :, : self.length - words], values[:, :, : self.length - words]) for keys, values in self.layers
        )
        return PrefixState(layers, self.length - words, self.next_position - words)


P = ParamSpec("P")
T = TypeVar("T")


def _one_at_a_time(method: Callable[Concatenate[Backbone, P], T]) -> Callable[Concatenate[Backbone, P], T]:
    """A pass changes the model's state: what is read of its last layer, and rotations that depend on the length."""

    def locked(self: Backbone, /, *args: P.args, **kwargs: P.kwargs) -> T:
        with self._lock:
            return method(self, *args, **kwargs)

    return wraps(method)(locked)


class Backbone:
    """A transformers image-text model, wrapped. Safe to use from threads: they take turns.

    Args:
        model: any image-text chat model, in evaluation mode, on its device.
        image_token_ids: ids that stand for parts of a picture.
        pad_id: id to pad with; never an image token.
        for_training: take only forms that gradients pass through, at the price of some speed.
    """

    def __init__(self, model: Any, image_token_ids: Sequence[int], pad_id: int, *, for_training: bool = False) -> None:
        self.model = model
        self.base = model.base_model
        self.decoder = self.base.get_decoder()
        self.device: torch.device = self.base.get_input_embeddings().weight.device
        self.image_token_ids = torch.tensor(sorted(set(image_token_ids)))
        self.pad_id = pad_id
        text_config = model.config.get_text_config(decoder=True)
        self.dimension: int = text_config.hidden_size
        self.longest: int = text_config.max_position_embeddings
        self.own_pass_length = own_pass_length(text_config)
        self._takes = set(inspect.signature(self.base.forward).parameters)
        self._lock = threading.RLock()
        if not for_training and computes_in_float32(self.device, self.base.get_input_embeddings().weight.dtype):
            multiply_in_float32(model)
        self.streamlined = streamline(model, for_training=for_training)
        self._last_layer = LastLayer(self.decoder)
        self.skipped_vision_layers = skip_unused_vision_layers(self.base)

    @property
    def may_share(self) -> bool:
        """Whether attention is plainly causal, as far as the model's signature tells.

        Models that want to be told which tokens are picture, but do not place them in three dimensions, let a picture's
        tokens see each other both ways.
        """
        return self._rotates_in_3d or not {"token_type_ids", "mm_token_type_ids"} & self._takes

    @property
    def dtype(self) -> torch.dtype:
        """Type that the decoder's states are computed in."""
        return self.decoder.layers[-1].input_layernorm.weight.dtype  # type: ignore[no-any-return]

    @_one_at_a_time
    @torch.inference_mode()
    def embed(self, rows: Sequence[Row], images: Sequence[PreparedImage]) -> list[torch.Tensor]:
        """One unit vector for each suffix of each row.

        Args:
            rows: all with a picture, or all without.
            images: the pictures of the rows in their order, of one signature; empty for text.

        Returns:
            For each row, (its suffixes, D) float32.
        """
        packed = pack(rows, self.pad_id)
        unit = normalize(self.states(rows, images, packed, packed.ends).float(), dim=-1).cpu()
        return [unit[b, : len(row.suffixes)] for b, row in enumerate(rows)]

    def states(
        self, rows: Sequence[Row], images: Sequence[PreparedImage], packed: Packed, reads: torch.Tensor
    ) -> torch.Tensor:
        """Final hidden states (B, R, D) of packed rows at the positions `reads` (B, R); gradients pass if enabled."""
        inputs = self._image_inputs(images)
        positions = self._positions(packed, [len(row.prefix) for row in rows], inputs)
        with self._last_layer.reading(reads.to(self.device)):
            return self.base(  # type: ignore[no-any-return]
                input_ids=packed.ids.to(self.device),
                attention_mask=self._additive(packed.visible),
                position_ids=positions,
                use_cache=False,
                **inputs,
            ).last_hidden_state

    @_one_at_a_time
    @torch.inference_mode()
    def embed_cold(self, rows: Sequence[Row], images: Sequence[PreparedImage]) -> list[torch.Tensor]:
        """The same by the model's own forward pass, one suffix a row, padded on the right: slow, and the oracle."""
        sequences = [row.prefix + suffix for row in rows for suffix in row.suffixes]
        if len(sequences) != len(rows):
            raise ValueError("a cold row holds one suffix")
        width = max(map(len, sequences))
        ids = torch.tensor([list(seq) + [self.pad_id] * (width - len(seq)) for seq in sequences])
        mask = torch.tensor([[1] * len(seq) + [0] * (width - len(seq)) for seq in sequences])
        inputs = self._image_inputs(images)
        for name in {"mm_token_type_ids", "token_type_ids"} & self._takes:
            inputs[name] = torch.isin(ids, self.image_token_ids).long().to(self.device)
        if hasattr(self.base, "rope_deltas"):
            self.base.rope_deltas = None
        states = self.base(
            input_ids=ids.to(self.device), attention_mask=mask.to(self.device), use_cache=False, **inputs
        ).last_hidden_state.float()
        return [normalize(states[b, len(seq) - 1], dim=-1)[None].cpu() for b, seq in enumerate(sequences)]

    def start(self, prefix: Sequence[int], image: PreparedImage) -> PrefixState:
        """Compute one prefix and keep its keys and values."""
        return self.start_each([prefix], [image])[0]

    @_one_at_a_time
    @torch.inference_mode()
    def start_each(self, prefixes: Sequence[Sequence[int]], images: Sequence[PreparedImage]) -> list[PrefixState]:
        """Prefixes of one length, each with its picture, all of one signature, in one pass."""
        ids = torch.tensor([list(prefix) for prefix in prefixes])
        count, length = ids.shape
        inputs = self._image_inputs(images)
        placed, following = zip(*(self._prefix_positions(ids[b], inputs, b) for b in range(count)), strict=True)
        positions = torch.stack(placed, dim=1)  # (A, B, P)
        cache = DynamicCache()
        visible = torch.ones(length, length, dtype=torch.bool).tril().expand(count, -1, -1)
        with self._last_layer.reading(torch.zeros(count, 0, dtype=torch.long, device=self.device)):
            self.base(
                input_ids=ids.to(self.device),
                attention_mask=self._additive(visible),
                position_ids=(positions if self._rotates_in_3d else positions[0]).to(self.device),
                past_key_values=cache,
                use_cache=True,
                **inputs,
            )
        kept: Any = cache.layers

        def own(tensor: torch.Tensor, b: int) -> torch.Tensor:
            return tensor if count == 1 else tensor[b : b + 1].clone()  # a view would keep all of them alive

        return [
            PrefixState(tuple((own(x.keys, b), own(x.values, b)) for x in kept), length, following[b])
            for b in range(count)
        ]

    def go_on(self, state: PrefixState, suffixes: Sequence[tuple[int, ...]]) -> torch.Tensor:
        """Unit vectors (suffixes, D) float32 of prompts that begin with a computed prefix, in one pass."""
        return self.go_on_each([state], [suffixes])[0]

    @_one_at_a_time
    @torch.inference_mode()
    def go_on_each(
        self, states: Sequence[PrefixState], suffixes: Sequence[Sequence[tuple[int, ...]]]
    ) -> list[torch.Tensor]:
        """The same for several prefixes, each with suffixes of its own, in one pass; keys and values are copied."""
        packed = pack([Row((), tuple(some), ()) for some in suffixes], self.pad_id)
        longest = max(state.length for state in states)
        cache = DynamicCache(_side_by_side(states, longest))
        lengths = torch.tensor([state.length for state in states])
        seen = (torch.arange(longest) < lengths[:, None])[:, None].expand(-1, packed.ids.shape[1], -1)
        positions = packed.after + torch.tensor([[state.next_position] for state in states])
        positions = positions.clamp(min=0).to(self.device)
        with self._last_layer.reading(packed.ends.to(self.device)):
            found = self.base(
                input_ids=packed.ids.to(self.device),
                attention_mask=self._additive(torch.cat([seen, packed.visible], dim=2)),
                position_ids=positions.expand(3, -1, -1) if self._rotates_in_3d else positions,
                past_key_values=cache,
                use_cache=True,
            ).last_hidden_state
        unit = normalize(found.float(), dim=-1).cpu()
        return [unit[b, : len(some)] for b, some in enumerate(suffixes)]

    @property
    def _rotates_in_3d(self) -> bool:
        return hasattr(self.base, "get_rope_index")

    def _positions(self, packed: Packed, starts: Sequence[int], inputs: dict[str, Any]) -> torch.Tensor:
        """(B, T), or (3, B, T) for models that place picture tokens in time, height and width."""
        rows, width = packed.ids.shape
        axes = 3 if self._rotates_in_3d else 1
        positions = torch.zeros(axes, rows, width, dtype=torch.long)
        for b, start in enumerate(starts):
            placed, following = self._prefix_positions(packed.ids[b, :start], inputs, b)
            positions[:, b, :start] = placed
            positions[:, b, start:] = packed.after[b, start:].clamp(min=0) + following
        return (positions if axes > 1 else positions[0]).to(self.device)

    def _prefix_positions(self, ids: torch.Tensor, inputs: dict[str, Any], number: int = 0) -> tuple[torch.Tensor, int]:
        """Positions (A, P) of a prefix, and where the next token stands."""
        axes = 3 if self._rotates_in_3d else 1
        if axes == 1 or "image_grid_thw" not in inputs:
            return torch.arange(len(ids)).expand(axes, -1), len(ids)
        placed, _ = self.base.get_rope_index(
            ids[None],
            mm_token_type_ids=torch.isin(ids, self.image_token_ids).int()[None],
            image_grid_thw=inputs["image_grid_thw"][number : number + 1].cpu(),
        )
        return placed[:, 0], int(placed.max()) + 1

    def _image_inputs(self, images: Sequence[PreparedImage]) -> dict[str, Any]:
        """Pixels, and what goes with them; for pictures that stand in several rows their features instead."""
        distinct = list({id(image): image for image in images}.values())
        inputs = self._stacked(distinct)
        if len(distinct) == len(images):
            return inputs
        numbers = {id(image): number for number, image in enumerate(distinct)}
        features = features_once(self.base, distinct, inputs, [numbers[id(image)] for image in images])
        repeated = self._stacked(images)
        if features is None:
            return repeated
        rest = {name: value for name, value in repeated.items() if not name.startswith("pixel_")}
        return {**rest, "mm_encoder_outputs": {"image": features}}

    def _stacked(self, images: Sequence[PreparedImage]) -> dict[str, Any]:
        if not images:
            return {}
        names = images[0].tensors.keys() & self._takes | ({"pixel_values"} & images[0].tensors.keys())
        inputs = {name: torch.cat([image.tensors[name] for image in images]).to(self.device) for name in names}
        return {name: value.to(self.dtype) if value.is_floating_point() else value for name, value in inputs.items()}

    def _additive(self, visible: torch.Tensor) -> torch.Tensor:
        """(B, Q, K) bool as the additive mask (B, 1, Q, K) that every attention of transformers takes."""
        low = torch.finfo(self.dtype).min
        return torch.zeros(visible.shape, dtype=self.dtype).masked_fill_(~visible, low)[:, None].to(self.device)


def _side_by_side(states: Sequence[PrefixState], longest: int) -> tuple[tuple[torch.Tensor, torch.Tensor], ...]:
    """Keys and values of prefixes as those of a batch, the shorter ones padded on the right."""
    if len(states) == 1:
        return states[0].layers
    layers = zip(*(state.layers for state in states), strict=True)
    return tuple(
        (
            torch.cat([pad(keys, (0, 0, 0, longest - keys.shape[2])) for keys, _ in layer]),
            torch.cat([pad(values, (0, 0, 0, longest - values.shape[2])) for _, values in layer]),
        )
        for layer in layers
    )

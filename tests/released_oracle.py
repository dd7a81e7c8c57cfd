"""The released InstructCIR model in plain torch: written from its description, without any of transformers' code.

CLIP tower (penultimate layer, class token dropped), two-layer GELU projector, Llama decoder with grouped heads and
longrope, the last position after the final norm, L2. One prompt at a time, no cache, no batch.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import conv2d, gelu, layer_norm, linear, normalize, silu

# shapes: T tokens, P patches, D width of the decoder, H heads, h width of a head

GALLERY = "<image>\n Describe this image in one word:"
QUERY = '<image>Modify this image with "{}", desribe modified image in one word:'
TEXT = "{}\nSummary above sentence in one word:"


class ReleasedOracle:
    def __init__(self, folder: Path) -> None:
        self.config: dict[str, Any] = json.loads((folder / "config.json").read_text())
        self.pixels: dict[str, Any] = json.loads((folder / "preprocessor_config.json").read_text())
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.weights: dict[str, Tensor] = {}
        for file in sorted(folder.glob("*.safetensors")):
            self.weights |= load_file(file)
        for file in sorted(folder.glob("*.bin")):
            self.weights |= torch.load(file, weights_only=True)

    def gallery(self, image: Image.Image) -> np.ndarray[Any, Any]:
        return self.embed(GALLERY, image)

    def query(self, image: Image.Image, modification: str) -> np.ndarray[Any, Any]:
        return self.embed(QUERY.format(modification), image)

    def text(self, text: str) -> np.ndarray[Any, Any]:
        return self.embed(TEXT.format(text), None)

    def ids(self, user: str) -> list[int]:
        chat = f"<|user|>\n{user}<|end|>\n<|assistant|>\n"
        ids: list[int] = self.tokenizer.encode(chat).ids  # the tokenizer puts <s> before it
        return ids

    def length(self, user: str) -> int:
        """Tokens of a prompt with its picture."""
        patches = (self.config["vision_config"]["image_size"] // self.config["vision_config"]["patch_size"]) ** 2
        ids = self.ids(user)
        return len(ids) + ids.count(self.config["image_token_index"]) * (patches - 1)

    def embed(self, user: str, image: Image.Image | None) -> np.ndarray[Any, Any]:
        ids = torch.tensor(self.ids(user))
        states = self.weights["language_model.model.embed_tokens.weight"][ids]
        if image is not None:
            at = int((ids == self.config["image_token_index"]).nonzero())
            states = torch.cat([states[:at], self.projected(self.tower(self.prepared(image))), states[at + 1 :]])
        vector: np.ndarray[Any, Any] = normalize(self.decoder(states)[-1], dim=0).numpy()
        return vector

    def prepared(self, image: Image.Image) -> Tensor:
        """(3, S, S): shortest side to S, bicubic, centre cut out, normalised."""
        side, shortest = self.pixels["crop_size"]["height"], self.pixels["size"]["shortest_edge"]
        width, height = image.size
        short, long = min(width, height), max(width, height)
        sizes = shortest, int(shortest * long / short)
        width, height = sizes if width <= height else sizes[::-1]
        values = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))
        top, left = (height - side) // 2, (width - side) // 2
        values = values[top : top + side, left : left + side].astype(np.float32) / 255
        mean, std = (np.array(self.pixels[name], np.float32) for name in ("image_mean", "image_std"))
        return torch.from_numpy((values - mean) / std).permute(2, 0, 1)

    def tower(self, pixels: Tensor) -> Tensor:
        """(P, width of the tower) of the last but one layer."""
        config, name = self.config["vision_config"], "vision_tower.vision_model."
        patches = conv2d(
            pixels[None], self.weights[f"{name}embeddings.patch_embedding.weight"], stride=config["patch_size"]
        )
        states = (
            torch.cat([self.weights[f"{name}embeddings.class_embedding"][None], patches[0].flatten(1).T])
            + self.weights[f"{name}embeddings.position_embedding.weight"]
        )
        states = self._normed(states, f"{name}pre_layrnorm")
        for number in range(config["num_hidden_layers"] - 1):
            layer = f"{name}encoder.layers.{number}."
            normed = self._normed(states, f"{layer}layer_norm1")
            q, k, v = (
                self._linear(normed, f"{layer}self_attn.{part}_proj").unflatten(-1, (config["num_attention_heads"], -1))
                for part in "qkv"
            )
            mixed = attention(q, k, v, torch.zeros(len(states), len(states)))
            states = states + self._linear(mixed, f"{layer}self_attn.out_proj")
            inner = self._linear(self._normed(states, f"{layer}layer_norm2"), f"{layer}mlp.fc1")
            states = states + self._linear(inner * torch.sigmoid(1.702 * inner), f"{layer}mlp.fc2")
        return states[1:]

    def projected(self, features: Tensor) -> Tensor:
        name = "multi_modal_projector.linear_"
        return self._linear(gelu(self._linear(features, f"{name}1")), f"{name}2")

    def decoder(self, states: Tensor) -> Tensor:
        config, name = self.config["text_config"], "language_model.model."
        heads, groups = config["num_attention_heads"], config["num_key_value_heads"]
        cos, sin = self.rotations(len(states))
        mask = torch.full((len(states), len(states)), -torch.inf).triu(1)
        for number in range(config["num_hidden_layers"]):
            layer = f"{name}layers.{number}."
            normed = self._rms(states, f"{layer}input_layernorm")
            q = self._linear(normed, f"{layer}self_attn.q_proj").unflatten(-1, (heads, -1))
            k = self._linear(normed, f"{layer}self_attn.k_proj").unflatten(-1, (groups, -1))
            v = self._linear(normed, f"{layer}self_attn.v_proj").unflatten(-1, (groups, -1))
            k, v = (part.repeat_interleave(heads // groups, 1) for part in (rotated(k, cos, sin), v))
            states = states + self._linear(attention(rotated(q, cos, sin), k, v, mask), f"{layer}self_attn.o_proj")
            normed = self._rms(states, f"{layer}post_attention_layernorm")
            gate = silu(self._linear(normed, f"{layer}mlp.gate_proj"))
            states = states + self._linear(gate * self._linear(normed, f"{layer}mlp.up_proj"), f"{layer}mlp.down_proj")
        return self._rms(states, f"{name}norm")

    def rotations(self, length: int) -> tuple[Tensor, Tensor]:
        """Cosines and sines (T, 1, h) of longrope: other factors for prompts longer than the original context."""
        config = self.config["text_config"]
        width = config["hidden_size"] // config["num_attention_heads"]
        original = config["original_max_position_embeddings"]
        factors = torch.tensor(config["rope_scaling"]["long_factor" if length > original else "short_factor"])
        frequencies = 1 / (factors * 10000.0 ** (torch.arange(0, width, 2) / width))
        grown = config["max_position_embeddings"] / original
        factor = math.sqrt(1 + math.log(grown) / math.log(original)) if grown > 1 else 1.0
        angles = torch.arange(length)[:, None] * torch.cat([frequencies, frequencies])
        return angles.cos()[:, None] * factor, angles.sin()[:, None] * factor

    def _linear(self, states: Tensor, name: str) -> Tensor:
        return linear(states, self.weights[f"{name}.weight"], self.weights.get(f"{name}.bias"))

    def _normed(self, states: Tensor, name: str) -> Tensor:
        return layer_norm(
            states, states.shape[-1:], self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], eps=1e-5
        )

    def _rms(self, states: Tensor, name: str) -> Tensor:
        size = states.square().mean(-1, keepdim=True)
        return states * (size + self.config["text_config"]["rms_norm_eps"]).rsqrt() * self.weights[f"{name}.weight"]


def rotated(states_THh: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = states_THh.chunk(2, dim=-1)
    return states_THh * cos + torch.cat([-second, first], dim=-1) * sin


def attention(q_THh: Tensor, k_THh: Tensor, v_THh: Tensor, mask_TT: Tensor) -> Tensor:
    scores = torch.einsum("qhd,khd->hqk", q_THh, k_THh) / math.sqrt(q_THh.shape[-1]) + mask_TT
    return torch.einsum("hqk,khd->qhd", scores.softmax(-1), v_THh).flatten(1)

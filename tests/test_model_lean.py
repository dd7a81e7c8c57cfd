"""Arithmetic in fewer passes gives what the modules' own forward gives; anything that differs is left alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from transformers.activations import QuickGELUActivation
from transformers.models.gemma3.modeling_gemma3 import Gemma3RMSNorm
from transformers.models.llama.configuration_llama import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaMLP, LlamaRMSNorm

from instructcir.model import lean
from instructcir.model.lean import multiply_in_float32, streamline


def llama_norm(width: int = 37) -> nn.Module:
    norm = LlamaRMSNorm(width, eps=1e-5)
    nn.init.normal_(norm.weight, 1.0, 0.3)
    return norm


def llama_gate() -> nn.Module:
    return LlamaMLP(LlamaConfig(hidden_size=24, num_attention_heads=4, intermediate_size=41, hidden_act="silu"))


@pytest.mark.parametrize(
    ("make", "width", "kind"),
    [(llama_norm, 37, "norm"), (llama_gate, 24, "gate"), (QuickGELUActivation, 19, "activation")],
)
@pytest.mark.parametrize(("dtype", "bound"), [(torch.float32, 1e-6), (torch.bfloat16, 2e-2)])
def test_a_replacement_computes_what_the_module_computed(
    make: Any, width: int, kind: str, dtype: torch.dtype, bound: float
) -> None:
    torch.manual_seed(0)
    module = make().to(dtype).eval()
    numbers = torch.randn(3, 5, width).to(dtype)
    with torch.inference_mode():
        before = module(numbers.clone())
        assert streamline(module) == {kind: 1}
        after = module(numbers.clone())
    assert "forward" in vars(module)
    assert after.dtype == before.dtype
    torch.testing.assert_close(after, before, atol=bound, rtol=bound)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_a_norm_made_for_training_has_its_modules_values_and_gradients(kind: torch.dtype) -> None:
    torch.manual_seed(0)
    norm = llama_norm()
    drawn, outer = torch.randn(3, 5, 37).to(kind), torch.randn(3, 5, 37)
    found = []
    for replaced in ({}, {"norm": 1}):
        if replaced:
            assert streamline(norm, for_training=True) == replaced
        numbers = drawn.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16):  # products in bfloat16 around it must not reach into it
            states = norm(numbers)
        (states.float() * outer).sum().backward()
        found.append([states, numbers.grad, norm.weight.grad.clone()])
        norm.weight.grad = None
    bound = 1e-5 if kind == torch.float32 else 2e-2
    for own, ours in zip(*found, strict=True):
        assert own.dtype == ours.dtype
        torch.testing.assert_close(ours, own, atol=bound, rtol=bound)


def test_a_norm_that_is_not_learned_has_no_gradient_and_passes_one_on() -> None:
    norm = llama_norm().requires_grad_(False)
    streamline(norm, for_training=True)
    numbers = torch.randn(4, 37).requires_grad_()
    norm(numbers).sum().backward()
    assert norm.weight.grad is None
    assert numbers.grad is not None


def test_for_training_gates_and_activations_stay_as_they_are() -> None:
    assert streamline(nn.Sequential(llama_gate(), QuickGELUActivation()), for_training=True) == {}


def test_a_norm_of_another_formula_is_left_alone() -> None:
    norm = Gemma3RMSNorm(32)  # multiplies by 1 + weight
    nn.init.normal_(norm.weight)
    assert streamline(norm) == {}
    assert "forward" not in vars(norm)


def test_a_gate_of_another_activation_is_left_alone() -> None:
    gate = LlamaMLP(LlamaConfig(hidden_size=24, num_attention_heads=4, intermediate_size=41, hidden_act="gelu"))
    assert streamline(gate) == {}


def test_a_norm_with_large_and_tiny_values_stays_finite_and_right() -> None:
    norm = llama_norm()
    numbers = torch.randn(4, 37) * torch.tensor([1e-6, 1.0, 1e4, 1e8])[:, None]
    with torch.inference_mode():
        before = norm(numbers)
        streamline(norm)
        torch.testing.assert_close(norm(numbers), before, atol=1e-5, rtol=1e-5)


def bfloat16_pair(layer: nn.Module) -> tuple[nn.Module, nn.Module]:
    """The same weights rounded to bfloat16: kept so, and in float32."""
    layer = layer.to(torch.bfloat16)
    wide: nn.Module = type(layer)(**{name: getattr(layer, name) for name in ARGUMENTS[type(layer)]})
    wide.load_state_dict({name: value.float() for name, value in layer.state_dict().items()})
    return layer, wide


ARGUMENTS: dict[type, tuple[str, ...]] = {
    nn.Linear: ("in_features", "out_features"),
    nn.Embedding: ("num_embeddings", "embedding_dim"),
}


@pytest.mark.parametrize(("inputs", "outputs", "rows"), [(300, 333, 1), (257, 1031, 7), (1031, 257, 64)])
def test_bfloat16_weights_are_multiplied_in_float32(
    inputs: int, outputs: int, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lean, "_CHUNK", 1 << 15)  # several pieces, the last one odd
    narrow, wide = bfloat16_pair(nn.Linear(inputs, outputs))
    model = nn.Sequential(narrow)
    multiply_in_float32(model)
    numbers = torch.randn(2, rows, inputs)
    with torch.inference_mode():
        torch.testing.assert_close(model(numbers), wide(numbers), atol=1e-5, rtol=1e-5)
    assert narrow.weight.dtype == torch.bfloat16
    assert narrow.bias.dtype == torch.float32


def test_a_bfloat16_embedding_table_gives_float32_rows() -> None:
    narrow, wide = bfloat16_pair(nn.Embedding(500, 200))
    multiply_in_float32(nn.Sequential(narrow))
    ids = torch.tensor([[0, 3, 499]])
    assert narrow(ids).dtype == torch.float32
    assert torch.equal(narrow(ids), wide(ids))


def test_small_layers_and_everything_else_become_float32() -> None:
    model = nn.Sequential(nn.Linear(8, 8), nn.LayerNorm(8)).to(torch.bfloat16)
    multiply_in_float32(model)
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}

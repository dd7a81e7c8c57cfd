"""Muon's steps: orthogonal for matrices, AdamW's for the rest; resumed as if never stopped."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from instructcir.training.muon import Muon, orthogonal


@pytest.mark.parametrize("shape", [(40, 60), (33, 70), (90, 35)])
def test_orthogonal_keeps_directions_and_levels_their_lengths(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    found = orthogonal(matrix)
    values = torch.diagonal(left.T @ found @ right.T)
    assert values.min() > 0.5
    assert values.max() < 1.3
    rest = found - left @ torch.diag(values) @ right
    assert rest.abs().max() < 1e-8  # nothing but the matrix's own singular directions


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.words = nn.Embedding(50, 40)
        self.inner = nn.Linear(40, 48)
        self.classes = nn.Linear(48, 50, bias=False)
        self.back = nn.Linear(48, 40, bias=False)
        self.tied = nn.Linear(40, 50, bias=False)
        self.tied.weight = self.words.weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = self.tied(self.back(torch.tanh(self.inner(self.words(ids)))))
        return hidden


def test_only_inner_matrices_are_moved_orthogonally() -> None:
    model = Small()
    model.classes.weight.requires_grad_(False)
    optimiser = Muon(model, 0.02, 1e-3)
    chosen = {id(weight) for group in optimiser.param_groups if group["orthogonal"] for weight in group["params"]}
    assert chosen == {id(model.inner.weight), id(model.back.weight)}
    held = sum(len(group["params"]) for group in optimiser.param_groups)
    assert held == sum(weight.requires_grad for weight in model.parameters())


def test_the_rest_moves_as_by_adamw() -> None:
    ours, theirs = Small(), Small()
    rest = [theirs.words.weight, theirs.inner.bias]
    adamw = torch.optim.AdamW(
        [{"params": [rest[0]], "weight_decay": 0.1}, {"params": [rest[1]], "weight_decay": 0.0}],
        lr=1e-2, betas=(0.9, 0.98),
    )  # fmt: skip
    muon = Muon(ours, 0.0, 1e-2, weight_decay=0.1)
    ids = torch.arange(50)
    for _ in range(4):
        for model, optimiser in ((ours, muon), (theirs, adamw)):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(ids), ids).backward()
            optimiser.step()
    assert torch.allclose(ours.words.weight, theirs.words.weight, atol=1e-6)
    assert torch.allclose(ours.inner.bias, theirs.inner.bias, atol=1e-6)
    assert torch.equal(ours.inner.weight, theirs.inner.weight)  # rate 0


def test_a_step_is_as_large_as_its_rate_says_and_lowers_the_loss() -> None:
    model, ids = Small(), torch.arange(50)
    optimiser = Muon(model, 0.01, 1e-3)
    losses = []
    for number in range(30):
        before = model.inner.weight.detach().clone()
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(model(ids), ids)
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
        if number == 0:
            moved = (model.inner.weight.detach() - before).square().mean().sqrt()
            assert float(moved) == pytest.approx(0.2 * 0.01, rel=0.4)
    assert losses[-1] < losses[0] - 1


def test_a_resumed_optimiser_goes_on_where_it_was() -> None:
    model, ids = Small(), torch.arange(50)
    optimiser = Muon(model, 0.01, 1e-3, weight_decay=0.1)

    def learn(model: Small, optimiser: Muon) -> None:
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(ids), ids).backward()
        optimiser.step()

    for _ in range(3):
        learn(model, optimiser)
    again = copy.deepcopy(model)
    resumed = Muon(again, 0.01, 1e-3, weight_decay=0.1)
    resumed.load_state_dict(copy.deepcopy(optimiser.state_dict()))
    for _ in range(3):
        learn(model, optimiser)
        learn(again, resumed)
    for one, other in zip(model.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)

"""Muon: matrices move by orthogonal steps, all other weights by AdamW.

Momentum of a matrix is brought near the closest orthogonal matrix by five Newton-Schulz iterations (Keller Jordan et
al., Muon, 2024), and scaled so that its entries move as far as AdamW's would (Liu et al., arXiv 2502.16982). PyTorch's
own Muon multiplies in bfloat16 on every device: on processors that only emulate it this takes longer than the training
step itself. This one multiplies in the type that it is told to, and is one optimiser for all weights. Processes that
train together share the iterations: each does its part of the matrices and gets the others' from them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import distributed, nn
from torch.optim import Optimizer

from instructcir.training.gathering import processes

_ITERATIONS = 5
_COEFFICIENTS = (3.4445, -4.775, 2.0315)  # Jordan et al.: steep at zero, so that small singular values grow fast
_ENTRIES = 0.2  # root mean square of a step's entries at a learning rate of 1; AdamW's steps have about this
_SMALLEST = 32  # matrices with a shorter side gain nothing


class Muon(Optimizer):
    """Muon for the matrices inside a model's layers, AdamW for embeddings, vectors and convolutions.

    Args:
        model: whose weights that require gradients are moved.
        matrix_rate: learning rate of the matrices.
        learning_rate: learning rate of all other weights.
        momentum: of the matrices (Nesterov).
        betas: AdamW's.
        weight_decay: of both, in proportion to their learning rates; vectors have none.
        products: type of the iterations' products; None for the weights' own.
    """

    def __init__(
        self,
        model: nn.Module,
        matrix_rate: float,
        learning_rate: float,
        *,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.98),
        weight_decay: float = 0.0,
        products: torch.dtype | None = None,
    ) -> None:
        self._products = products
        matrices = _matrices(model)
        chosen = {id(weight) for weight in matrices}
        rest = [weight for weight in model.parameters() if weight.requires_grad and id(weight) not in chosen]
        groups: list[dict[str, Any]] = [
            {"params": matrices, "lr": matrix_rate, "weight_decay": weight_decay, "orthogonal": True},
            {"params": [w for w in rest if w.ndim > 1], "lr": learning_rate, "weight_decay": weight_decay},
            {"params": [w for w in rest if w.ndim <= 1], "lr": learning_rate, "weight_decay": 0.0},
        ]
        defaults = {"momentum": momentum, "betas": betas, "orthogonal": False}
        super().__init__([group for group in groups if group["params"]], defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Move every weight that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            moved = [weight for weight in group["params"] if weight.grad is not None]
            if group["orthogonal"]:
                states = [self.state[weight] for weight in moved]
                steps = _orthogonal_steps(moved, states, group, self._products)
            else:
                steps = [_adam_step(weight, self.state[weight], group) for weight in moved]
            for weight, step in zip(moved, steps, strict=True):
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.sub_(step, alpha=group["lr"])
        return loss


def _matrices(model: nn.Module) -> list[torch.Tensor]:
    """Weights of linear layers, but for those that are shared with embeddings or that end in classes."""
    embeddings = {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding)}
    linear = {id(m.weight): m.weight for m in model.modules() if isinstance(m, nn.Linear)}
    return [
        weight
        for number, weight in linear.items()
        if number not in embeddings and weight.requires_grad and min(weight.shape) >= _SMALLEST
    ]


def _orthogonal_steps(
    weights: list[torch.Tensor], states: list[dict[str, Any]], group: dict[str, Any], products: torch.dtype | None
) -> list[torch.Tensor]:
    """Where each matrix goes; all processes have all gradients and momenta, so that each may do any of them."""
    count, own = processes(), distributed.get_rank() if processes() > 1 else 0
    steps = []
    for number, (weight, state) in enumerate(zip(weights, states, strict=True)):
        gradient = weight.grad
        assert gradient is not None
        momentum: torch.Tensor = state.setdefault("momentum", torch.zeros_like(weight))
        momentum.lerp_(gradient, 1 - group["momentum"])
        size: float = _ENTRIES * max(weight.shape) ** 0.5
        mine = number % count == own
        towards = gradient.lerp(momentum, group["momentum"])
        steps.append(orthogonal(towards, products) * size if mine else torch.zeros_like(weight))
    if count > 1 and steps:
        together = torch.cat([step.flatten() for step in steps])
        distributed.all_reduce(together)  # one of the summands is the step, the others are zero: exact
        parts = torch.split(together, [weight.numel() for weight in weights])
        steps = [part.view_as(weight) for part, weight in zip(parts, weights, strict=True)]
    return steps


def _adam_step(weight: torch.Tensor, state: dict[str, Any], group: dict[str, Any]) -> torch.Tensor:
    gradient = weight.grad
    assert gradient is not None
    if not state:
        state |= {"step": 0, "mean": torch.zeros_like(weight), "square": torch.zeros_like(weight)}
    first, second = group["betas"]
    state["step"] += 1
    state["mean"].lerp_(gradient, 1 - first)
    state["square"].mul_(second).addcmul_(gradient, gradient, value=1 - second)
    mean: torch.Tensor = state["mean"] / (1 - first ** state["step"])
    spread: torch.Tensor = (state["square"] / (1 - second ** state["step"])).sqrt_().add_(1e-8)
    return mean / spread


def orthogonal(matrix: torch.Tensor, products: torch.dtype | None = None) -> torch.Tensor:
    """A matrix with the same singular vectors, its singular values near 1 (0.7 to 1.2, unless next to nothing before).

    Args:
        matrix: (rows, columns).
        products: type to multiply in; None for the matrix's own.
    """
    a, b, c = _COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    near = matrix.T if tall else matrix
    near = (near / (near.norm() + 1e-7)).to(products or matrix.dtype)
    for _ in range(_ITERATIONS):
        square = near @ near.T
        near = a * near + (b * square + c * square @ square) @ near
    found: torch.Tensor = near.T if tall else near
    return found.to(matrix.dtype)

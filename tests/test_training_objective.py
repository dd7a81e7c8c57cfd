"""The paper's stage-2 loss: closed forms, the released code's values, and one batch over two processes."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import distributed, multiprocessing
from torch.nn import functional as F

from instructcir.training.gathering import gather
from instructcir.training.objective import at_dimensions, contrastive

PARITY = Path(__file__).parents[2] / "shared" / "parity" / "loss.npz"
needs_parity = pytest.mark.skipif(not PARITY.exists(), reason="the parity values are not beside this checkout")


def unit(count: int, width: int, seed: int) -> torch.Tensor:
    return F.normalize(torch.randn(count, width, generator=torch.Generator().manual_seed(seed)), dim=-1)


@pytest.mark.parametrize("batch", [1, 3, 7])
def test_zero_vectors_give_the_logarithm_of_the_number_of_choices(batch: int) -> None:
    zero = torch.zeros(batch, 5)
    assert contrastive(zero, zero).item() == pytest.approx(math.log(batch))
    assert contrastive(zero, zero, [zero, zero]).item() == pytest.approx(math.log(3 * batch))


def test_it_is_the_naive_sum() -> None:
    anchors, targets, negatives = unit(5, 7, 0), unit(5, 7, 1), unit(3, 7, 2)
    total = 0.0
    for q in range(5):
        columns = [anchors[q] @ t / 0.05 for t in targets] + [anchors[q] @ n / 0.05 for n in negatives]
        total -= math.log(math.exp(columns[q]) / sum(math.exp(c) for c in columns))
    assert contrastive(anchors, targets, [negatives]).item() == pytest.approx(total / 5, rel=1e-5)


def test_both_directions_average_the_two() -> None:
    anchors, targets = unit(4, 6, 0), unit(4, 6, 1)
    one, other = contrastive(anchors, targets), contrastive(targets, anchors)
    assert contrastive(anchors, targets, both_directions=True).item() == pytest.approx((one + other).item() / 2)


def test_an_equally_right_target_is_no_mistake() -> None:
    anchors, targets = unit(3, 6, 0), unit(3, 6, 1)
    targets[1] = targets[0]
    same = torch.tensor([[1, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=torch.bool)
    kept = F.cross_entropy((anchors[:1] @ targets[[0, 2]].T) / 0.05, torch.tensor([0]))
    each = [contrastive(anchors, targets, same_QQ=same)]
    assert each[0] < contrastive(anchors, targets)
    first = (anchors @ targets.T / 0.05)[:1, [0, 2]]
    assert F.cross_entropy(first, torch.tensor([0])).item() == pytest.approx(kept.item())


@pytest.mark.parametrize("both", [False, True])
def test_ones_own_kind_is_wrong_but_for_oneself_and_for_equals(both: bool) -> None:
    anchors, targets, negatives = unit(4, 7, 0), unit(4, 7, 1), unit(3, 7, 2)
    same = torch.eye(4, dtype=torch.bool)
    same[0, 2] = same[2, 0] = True

    def naive(ours: torch.Tensor, theirs: torch.Tensor, more: torch.Tensor) -> float:
        total = 0.0
        for q in range(4):
            columns = [theirs[t] for t in range(4) if t == q or not same[q, t]]
            columns += [ours[o] for o in range(4) if not same[q, o]] + list(more)
            total += sum((ours[q] @ column / 0.05).exp() for column in columns).log() - ours[q] @ theirs[q] / 0.05
        return total / 4

    expected = float(naive(anchors, targets, negatives))
    if both:
        expected = (expected + float(naive(targets, anchors, negatives[:0]))) / 2
    found = contrastive(anchors, targets, [negatives], both_directions=both, same_QQ=same, same_kind=True)
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_a_gap_between_two_kinds_costs_only_where_ones_own_kind_is_wrong() -> None:
    anchors, targets = unit(6, 8, 0), unit(6, 8, 1)
    one, other = torch.eye(2)[:1].expand(6, 2), torch.eye(2)[1:].expand(6, 2)
    apart = [torch.cat(blocks, dim=1) / math.sqrt(2) for blocks in ((anchors, one), (targets, other))]
    together = contrastive(anchors, targets, temperature=0.05)
    assert contrastive(*apart, temperature=0.025).item() == pytest.approx(together.item(), rel=1e-5)
    together = contrastive(anchors, targets, temperature=0.05, same_kind=True)
    assert contrastive(*apart, temperature=0.025, same_kind=True) > together + 10


def test_shorter_vectors_are_unit_again() -> None:
    blocks = at_dimensions([unit(4, 8, 0)], (3, 8))
    assert [block[0].shape[1] for block in blocks] == [3, 8]
    assert all(torch.allclose(block[0].norm(dim=-1), torch.ones(4)) for block in blocks)


@needs_parity
@pytest.mark.parametrize("name", ["b0", "b1"])
def test_value_and_gradients_are_the_released_ones(name: str) -> None:
    stored = np.load(PARITY)
    blocks = [torch.from_numpy(stored[f"{name}_z{n}"]).requires_grad_() for n in (1, 2, 3)]
    unit_blocks = [F.normalize(block, dim=-1) for block in blocks]
    loss = contrastive(unit_blocks[0], unit_blocks[1], [unit_blocks[2]])
    loss.backward()
    assert abs(loss.item() - float(stored[f"{name}_loss"])) < 1e-6
    for number, block in enumerate(blocks, start=1):
        assert block.grad is not None
        assert np.abs(block.grad.numpy() - stored[f"{name}_grad_z{number}"]).max() < 1e-6


def _rank(rank: int, folder: str, blocks: list[torch.Tensor]) -> None:
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    half = len(blocks[0]) // 2
    own = [block[rank * half : (rank + 1) * half].clone().requires_grad_() for block in blocks]
    every = [gather(F.normalize(block, dim=-1)) for block in own]
    loss = contrastive(every[0], every[1], [every[2]])
    loss.backward()  # type: ignore[no-untyped-call]
    torch.save([loss.detach(), *(block.grad for block in own)], os.path.join(folder, f"{rank}.pt"))
    distributed.destroy_process_group()


@pytest.mark.parametrize(
    "name", [pytest.param("b0", marks=needs_parity), pytest.param("b1", marks=needs_parity), "own"]
)
def test_two_processes_have_the_loss_and_gradients_of_one(name: str, tmp_path: Path) -> None:
    if name == "own":
        blocks = [unit(6, 9, seed) for seed in range(3)]
    else:
        stored = np.load(PARITY)
        blocks = [torch.from_numpy(stored[f"{name}_z{n}"]) for n in (1, 2, 3)]
    leaves = [block.clone().requires_grad_() for block in blocks]
    every = [F.normalize(leaf, dim=-1) for leaf in leaves]
    whole = contrastive(every[0], every[1], [every[2]])
    whole.backward()  # type: ignore[no-untyped-call]
    multiprocessing.spawn(_rank, (str(tmp_path), blocks), nprocs=2)
    parts = [torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1)]
    assert all(abs(part[0].item() - whole.item()) < 1e-6 for part in parts)
    for number, leaf in enumerate(leaves, start=1):
        assert leaf.grad is not None
        joined = torch.cat([part[number] for part in parts])
        assert (joined - leaf.grad).abs().max() < 1e-6
        if name != "own":
            for rank in (0, 1):
                released = torch.from_numpy(stored[f"{name}_world2_grad_z{number}_rank{rank}"])
                assert (parts[rank][number] - released).abs().max() < 1e-6


def test_it_is_the_loss_of_sentence_transformers() -> None:
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    blocks = [unit(6, 8, seed) for seed in range(3)]

    class Given(torch.nn.Module):
        """Gives the vectors that it is handed."""

        def forward(self, features: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            return {"sentence_embedding": features["given"]}

    theirs = MultipleNegativesRankingLoss(Given(), scale=20.0)  # type: ignore[arg-type]
    value = theirs([{"given": block} for block in blocks], torch.arange(6))
    assert contrastive(blocks[0], blocks[1], [blocks[2]]).item() == pytest.approx(value.item(), rel=1e-6)

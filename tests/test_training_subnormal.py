"""Numbers next to nothing are nothing while a model trains, and are themselves again afterwards."""

from __future__ import annotations

import pytest
import torch

from instructcir.training.subnormal import subnormal_as_zero


def survives() -> bool:
    return bool(torch.tensor(1e-40) * 1.0)


def test_within_they_are_zero_and_afterwards_themselves() -> None:
    if not torch.set_flush_denormal(False):
        pytest.skip("this processor cannot take them as zero")
    assert survives()
    with subnormal_as_zero():
        assert not survives()
        with subnormal_as_zero():
            assert not survives()
        assert not survives()
    assert survives()


def test_an_error_within_leaves_nothing_behind() -> None:
    with pytest.raises(KeyError), subnormal_as_zero():
        raise KeyError
    assert survives()

"""Device and number type, chosen for the machine; each machine is acted by patches."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from instructcir.errors import InputError
from instructcir.model import placement
from instructcir.model.placement import place

SMALL, LARGE = 1_000_000, 4_000_000_000


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine with no GPU, no bfloat16 and much memory."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(placement, "processor_multiplies_bfloat16", lambda: False)
    memory(monkeypatch, 10**12)
    return monkeypatch


def memory(monkeypatch: pytest.MonkeyPatch, available: int) -> None:
    monkeypatch.setattr(placement.psutil, "virtual_memory", lambda: SimpleNamespace(available=available))


def with_gpu(machine: pytest.MonkeyPatch, bfloat16: bool) -> None:
    machine.setattr(torch.cuda, "is_available", lambda: True)
    machine.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: bfloat16 or including_emulation)


def test_without_a_gpu_the_processor_is_taken_and_said_to_be(machine: pytest.MonkeyPatch) -> None:
    found = place("auto", "auto", SMALL)
    assert (found.device.type, found.stored) == ("cpu", torch.float32)
    assert found.why.startswith("cpu (no GPU found), float32 (")


@pytest.mark.parametrize("weights", [SMALL, LARGE])
def test_a_gpu_is_taken_with_bfloat16(machine: pytest.MonkeyPatch, weights: int) -> None:
    with_gpu(machine, bfloat16=True)
    found = place("auto", "auto", weights)
    assert (found.device.type, found.stored) == ("cuda", torch.bfloat16)
    assert "GPU" in found.why


def test_a_gpu_that_only_emulates_bfloat16_gets_float16(machine: pytest.MonkeyPatch) -> None:
    with_gpu(machine, bfloat16=False)
    assert place("auto", "auto", LARGE).stored == torch.float16


def test_the_processor_can_be_asked_for_beside_a_gpu(machine: pytest.MonkeyPatch) -> None:
    with_gpu(machine, bfloat16=True)
    found = place("cpu", "auto", SMALL)
    assert (found.device.type, found.stored) == ("cpu", torch.float32)
    assert "as asked" in found.why


def test_a_large_model_is_bfloat16_on_a_processor_that_multiplies_it(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(placement, "processor_multiplies_bfloat16", lambda: True)
    assert place("auto", "auto", LARGE).stored == torch.bfloat16
    assert place("auto", "auto", SMALL).stored == torch.float32


def test_a_large_model_is_float32_where_that_fits_and_bfloat16_where_it_does_not(machine: pytest.MonkeyPatch) -> None:
    assert place("auto", "auto", LARGE).stored == torch.float32
    memory(machine, LARGE * 4)  # the weights alone, and nothing else
    found = place("auto", "auto", LARGE)
    assert found.stored == torch.bfloat16
    assert "does not fit" in found.why


def test_where_products_are_widened_weights_stay_in_the_type_they_were_saved_in(machine: pytest.MonkeyPatch) -> None:
    memory(machine, LARGE * 4)
    assert place("auto", "auto", LARGE, torch.float16).stored == torch.float16
    assert place("auto", "auto", LARGE, torch.float32).stored == torch.bfloat16


@pytest.mark.parametrize(
    ("device", "stored", "native", "widened"),
    [
        ("cpu", torch.bfloat16, False, True),
        ("cpu", torch.bfloat16, True, False),
        ("cpu", torch.float16, True, True),  # no processor here multiplies it
        ("cpu", torch.float32, False, False),
        ("cuda", torch.float16, False, False),
    ],
)
def test_half_precision_is_widened_where_its_products_are_emulated(
    monkeypatch: pytest.MonkeyPatch, device: str, stored: torch.dtype, native: bool, widened: bool
) -> None:
    monkeypatch.setattr(placement, "processor_multiplies_bfloat16", lambda: native)
    assert placement.computes_in_float32(torch.device(device), stored) is widened


@pytest.mark.parametrize("amx", [False, True])
@pytest.mark.parametrize("avx", [False, True])
def test_either_instruction_set_multiplies_bfloat16(monkeypatch: pytest.MonkeyPatch, amx: bool, avx: bool) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx)
    assert placement.processor_multiplies_bfloat16() is (amx or avx)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_a_type_that_is_asked_for_is_taken(machine: pytest.MonkeyPatch, dtype: str) -> None:
    found = place("auto", dtype, LARGE)
    assert found.stored == getattr(torch, dtype)
    assert found.why.endswith(f"{dtype} (as asked)")


def test_an_unknown_type_is_refused_with_those_there_are(machine: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"^dtype 'int8' is unknown; use auto, float32, bfloat16, float16$"):
        place("auto", "int8", SMALL)


@pytest.mark.parametrize("device", ["abacus", "cpu:x", "", "meta", "cuda:99"])
def test_a_device_that_is_not_there_is_refused_in_one_line(device: str) -> None:
    with pytest.raises(InputError) as caught:
        place(device, "auto", SMALL)
    assert str(caught.value).startswith(f"device {device!r} cannot be used: ")
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 300


def test_bounds_follow_the_machines_memory(machine: pytest.MonkeyPatch) -> None:
    memory(machine, 1000)
    assert placement.prefix_bytes(torch.device("cpu")) == 100
    machine.setattr(torch.cuda, "mem_get_info", lambda device: (5000, 9000))
    assert placement.prefix_bytes(torch.device("cuda")) == 500
    assert placement.token_budget(torch.device("cpu")) < placement.token_budget(torch.device("cuda"))

"""Known-bad versions are recognised, and good ones are left in peace."""

from __future__ import annotations

import pytest
from packaging.specifiers import SpecifierSet

from instructcir.model.versions import BAD_PAIRS, SHOWN, cudnn_version, installed, requirements, troubles

OURS = [
    "torch>=2.6",
    "transformers<6,>=5.23",
    "sentence-transformers<7,>=6.2",
    "pillow>=11",
    "peft>=0.21; extra == 'lora'",
    "ruff>=0.17; extra == 'dev'",
]
GOOD = {
    "python": "3.12.1",
    "torch": "2.13.0+cpu",
    "transformers": "5.23.0",
    "sentence-transformers": "6.2.0",
    "pillow": "13.0.0",
    "peft": "0.21.2",
}


def found(asked: list[str] | None = None, **changes: str) -> list[str]:
    versions = {**GOOD, **{name.replace("_", "-"): version for name, version in changes.items()}}
    return [f"{bad.what}: {bad.trouble}" for bad in troubles(versions, OURS, asked or [])]


def test_good_versions_are_no_trouble() -> None:
    assert found() == []
    assert found(transformers="5.24.0.dev0", torch="2.14.0.dev20270101+cu130") == []
    assert found(torch="2.9.1+cpu") == []  # without cuDNN there is nothing to fall back from
    assert found(torch="2.10.0+cu128", cudnn="9.10.2") == []
    assert found(torch="2.9.1+cu128", cudnn="9.15.1") == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"torch": "2.9.1+cu128", "cudnn": "9.10.2"}, "torch 2.9.1+cu128 with cudnn 9.10.2: half-precision Conv3d"),
        ({"torch": "2.9.0", "cudnn": "9.15.1"}, "torch 2.9.0 with cudnn 9.15.1: half-precision Conv3d"),
        ({"transformers": "4.57.1"}, "transformers 4.57.1: outside the range this package is made for, <6,>=5.23"),
        ({"transformers": "6.0.0"}, "transformers 6.0.0: outside"),
        ({"sentence_transformers": "5.2.0"}, "sentence-transformers 5.2.0: outside"),
        ({"pillow": "10.4.0"}, "pillow 10.4.0: outside"),
        ({"peft": "0.20.1"}, "peft 0.20.1: outside the range this package is made for, >=0.21"),
    ],
)
def test_one_trouble(changes: dict[str, str], said: str) -> None:
    [line] = found(**changes)
    assert line.startswith(said)


def test_an_old_peft_is_told_with_its_reason() -> None:
    first, second = found(peft="0.17.1")
    assert "HybridCache" in first
    assert "outside" in second


@pytest.mark.parametrize(
    ("torchvision", "asked", "wrong"),
    [
        ("0.28.0+cpu", ["torch==2.13.0"], False),
        ("0.28.0", ["numpy", "torch==2.13.0", "gdown ; extra == 'gdown'"], False),
        ("0.24.1", ["torch==2.9.1"], True),
        ("0.28.0+cu130", ["torch==2.13.0"], True),
        ("0.28.0", [], False),
    ],
)
def test_torchvision_must_be_built_for_this_torch(torchvision: str, asked: list[str], wrong: bool) -> None:
    lines = found(asked, torchvision=torchvision)
    assert [("torchvision::nms" in line) for line in lines] == [True] * wrong


def test_odd_versions_do_no_harm() -> None:
    assert found(torch="2.13.0a0+git1234", transformers="unknown", torchvision="local") == []
    assert troubles({}, OURS, []) == []


@pytest.mark.parametrize(
    ("number", "version"), [(91002, "9.10.2"), (90100, "9.1.0"), (8905, "8.9.5"), (92100, "9.21.0")]
)
def test_cudnns_number(number: int, version: str) -> None:
    assert cudnn_version(number) == version


def test_this_machine_is_in_range() -> None:
    versions = installed()
    assert {"python", "torch", "transformers", "pillow"} <= set(versions)
    assert requirements("no-such-package-here") == []
    assert troubles(versions, requirements("instructcir"), requirements("torchvision")) == []


def test_every_entry_is_complete() -> None:
    for pair in BAD_PAIRS:
        SpecifierSet(pair.versions)
        SpecifierSet(pair.beside_versions)
        assert pair.package in SHOWN
        assert pair.seen.startswith("https://github.com/")
        assert pair.remedy

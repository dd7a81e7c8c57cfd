"""Versions that do not work together, as data, and the check of what is installed against them.

An entry is here because someone met it: its `seen` says where. Ranges that this package was tested with are not
repeated here but read from its own requirements.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

SHOWN = (
    "torch",
    "torchvision",
    "transformers",
    "sentence-transformers",
    "tokenizers",
    "huggingface-hub",
    "safetensors",
    "peft",
    "pillow",
    "numpy",
)
"""Packages whose versions matter to a vector."""


@dataclass(frozen=True, slots=True)
class BadPair:
    """Two things of which certain versions do not go together.

    Attributes:
        package: the one to change.
        versions: its versions that are concerned.
        beside: the other one; "cudnn" is the library that torch was built with.
        beside_versions: its versions that are concerned.
        trouble: what happens.
        remedy: what to do.
        seen: address of a report.
    """

    package: str
    versions: str
    beside: str
    beside_versions: str
    trouble: str
    remedy: str
    seen: str


BAD_PAIRS = (
    # 3-D convolutions in half precision do without cuDNN 9.8 to 9.14, 10 to 50 times slower and with 3 to 17 times the
    # memory; the patch embedding of the Qwen-VL family is one. Also pytorch issues 174051 (Qwen3-VL), 168167.
    BadPair(
        "torch",
        "==2.9.*",
        "cudnn",
        ">=9.8,<9.15",
        "half-precision Conv3d, which the Qwen-VL family begins with, is many times slower and takes far more memory",
        "pip install 'torch>=2.10', or nvidia-cudnn-cu12>=9.15 beside torch 2.9.1",
        "https://github.com/pytorch/pytorch/issues/166643",
    ),
    # torch 2.9.0 does so whichever cuDNN is there; 2.9.1 looks at its version (cosmos-transfer2.5 pull request 227).
    BadPair(
        "torch",
        "==2.9.0",
        "cudnn",
        ">=9.15",
        "half-precision Conv3d, which the Qwen-VL family begins with, is many times slower and takes far more memory",
        "pip install 'torch>=2.9.1'",
        "https://github.com/nvidia-cosmos/cosmos-transfer2.5/pull/227",
    ),
    # transformers 5.0 dropped a name that peft imports; sentence-transformers imports peft where it is installed.
    BadPair(
        "peft",
        "<0.18",
        "transformers",
        ">=5",
        "importing peft, and with it sentence-transformers, fails: cannot import name 'HybridCache'",
        "pip install -U peft",
        "https://github.com/huggingface/peft/issues/3333",
    ),
    # transformers then acts as if torch were not installed.
    BadPair(
        "torch",
        "<2.4",
        "transformers",
        ">=5",
        "transformers disables torch: it wants 2.4 or later",
        "pip install -U torch",
        "https://github.com/alibaba-damo-academy/Lumos/issues/8",
    ),
)

_NMS = "importing it fails: operator torchvision::nms does not exist"
_NMS_SEEN = "https://github.com/pytorch/vision/issues/8985"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something wrong with what is installed: which versions, what happens, what to do, where it was seen."""

    what: str
    trouble: str
    remedy: str
    seen: str = ""


def installed(cudnn: int | None = None) -> dict[str, str]:
    """Versions of Python and of those of `SHOWN` that are installed.

    Args:
        cudnn: what `torch.backends.cudnn.version()` gives; None without it.
    """
    found = {"python": platform.python_version()}
    for name in SHOWN:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    if cudnn:
        found["cudnn"] = cudnn_version(cudnn)
    return found


def cudnn_version(number: int) -> str:
    """The version behind cuDNN's number: 91002 is 9.10.2, 8905 is 8.9.5."""
    large = number >= 90_000
    return f"{number // (10_000 if large else 1000)}.{number // 100 % (100 if large else 10)}.{number % 100}"


def requirements(package: str) -> list[str]:
    """What an installed package asks for, its extras included; empty where it is not installed."""
    try:
        return importlib.metadata.requires(package) or []
    except importlib.metadata.PackageNotFoundError:
        return []


def troubles(found: Mapping[str, str], ours: list[str], torchvision: list[str]) -> list[Trouble]:
    """What is wrong with a set of versions.

    Args:
        found: versions by package name, as `installed` gives them.
        ours: this package's own requirements, as `requirements` gives them.
        torchvision: torchvision's requirements, which name the one torch it was built for.
    """
    pairs = [
        Trouble(
            f"{pair.package} {found[pair.package]} with {pair.beside} {found[pair.beside]}",
            pair.trouble,
            pair.remedy,
            pair.seen,
        )
        for pair in BAD_PAIRS
        if _within(found.get(pair.package), pair.versions) and _within(found.get(pair.beside), pair.beside_versions)
    ]
    return pairs + _unsupported(found, ours) + _foreign_torchvision(found, torchvision)


def _unsupported(found: Mapping[str, str], ours: list[str]) -> list[Trouble]:
    """Packages outside the range that this package asks for; an optional one may be absent."""
    wrong = []
    for requirement in _parsed(ours):
        version = found.get(requirement.name)
        if requirement.name in SHOWN and _within(version, "") and not _within(version, str(requirement.specifier)):
            wrong.append(
                Trouble(
                    f"{requirement.name} {version}",
                    f"outside the range this package is made for, {requirement.specifier}",
                    f"pip install '{requirement.name}{requirement.specifier}'",
                )
            )
    return wrong


def _foreign_torchvision(found: Mapping[str, str], asked: list[str]) -> list[Trouble]:
    """Torchvision holds compiled code for one torch: the version it names, and the same build (+cpu, +cu128)."""
    vision, torch = found.get("torchvision"), found.get("torch")
    if not vision or not torch:
        return []
    what = f"torchvision {vision} with torch {torch}"
    for requirement in _parsed(asked):
        if requirement.name == "torch" and not _within(torch, str(requirement.specifier)):
            remedy = f"pip uninstall torchvision (it is not needed here), or install torch{requirement.specifier}"
            return [Trouble(what, f"{_NMS} (it was built for torch{requirement.specifier})", remedy, _NMS_SEEN)]
    builds = {version.partition("+")[2] for version in (vision, torch)}
    if len(builds) == 2 and "" not in builds:
        remedy = "pip uninstall torchvision (it is not needed here), or install both from one index"
        return [Trouble(what, f"{_NMS} (one build is not for the other)", remedy, _NMS_SEEN)]
    return []


def _parsed(lines: list[str]) -> list[Requirement]:
    found = []
    for line in lines:
        try:
            found.append(Requirement(line))
        except InvalidRequirement:
            continue
    return found


def _within(version: str | None, specifier: str) -> bool:
    """Whether there is a version, it can be read, and it is in a range; every version is in the empty one."""
    try:
        return version is not None and SpecifierSet(specifier).contains(Version(version).public, prereleases=True)
    except InvalidVersion:
        return False

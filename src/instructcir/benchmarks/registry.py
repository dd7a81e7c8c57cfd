"""The benchmarks by name."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

from instructcir.benchmarks import circo, cirr, fashioniq, genecis
from instructcir.benchmarks.benchmark import Benchmark, Picture
from instructcir.errors import InputError
from instructcir.files import PathLike

_LOADERS: dict[str, Callable[[Path, str], Benchmark]] = {
    "fashioniq": fashioniq.load,
    "cirr": cirr.load,
    "circo": circo.load,
    "genecis": genecis.load,
}
_PICTURES: dict[str, Callable[[Path, str], dict[str, Picture]]] = {
    "fashioniq": fashioniq.pictures,
    "cirr": cirr.pictures,
    "circo": circo.pictures,
    "genecis": genecis.pictures,
}
_BASES: dict[str, Callable[[Path], Path]] = {
    "fashioniq": fashioniq.base_of,
    "cirr": cirr.base_of,
    "circo": circo.base_of,
    "genecis": genecis.base_of,
}
NAMES = tuple(_LOADERS)
SPLITS = MappingProxyType(
    {"fashioniq": fashioniq.SPLITS, "cirr": cirr.SPLITS, "circo": circo.SPLITS, "genecis": genecis.SPLITS}
)
"""Splits with queries; the first is the usual one."""
PICTURE_SPLITS = MappingProxyType(
    {
        "fashioniq": fashioniq.PICTURE_SPLITS,
        "cirr": cirr.PICTURE_SPLITS,
        "circo": circo.PICTURE_SPLITS,
        "genecis": genecis.PICTURE_SPLITS,
    }
)
"""What pictures are counted by: splits, or GeneCIS's tasks."""


def checked_name(name: str) -> str:
    """The name of a benchmark, if it is one.

    Raises:
        InputError: it is none.
    """
    if name not in NAMES:
        near = difflib.get_close_matches(name.lower().replace("-", ""), NAMES, n=1)
        raise InputError(f"{name!r} is no benchmark; " + (f"did you mean {near[0]}?" if near else f"{_list(NAMES)}"))
    return name


def load_benchmark(name: str, root: PathLike, split: str | None = None) -> Benchmark:
    """A split of a benchmark from its official files, wherever they lie below the folder; pictures need not be there.

    Args:
        name: fashioniq, cirr, circo or genecis.
        root: the folder that people call the benchmark's, or the one above it.
        split: None for the usual one: val, of GeneCIS its only one.

    Raises:
        InputError: there is no such benchmark or split, or a file is missing or broken.
    """
    splits = SPLITS[checked_name(name)]
    if split is not None and split not in splits:
        hint = "its test queries have no public answers" if (name, split) == ("fashioniq", "test") else _list(splits)
        raise InputError(f"{name} has no split {split!r} to score: {hint}; take --split {splits[0]}")
    return _LOADERS[name](Path(root), split or splits[0])


def find_base(name: str, root: PathLike) -> Path:
    """The folder that the paths of a benchmark's files start from: the given one, or one in it.

    Raises:
        InputError: there is no such benchmark, or none of its files is there.
    """
    return _BASES[checked_name(name)](Path(root))


def load_pictures(name: str, root: PathLike, split: str) -> dict[str, Picture]:
    """Name -> picture of all pictures of a split, or of a task of GeneCIS, by the lists of names alone.

    Raises:
        InputError: as `load_benchmark`.
    """
    splits = PICTURE_SPLITS[checked_name(name)]
    if split not in splits:
        raise InputError(f"{name} has no pictures {split!r}: {_list(splits)}")
    return _PICTURES[name](Path(root), split)


def _list(names: tuple[str, ...]) -> str:
    return f"there is {' and '.join(names)}" if len(names) < 3 else f"there are {', '.join(names)}"

"""What is known of each benchmark's official data, from official.toml."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from instructcir.benchmarks.registry import checked_name


@dataclass(frozen=True, slots=True)
class Official:
    """Where a benchmark comes from, and how much there is of it.

    Attributes:
        title: as its makers write it.
        paper: where it was published.
        page: its makers' page.
        licence: of annotations and pictures.
        access: how to get it, in lines.
        layout: what belongs where, in lines.
        usual: the splits, or tasks, whose pictures an evaluation needs.
        total: distinct picture files of these.
        pictures: split or task -> number of names.
        files: path -> SHA-256 of an annotation file.
        ids: SHA-256 of the gallery's ids, sorted, one a line, where the list comes in several versions; else empty.
    """

    title: str
    paper: str
    page: str
    licence: str
    access: tuple[str, ...]
    layout: tuple[str, ...]
    usual: tuple[str, ...]
    total: int
    pictures: Mapping[str, int]
    files: Mapping[str, str]
    ids: str = ""


def official(name: str) -> Official:
    """What is known of a benchmark.

    Raises:
        InputError: there is no such benchmark.
    """
    values = _all()[checked_name(name)]
    plain: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    return Official(**plain)


@functools.cache
def _all() -> dict[str, dict[str, Any]]:
    return tomllib.loads(resources.files("instructcir.benchmarks").joinpath("official.toml").read_text("utf-8"))

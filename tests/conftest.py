"""Tiny checkpoints, built once in a run and shared by all tests that do not change them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from instructcir.model.embedder import Embedder
from tiny_models import FAMILIES, build_released, build_sentence_transformers

torch.set_num_threads(1)  # tiny tensors: threads would only wait for each other

_BUILDERS: dict[str, Callable[..., Path]] = {
    **FAMILIES,
    "released": build_released,
    "sentence-transformers": build_sentence_transformers,
}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`built(name, **settings)`: a checkpoint's folder, made at the first call. Read it; copy it to change it."""
    folders: dict[str, Path] = {}

    def folder(name: str, **settings: object) -> Path:
        key = f"{name} {sorted(settings.items())}"
        if key not in folders:
            folders[key] = _BUILDERS[name](tmp_path_factory.mktemp(name), **settings)
        return folders[key]

    return folder


@pytest.fixture(scope="session")
def loaded(built: Callable[..., Path]) -> Callable[..., Embedder]:
    """`loaded(name, **settings)`: an embedder on that checkpoint. Patch it with monkeypatch only."""
    embedders: dict[Path, Embedder] = {}

    def embedder(name: str, **settings: object) -> Embedder:
        folder = built(name, **settings)
        if folder not in embedders:
            embedders[folder] = Embedder.load(folder, device="cpu")
        return embedders[folder]

    return embedder

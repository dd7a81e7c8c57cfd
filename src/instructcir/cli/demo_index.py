"""The demo's folder: its catalogue as picture files, and an index of them that serves the page afterwards."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from instructcir.cli.output import progress_bar
from instructcir.errors import InputError

if TYPE_CHECKING:
    from instructcir.index.report import Report
    from instructcir.model.embedder import Embedder
    from instructcir.search.searcher import Index
    from instructcir.worlds.world import Drawing

SIDE = 224
"""Pixels a side of the pictures; a model brings them to its own size."""
_PICTURES, _INDEX, _METADATA = "catalogue", "index", "catalogue.jsonl"


def make_folder(out: Path) -> None:
    """Make the demo's folder.

    Raises:
        InputError: it cannot be made.
    """
    try:
        (out / _PICTURES).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out}: cannot be made ({error.strerror or error})") from error


def draw_pictures(out: Path, drawings: Mapping[str, Sequence[Drawing]], told: Sequence[dict[str, str]]) -> list[Path]:
    """Draw all pictures into files, and write what is told of each beside them.

    Args:
        out: the demo's folder, which is there.
        drawings: world -> what its pictures show.
        told: values of each picture, in the same order.

    Returns:
        The files, in the same order.
    """
    from instructcir.files import write_atomic
    from instructcir.worlds.painting import paint

    folder = out / _PICTURES
    files = {
        name: {folder / f"{name}-{number:05}.png": one for number, one in enumerate(shown)}
        for name, shown in drawings.items()
    }
    for name in files:  # what an earlier, larger catalogue left would be indexed too
        for stale in set(folder.glob(f"{name}-*.png")) - files[name].keys():
            stale.unlink()
    with progress_bar("drawing", sum(map(len, files.values()))) as advance:
        for name, pictures in files.items():
            paint(name, pictures, SIDE, progress=advance)
    paths = [path for pictures in files.values() for path in pictures]
    lines = [json.dumps({"file": path.name, **values}) for path, values in zip(paths, told, strict=True)]
    write_atomic(out / _METADATA, "".join(f"{line}\n" for line in lines))
    return paths


def index_pictures(out: Path, embedder: Embedder, name: str) -> tuple[Index, Path, Report]:
    """Index the catalogue anew.

    Args:
        out: the demo's folder, where `draw_pictures` drew.
        embedder: the model.
        name: by which it can be loaded again.

    Returns:
        The index, its folder, and what the run did.

    Raises:
        StoreError: the disk refuses.
    """
    from instructcir.index.manifest import exists, identity_of
    from instructcir.index.metadata import read_metadata
    from instructcir.index.reader import Gallery
    from instructcir.index.update import update_index
    from instructcir.search.searcher import Index

    folder = out / _INDEX
    if exists(folder):  # perhaps of another model
        shutil.rmtree(folder)
    told = read_metadata(out / _METADATA)
    count = sum(1 for _ in (out / _PICTURES).glob("*.png"))
    with progress_bar("indexing", count) as advance:
        report = update_index(
            folder, [out / _PICTURES], embedder, identity_of(embedder, name), metadata=told, progress=advance
        )
    return Index(Gallery(folder), embedder), folder, report

"""A drawn world as a small benchmark, in the files of a published one: its loaders and protocols then run on it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from instructcir.errors import InputError
from instructcir.files import PathLike, atomic_folder
from instructcir.worlds.export_circo import circo
from instructcir.worlds.export_cirr import cirr
from instructcir.worlds.export_fashioniq import fashioniq
from instructcir.worlds.export_genecis import genecis
from instructcir.worlds.exported import Exported, Size
from instructcir.worlds.painting import WORKERS, paint
from instructcir.worlds.world import World

LAYOUTS: dict[str, Callable[[World, Size], Exported]] = {
    "fashioniq": fashioniq,
    "cirr": cirr,
    "circo": circo,
    "genecis": genecis,
}


def exported(world: World, layout: str, size: Size) -> Exported:
    """A benchmark in memory, which depends on its arguments alone.

    Raises:
        InputError: there is no such layout, or the world or the size does not fit it.
    """
    if layout not in LAYOUTS:
        raise InputError(f"{layout!r} is no layout; there are: {', '.join(LAYOUTS)}")
    return LAYOUTS[layout](world, size)


def write_export(
    world: World,
    benchmark: Exported,
    folder: PathLike,
    *,
    side: int = 256,
    workers: int = WORKERS,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Draw a benchmark's pictures and write its files, all or nothing.

    Args:
        world: that it was made of.
        benchmark: from `exported`.
        folder: becomes the benchmark's root; must be absent or empty, its parent must exist.
        side: pixels a side; equal to that of its `Size`.
        workers: processes that draw.
        progress: called with the number of pictures just drawn.

    Raises:
        InputError: the folder cannot be written.
    """
    with atomic_folder(folder) as root:
        for name in sorted({str(Path(path).parent) for path in (*benchmark.annotations, *benchmark.pictures)}):
            (root / name).mkdir(parents=True, exist_ok=True)
        for path, content in benchmark.annotations.items():
            (root / path).write_text(json.dumps(content, indent=1), encoding="utf-8")
        pictures = {root / path: drawing for path, drawing in benchmark.pictures.items()}
        paint(world.name, pictures, side, workers=workers, progress=progress)

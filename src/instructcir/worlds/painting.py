"""Many drawings into picture files, in several processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from instructcir.worlds.rasterise import rasterise
from instructcir.worlds.registry import world
from instructcir.worlds.world import Drawing

WORKERS = 2
_PIECE = 32  # pictures that a process takes at a time
_HOW: dict[str, dict[str, Any]] = {
    ".png": {"format": "PNG", "compress_level": 3},
    ".jpg": {"format": "JPEG", "quality": 93, "subsampling": 0},
}


def paint(
    name: str,
    pictures: Mapping[Path, Drawing],
    side: int,
    *,
    workers: int = WORKERS,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Draw pictures and write each to its file; the folders must exist.

    Args:
        name: of the world.
        pictures: file, ending in .png or .jpg -> what it shows.
        side: pixels a side.
        workers: processes; 1 draws in this one. The files are the same for any number.
        progress: called with the number of pictures just done.
    """
    jobs = list(pictures.items())
    pieces = [(name, jobs[start : start + _PIECE], side) for start in range(0, len(jobs), _PIECE)]
    if workers == 1 or len(pieces) <= 1:
        for piece in pieces:
            _paint_piece(piece)
            _report(progress, piece)
        return
    # spawned, not forked: a progress bar runs in a thread of its own, and a fork beside threads may hang
    with ProcessPoolExecutor(min(workers, len(pieces)), multiprocessing.get_context("spawn")) as pool:
        for piece, _ in zip(pieces, pool.map(_paint_piece, pieces), strict=True):
            _report(progress, piece)


_Piece = tuple[str, list[tuple[Path, Drawing]], int]


def _report(progress: Callable[[int], None] | None, piece: _Piece) -> None:
    if progress is not None:
        progress(len(piece[1]))


def _paint_piece(piece: _Piece) -> None:
    name, jobs, side = piece
    draw = world(name).svg
    for path, drawing in jobs:
        rasterise(draw(drawing), side).save(path, **_HOW[path.suffix])

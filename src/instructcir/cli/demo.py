"""`instructcir demo`: drawn pictures, composed queries, shared image work and a ranking, offline and in seconds."""

from __future__ import annotations

import io
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instructcir.cli.models import AsJson, Base, Device, Dtype, load, quieten
from instructcir.cli.output import print_json_line
from instructcir.errors import InputError

if TYPE_CHECKING:
    from instructcir.cli.demo_pictures import Garment
    from instructcir.model.embedder import Embedder

RANDOM = "This model's weights are random: it has learned nothing, so the ranking means nothing yet."

# what is asked on the sheet: number of the reference in the catalogue, modification
ASKED = (
    (0, "the same in blue, with stripes"),
    (8, "in black"),
    (13, "make it yellow and dotted"),
    (22, "a dress with this print and colour"),
)
# what is asked of one reference, to time it
VARIATIONS = tuple(
    f"{change} {colour}"
    for change in ("make it", "the same but dotted, in", "with stripes and in", "shorter and")
    for colour in ("blue", "green", "yellow")
)
HITS = 5


def demo(
    ctx: typer.Context,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", help="A real model: folder, adapter or hub name. Left out: a small one, random weights."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the pictures and the sheet go.")] = Path(
        "instructcir-demo"
    ),
    base: Base = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    as_json: AsJson = False,
) -> None:
    """Show what it does: embed drawn garments, ask for changes of them, time shared image work, draw the rankings.

    Without --model it makes a small untrained model in code, so it needs no download; its rankings mean nothing.
    """
    quieten(ctx)
    from instructcir.cli.demo_pictures import catalogue

    _make_folder(out)
    garments = catalogue()
    for number, garment in enumerate(garments):
        _write_png(out / f"{number:02}-{garment.name.replace(', ', '-').replace(' ', '-')}.png", garment.image)
    with tempfile.TemporaryDirectory(prefix="instructcir-demo-") as scratch:
        name = model or _untrained(Path(scratch) / "untrained")
        embedder = load(ctx, name, device, dtype, base)
        result, hits = _run(embedder, garments)
    from instructcir.cli.demo_sheet import draw_sheet

    sheet = out / "rankings.png"
    remark = RANDOM if model is None else f"Ranked by {model}."
    _write_png(sheet, draw_sheet(garments, [(garments[number], text) for number, text in ASKED], hits, remark))
    if as_json:
        print_json_line({**result, "random_weights": model is None, "sheet": str(sheet)})
        return
    for line in _told(result):
        typer.echo(line)
    typer.echo(f"\n{sheet}: the rankings, drawn" + ("" if model else f"\n{RANDOM}"))
    if model is None:
        typer.echo("For a ranking that means something, name a trained model: instructcir demo --model PATH")


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out}: cannot be made ({error.strerror or error})") from error


def _write_png(path: Path, picture: Any) -> None:
    from instructcir.files import write_atomic

    content = io.BytesIO()
    picture.save(content, format="PNG")
    write_atomic(path, content.getvalue())


def _untrained(folder: Path) -> str:
    from instructcir.model.untrained import write_untrained

    write_untrained(folder)
    return str(folder)


def _run(embedder: Embedder, garments: list[Garment]) -> tuple[dict[str, Any], list[list[tuple[int, float]]]]:
    """Figures of what was done, and for each of ASKED its hits: (number in the catalogue, score)."""
    from instructcir.items import ComposedQuery
    from instructcir.ranking import blocked_top_k

    pictures = [garment.image for garment in garments]
    embedder.embed_images(pictures[:2])  # the first pass of a process is slower than all others
    begin = time.perf_counter()
    gallery_GD = embedder.embed_images(pictures)
    gallery_seconds = time.perf_counter() - begin

    queries_QD = embedder.embed_queries([ComposedQuery(pictures[number], text) for number, text in ASKED])
    indices_QK, scores_QK = blocked_top_k(queries_QD, gallery_GD, HITS + 1)
    hits = []
    for (reference, _), indices, scores in zip(ASKED, indices_QK, scores_QK, strict=True):
        ranked = [(int(index), float(score)) for index, score in zip(indices, scores, strict=True)]
        hits.append([hit for hit in ranked if hit[0] != reference][:HITS])
    figures = {
        "pictures": len(pictures),
        "dimension": embedder.dimension,
        "pictures_per_second": len(pictures) / gallery_seconds,
    }
    return {**figures, **_shared_work(embedder, pictures[0])}, hits


def _shared_work(embedder: Embedder, picture: Any) -> dict[str, Any]:
    """Many modifications of one reference: the image's part computed once, and every prompt computed whole."""
    import numpy as np

    from instructcir.items import ComposedQuery

    queries = [ComposedQuery(picture, text) for text in VARIATIONS]
    embedder.embed_queries(queries[:1])
    begin = time.perf_counter()
    whole = np.concatenate([embedder.embed_queries([query]) for query in queries])
    whole_seconds = time.perf_counter() - begin
    begin = time.perf_counter()
    shared = embedder.reference(picture).embed(list(VARIATIONS))
    shared_seconds = time.perf_counter() - begin
    return {
        "shares_image_work": embedder.planner.shares,
        "modifications": len(queries),
        "whole_seconds": whole_seconds,
        "shared_seconds": shared_seconds,
        "largest_difference": float(np.abs(whole - shared).max()),
    }


def _told(result: dict[str, Any]) -> list[str]:
    ratio = result["whole_seconds"] / result["shared_seconds"]
    lines = [
        "{pictures} drawn pictures embedded into {dimension} dimensions: {pictures_per_second:.1f} pictures/s",
        "{modifications} modifications of one reference:",
        "  each prompt computed whole     {whole_seconds:.3f} s",
        "  the picture's part shared      {shared_seconds:.3f} s" + f", {ratio:.1f} times as fast",
        "  largest difference of vectors  {largest_difference:.1e}",
    ]
    if not result["shares_image_work"]:
        lines.append("  (this model's family cannot share it: its picture's tokens see what follows them)")
    return [line.format_map(result) for line in lines]

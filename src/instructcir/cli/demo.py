"""`instructcir demo`: composed queries about drawn garments, their rankings, shared image work; offline."""

from __future__ import annotations

import io
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instructcir.cli.models import AsJson, Base, Device, Dtype, load
from instructcir.cli.output import print_json_line, progress_bar
from instructcir.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

    from instructcir.cli.demo_pictures import Query
    from instructcir.cli.demo_sheet import Cell
    from instructcir.model.embedder import Embedder, Vectors
    from instructcir.worlds.world import Drawing

BUNDLED = "tiny"
CLAIM = "Ranked by the model that comes with this package, trained on drawn pictures like these, but on none of them."
RANDOM = "Ranked by random weights: no trained model comes with the package yet, so the ranking means nothing."
NO_CLAIM = "Ranked by {}. Nothing is claimed about what this model has learned."

# what is asked of one reference, to time it
VARIATIONS = tuple(
    f"{change} {colour}"
    for change in ("make it", "the same but dotted, in", "with stripes and in", "shorter and")
    for colour in ("blue", "green", "yellow")
)
HITS = 5
_TOLD_FAULTS = 3
SIDE = 224
"""Pixels a side of the pictures; a model brings them to its own size."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What was found for a query: its hits as (number, score), best first, and the rank of the first right one."""

    query: Query
    hits: list[tuple[int, float]]
    first_right: int


def demo(
    ctx: typer.Context,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            help="The model: folder, adapter or hub name; `tiny`: the package's, or random weights.",
        ),
    ] = BUNDLED,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the pictures and the sheet go.")] = Path(
        "instructcir-demo"
    ),
    pictures: Annotated[int, typer.Option(metavar="N", help="How many pictures the catalogue has.")] = 300,
    base: Base = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    as_json: AsJson = False,
) -> None:
    """Show what it does: draw garments, ask for changes of some, rank the others, time shared image work.

    Needs no download. What is right is known, since everything is drawn: the sheet frames it in green.
    """
    from instructcir.cli.demo_pictures import catalogue
    from instructcir.worlds.registry import world

    wardrobe = world("wardrobe")
    drawings, queries = catalogue(wardrobe, pictures)
    _make_folder(out)
    with tempfile.TemporaryDirectory(prefix="instructcir-demo-") as scratch:
        name, remark = folder_or_stand_in(model, Path(scratch))
        embedder = load(ctx, name, device, dtype, base)
    remark = remark if embedder.adapter is None else NO_CLAIM.format(model)
    images = _drawn(wardrobe, drawings)
    gallery_GD, speed = _embedded(embedder, images)
    answers = _answers(embedder, images, gallery_GD, queries)
    sheet = _write_shown(out, drawings, images, answers, remark)
    result = {
        "pictures": pictures,
        "dimension": embedder.dimension,
        "pictures_per_second": speed,
        **_shared_work(embedder, images[queries[0].reference]),
        "queries": len(answers),
        "right_among_first": sum(answer.first_right <= HITS for answer in answers),
    }
    if as_json:
        asked = [{"text": answer.query.wish.text, "first_right": answer.first_right} for answer in answers]
        print_json_line({**result, "asked": asked, "bundled": remark == CLAIM, "sheet": str(sheet)})
        return
    for line in [*_told(result), "", *_told_answers(answers), "", f"{sheet}: the rankings, drawn"]:
        typer.echo(line)
    typer.echo(remark)
    typer.echo(
        "{right_among_first} of {queries} queries: a right picture among the first ".format_map(result) + f"{HITS}"
    )


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out}: cannot be made ({error.strerror or error})") from error


def folder_or_stand_in(model: str, scratch: Path) -> tuple[str, str]:
    """The model's folder or name, and what is said of it.

    Where the package lacks the bundled model, a small one with random weights takes its place.
    """
    from instructcir.model.loading import bundled
    from instructcir.model.untrained import write_untrained

    if model != BUNDLED or Path(model).exists():
        return model, NO_CLAIM.format(model)
    if bundled(model) is not None:
        return model, CLAIM
    write_untrained(scratch / "untrained")
    return str(scratch / "untrained"), RANDOM


def _drawn(wardrobe: Any, drawings: tuple[Drawing, ...]) -> list[Image.Image]:
    from instructcir.worlds.rasterise import rasterise

    images = []
    with progress_bar("drawing", len(drawings)) as advance:
        for drawing in drawings:
            images.append(rasterise(wardrobe.svg(drawing), SIDE))
            advance(1)
    return images


def _embedded(embedder: Embedder, images: list[Image.Image]) -> tuple[Vectors, float]:
    """Gallery vectors, and pictures per second."""
    embedder.embed_images(images[:2])  # the first pass of a process is slower than all others
    before = 0
    with progress_bar("embedding", len(images)) as advance:

        def progress(done: int, _: int | None) -> None:
            nonlocal before
            advance(done - before)
            before = done

        begin = time.perf_counter()
        gallery_GD = embedder.embed_images(images, progress=progress)
        seconds = time.perf_counter() - begin
    return gallery_GD, len(images) / seconds


def _answers(
    embedder: Embedder, images: list[Image.Image], gallery_GD: Vectors, queries: tuple[Query, ...]
) -> list[_Answer]:
    """Each query's ranking of the catalogue, its own reference left out."""
    from instructcir.items import ComposedQuery
    from instructcir.ranking import blocked_top_k

    queries_QD = embedder.embed_queries([ComposedQuery(images[query.reference], query.wish.text) for query in queries])
    indices_QG, scores_QG = blocked_top_k(queries_QD, gallery_GD, len(images))
    answers = []
    for query, indices, scores in zip(queries, indices_QG, scores_QG, strict=True):
        ranked = [(int(index), float(score)) for index, score in zip(indices, scores, strict=True)]
        ranked = [hit for hit in ranked if hit[0] != query.reference]
        first = next(rank for rank, (number, _) in enumerate(ranked, start=1) if number in query.relevant)
        answers.append(_Answer(query, ranked[:HITS], first))
    return answers


def _write_shown(
    out: Path, drawings: tuple[Drawing, ...], images: list[Image.Image], answers: list[_Answer], remark: str
) -> Path:
    """Write the pictures that the sheet shows, and the sheet; its path."""
    from instructcir.cli.demo_pictures import faults, name_of
    from instructcir.cli.demo_sheet import Cell, Row, draw_sheet

    rows = []
    for number, answer in enumerate(answers, start=1):
        reference = drawings[answer.query.reference].facts
        hits = []
        for index, score in answer.hits:
            wrong = faults(answer.query.change, reference, drawings[index].facts)
            told = f"but {', '.join(wrong)}" if len(wrong) <= _TOLD_FAULTS else f"wrong in {len(wrong)} ways"
            said = told if wrong else "right"
            name = name_of(drawings[index].facts)
            hits.append(Cell(images[index], name, f"{score:.3f} {said}", is_right=not wrong))
        asked = Cell(images[answer.query.reference], name_of(reference))
        rows.append(Row(asked, answer.query.wish.text, f"first right: rank {answer.first_right}", hits))
        _write_pictures(out, number, asked, hits)
    sheet = out / "rankings.png"
    _write_png(sheet, draw_sheet(rows, remark))
    return sheet


def _write_pictures(out: Path, number: int, reference: Cell, hits: list[Cell]) -> None:
    _write_png(out / f"{number}-reference.png", reference.image)
    for rank, hit in enumerate(hits, start=1):
        _write_png(out / f"{number}-hit-{rank}.png", hit.image)


def _write_png(path: Path, picture: Image.Image) -> None:
    from instructcir.files import write_atomic

    content = io.BytesIO()
    picture.save(content, format="PNG")
    write_atomic(path, content.getvalue())


def _shared_work(embedder: Embedder, picture: Image.Image) -> dict[str, Any]:
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


def _told_answers(answers: list[_Answer]) -> list[str]:
    texts = [f'"{answer.query.wish.text}"' for answer in answers]
    width = max(map(len, texts))
    lines = [f"  {text:<{width}}  {answer.first_right:>4}" for text, answer in zip(texts, answers, strict=True)]
    return ["queries, each with the rank of its first right picture:", *lines]

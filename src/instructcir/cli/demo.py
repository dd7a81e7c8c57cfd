"""`instructcir demo`: a drawn catalogue, indexed; composed queries and their rankings; shared image work; offline."""

from __future__ import annotations

import io
import tempfile
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instructcir.cli.models import AsJson, Base, Device, Dtype, load
from instructcir.cli.output import print_json_line

if TYPE_CHECKING:
    from PIL import Image

    from instructcir.cli.demo_pictures import Query
    from instructcir.cli.demo_sheet import Cell
    from instructcir.model.embedder import Embedder
    from instructcir.search.searcher import Index
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


@dataclass(frozen=True, slots=True)
class _Answer:
    """What was found for a query: its hits as (number, score), best first, and the rank of the first right one."""

    query: Query
    hits: list[tuple[int, float]]
    first_right: int


@dataclass(frozen=True)
class _Catalogue:
    """The pictures: their files, what is told of each, and what the first of them, the garments, show."""

    paths: list[Path]
    told: list[dict[str, str]]
    garments: tuple[Drawing, ...]

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Each picture's number by its file's name."""
        return {path.name: number for number, path in enumerate(self.paths)}

    def image(self, number: int) -> Image.Image:
        """A picture."""
        from instructcir.images import open_rgb

        return open_rgb(self.paths[number])


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
    pictures: Annotated[
        int, typer.Option(metavar="N", help="How many pictures the catalogue has, half of them scenes.")
    ] = 2000,
    base: Base = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    as_json: AsJson = False,
) -> None:
    """Show what it does: draw a catalogue, index it, ask for changes of some garments, time shared image work.

    Needs no download. What is right is known, since everything is drawn: the sheet frames it in green. The index stays,
    and `instructcir serve` opens it in a browser.
    """
    from instructcir.cli.demo_index import draw_pictures, index_pictures, make_folder
    from instructcir.cli.demo_pictures import FEWEST, catalogue, name_of, name_of_scene, scenes
    from instructcir.worlds.registry import world

    garments = max(pictures - pictures // 2, min(pictures, FEWEST))
    drawings, queries = catalogue(world("wardrobe"), garments)
    others = scenes(world("landscapes"), pictures - garments)
    told = [{"shows": name_of(drawing.facts), "world": "wardrobe"} for drawing in drawings]
    told += [{"shows": name_of_scene(drawing.facts), "world": "landscapes"} for drawing in others]
    make_folder(out)
    with tempfile.TemporaryDirectory(prefix="instructcir-demo-") as scratch:
        name, remark = folder_or_stand_in(model, Path(scratch))
        embedder = load(ctx, name, device, dtype, base)
    paths = draw_pictures(out, {"wardrobe": drawings, "landscapes": others}, told)
    remark = remark if embedder.adapter is None else NO_CLAIM.format(model)
    index, folder, report = index_pictures(out, embedder, name)
    catalogued = _Catalogue(paths, told, drawings)
    answers = [_answered(index, catalogued, query) for query in queries]
    sheet = _write_shown(out, catalogued, answers, remark)
    result = {
        "pictures": len(index),
        "dimension": embedder.dimension,
        "pictures_per_second": report.encoded / report.encoding,
        **_shared_work(embedder, catalogued.image(queries[0].reference)),
        "queries": len(answers),
        "right_among_first": sum(answer.first_right <= HITS for answer in answers),
    }
    if as_json:
        asked = [{"text": answer.query.wish.text, "first_right": answer.first_right} for answer in answers]
        print_json_line(
            {**result, "asked": asked, "bundled": remark == CLAIM, "sheet": str(sheet), "index": str(folder)}
        )
        return
    shown = [f"{sheet}: the rankings, drawn", f"instructcir serve {folder}: the page with this catalogue"]
    for line in [*_told(result), "", *_told_answers(answers), "", *shown]:
        typer.echo(line)
    typer.echo(remark)
    typer.echo(
        "{right_among_first} of {queries} queries: a right picture among the first ".format_map(result) + f"{HITS}"
    )


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


def _answered(index: Index, catalogued: _Catalogue, query: Query) -> _Answer:
    """A query's ranking of the whole catalogue, its own reference left out."""
    reference = catalogued.paths[query.reference]
    ranking = index.search(reference, query.wish.text, k=len(index), collapse_duplicates=False)
    ranked = [(catalogued.numbers[Path(hit.path).name], hit.score) for hit in ranking]
    first = next(rank for rank, (number, _) in enumerate(ranked, start=1) if number in query.relevant)
    return _Answer(query, ranked[:HITS], first)


def _write_shown(out: Path, catalogued: _Catalogue, answers: list[_Answer], remark: str) -> Path:
    """Write the pictures that the sheet shows, and the sheet; its path."""
    from instructcir.cli.demo_pictures import faults
    from instructcir.cli.demo_sheet import Cell, Row, draw_sheet

    garments = catalogued.garments

    rows = []
    for number, answer in enumerate(answers, start=1):
        reference = garments[answer.query.reference].facts
        hits = []
        for place, score in answer.hits:
            is_garment = place < len(garments)
            wrong = faults(answer.query.change, reference, garments[place].facts) if is_garment else ["no garment"]
            told = f"but {', '.join(wrong)}" if len(wrong) <= _TOLD_FAULTS else f"wrong in {len(wrong)} ways"
            said = told if wrong else "right"
            hits.append(
                Cell(catalogued.image(place), catalogued.told[place]["shows"], f"{score:.3f} {said}", not wrong)
            )
        at = answer.query.reference
        asked = Cell(catalogued.image(at), catalogued.told[at]["shows"])
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
        "{pictures} drawn pictures indexed in {dimension} dimensions: {pictures_per_second:.1f} pictures/s",
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

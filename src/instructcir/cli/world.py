"""`instructcir world`: drawn pictures whose attributes are known, for training and as benchmarks."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Annotated

import typer

from instructcir.cli.models import AsJson
from instructcir.cli.output import print_json_line, progress_bar
from instructcir.cli.world_score import score
from instructcir.errors import InputError

app = typer.Typer(
    no_args_is_help=True, help="Draw worlds whose pictures' attributes are known: for training, and as benchmarks."
)

app.command("score")(score)

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The world: wardrobe, landscapes, or plates, which no model learned from.")
]
SplitName = Annotated[
    str,
    typer.Option("--split", metavar="SPLIT", help="Which pictures: train, dev, test, or test-combinations."),
]
Side = Annotated[int, typer.Option(min=16, max=4096, help="Pixels a side.")]


@app.command("draw")
def draw(
    name: Name,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="The folder to make; absent or empty.")],
    count: Annotated[int, typer.Option(min=1, help="How many pictures.")] = 2000,
    side: Side = 256,
    split: SplitName = "train",
    seed_from: Annotated[
        int, typer.Option(min=0, metavar="N", help="Number of the first picture: another N, other pictures.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Draw pictures with their captions, attributes and triplets, as training reads them.

    Picture N of a split is always the same, and no two splits share what they show. The folder appears when it is
    complete; docs/formats.md says what it holds.
    """
    from instructcir.worlds.registry import world
    from instructcir.worlds.splits import split_named
    from instructcir.worlds.training_set import write_training_set

    drawn, part = world(name), split_named(split)
    _check_parent(out)
    with progress_bar("drawing", count) as advance:
        made = write_training_set(drawn, out, count=count, split=part, first=seed_from, side=side, progress=advance)
    if as_json:
        print_json_line({"out": str(out), "pictures": made.pictures, "triplets": made.triplets, "side": side})
    else:
        typer.echo(f"{out}: {made.pictures:,} pictures with pairs and attributes, {made.triplets:,} triplets")


@app.command("sheet")
def sheet(
    name: Name,
    out: Annotated[Path, typer.Option(metavar="FILE.png", help="The picture to write.")] = Path("sheet.png"),
    count: Annotated[int, typer.Option(min=1, max=400, help="How many pictures.")] = 36,
    split: SplitName = "train",
    seed_from: Annotated[int, typer.Option(min=0, metavar="N", help="Number of the first picture.")] = 0,
) -> None:
    """Draw a sheet of a world's pictures, each with a short caption."""
    import random

    from instructcir.files import write_atomic
    from instructcir.worlds.rasterise import rasterise
    from instructcir.worlds.registry import world
    from instructcir.worlds.sheet import contact_sheet
    from instructcir.worlds.splits import drawing_of, split_named

    drawn, part = world(name), split_named(split)
    pictures, captions = [], []
    with progress_bar("drawing", count) as advance:
        for number in range(seed_from, seed_from + count):
            drawing = drawing_of(drawn, part, number)
            pictures.append(rasterise(drawn.svg(drawing), 2 * 176))
            captions.append(drawn.caption(drawing.facts, random.Random(number), "short"))
            advance(1)
    remark = f"Pictures {seed_from:,} to {seed_from + count - 1:,} of {part}, with short captions."
    content = io.BytesIO()
    contact_sheet(pictures, captions, title=f"The {name}", remark=remark).save(content, format="PNG")
    write_atomic(out, content.getvalue())
    typer.echo(f"{out}: {count} pictures")


@app.command("export")
def export(
    name: Name,
    layout: Annotated[str, typer.Argument(metavar="LAYOUT", help="Whose files: fashioniq, cirr, circo or genecis.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="The folder to make; absent or empty.")],
    queries: Annotated[int, typer.Option(min=1, help="Queries of each annotation file.")] = 100,
    gallery: Annotated[int, typer.Option(min=2, help="Pictures of each gallery.")] = 400,
    side: Side = 256,
    split: SplitName = "test",
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another benchmark.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Write a small benchmark in the files of a published one, with drawn pictures and answers computed from facts."""
    from instructcir.worlds.export import exported, write_export
    from instructcir.worlds.exported import Size
    from instructcir.worlds.registry import world
    from instructcir.worlds.splits import split_named

    drawn = world(name)
    _check_parent(out)
    benchmark = exported(drawn, layout, Size(queries, gallery, side, split_named(split), seed))
    with progress_bar("drawing", len(benchmark.pictures)) as advance:
        write_export(drawn, benchmark, out, side=side, progress=advance)
    files = sorted(benchmark.annotations)
    if as_json:
        print_json_line({"out": str(out), "pictures": len(benchmark.pictures), "files": files})
    else:
        typer.echo(f"{out}: {len(benchmark.pictures):,} pictures; {', '.join(files)}")


def _check_parent(out: Path) -> None:
    """Find out before the work, not after it."""
    if not out.absolute().parent.is_dir():
        raise InputError(f"{out}: the folder it is to be in does not exist; create it first")

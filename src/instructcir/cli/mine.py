"""`instructcir mine`: hard negatives for triplets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from instructcir.cli.models import AsJson, Base, Device, Dtype, ModelName, load
from instructcir.cli.output import print_json_line, progress_bar


def mine(
    ctx: typer.Context,
    model: ModelName,
    triplets: Annotated[str, typer.Argument(metavar="TRIPLETS", help="A file, folder or pattern of triplets.")],
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Where the triplets with their hard negatives go: .parquet or .jsonl.")
    ],
    count: Annotated[int, typer.Option(min=1, help="Hard negatives of a triplet, at most.")] = 4,
    ceiling: Annotated[
        float, typer.Option(help="A caption counts if it scores at most this share of the right one's score.")
    ] = 0.95,
    base: Base = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    as_json: AsJson = False,
) -> None:
    """Find captions that a model takes for a triplet's target though they are wrong, for the next training.

    Captions that score nearly as high as the right one are left out, since they are often right too.
    """
    from instructcir.data.reading import read_triplets
    from instructcir.data.writing import write_triplets

    bad: list[tuple[str, str]] = []
    found = list(read_triplets(triplets, on_bad=lambda name, reason: bad.append((name, reason))))
    embedder = load(ctx, model, device, dtype, base)
    from instructcir.training.hard_negatives import mine as mined

    with progress_bar("embedding", len(found)) as advance:
        done = 0

        def progress(count: int, _: int | None) -> None:
            nonlocal done
            advance(count - done)
            done = count

        kept, unused = mined(embedder, found, count=count, ceiling=ceiling, progress=progress)
    write_triplets(out, kept)
    for name, reason in [*bad, *unused]:
        typer.echo(f"left out: {name}: {reason}", err=True)
    negatives = sum(len(triplet.hard_negatives) for triplet in kept)
    if as_json:
        left_out = len(bad) + len(unused)
        print_json_line({"out": str(out), "triplets": len(kept), "hard_negatives": negatives, "left_out": left_out})
    else:
        typer.echo(f"{out}: {len(kept):,} triplets with {negatives:,} hard negatives")

"""`instructcir world score`: how well a model answers composed queries about drawn pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from instructcir.cli.models import AsJson, Base, Device, Dtype, ModelName, load
from instructcir.cli.output import print_json_line
from instructcir.errors import InputError

TESTS = ("test", "test-phrasings", "test-combinations", "dev")


def score(
    ctx: typer.Context,
    model: ModelName,
    worlds: Annotated[
        list[str] | None,
        typer.Option("--world", metavar="NAME", help="Which world; all if not given. May be repeated."),
    ] = None,
    tests: Annotated[
        list[str] | None,
        typer.Option("--test", metavar="TEST", help=f"Which test: {', '.join(TESTS)}; all but dev if not given."),
    ] = None,
    queries: Annotated[int, typer.Option(min=1, help="Composed queries of a test.")] = 250,
    gallery: Annotated[int, typer.Option(min=2, help="Pictures of a gallery.")] = 2000,
    out: Annotated[Path | None, typer.Option(metavar="FILE.json", help="Write all scores to this file.")] = None,
    base: Base = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    as_json: AsJson = False,
) -> None:
    """Score a model on drawn test sets, whose right answers are known; references are excluded from rankings.

    Beside composed queries: the reference alone, the words alone, their average, text-to-image and image-to-image.
    """
    chosen = tests or list(TESTS[:3])
    for name in chosen:
        if name not in TESTS:
            raise InputError(f"--test {name}: there are {', '.join(TESTS)}")
    if out is not None and not out.absolute().parent.is_dir():
        raise InputError(f"{out}: its folder does not exist")
    embedder = load(ctx, model, device, dtype, base)
    from instructcir.evaluation.drawn import score_drawn
    from instructcir.evaluation.table import lines, plain
    from instructcir.files import write_atomic
    from instructcir.worlds.galleries import composed_test
    from instructcir.worlds.registry import NAMES, world
    from instructcir.worlds.splits import split_named

    found: dict[str, dict[str, object]] = {}
    for name in worlds or NAMES:
        for test in chosen:
            unseen = test == "test-phrasings"
            split = split_named("test" if unseen else test)
            made = composed_test(world(name), split, queries=queries, gallery=gallery, unseen=unseen)
            typer.echo(f"{name}, {test}: {gallery:,} pictures, {queries:,} queries", err=True)
            result = score_drawn(embedder, made, progress=lambda stage: typer.echo(f"  {stage}", err=True))
            found.setdefault(name, {})[test] = plain(result)
            if as_json:
                print_json_line({"world": name, "test": test, **plain(result)})
            else:
                typer.echo("\n".join([f"\n## {name}, {test}", *lines(result)]))
    if out is not None:
        write_atomic(out, json.dumps(found, indent=1) + "\n")

"""What `instructcir adapt` prints: a forecast, and what came of it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from instructcir.cli.output import print_json_line

if TYPE_CHECKING:
    from instructcir.adapting.run import Options, Outcome
    from instructcir.model.embedder import Embedder
    from instructcir.synthesis.written import Source


def show_forecast(sources: list[Source], embedder: Embedder, into: Path, options: Options, as_json: bool) -> None:
    """Say what an adaptation would take.

    Raises:
        InputError: too few pictures.
    """
    from instructcir.adapting.choosing import Material
    from instructcir.adapting.old_worlds import worlds_learned
    from instructcir.adapting.run import parted, recipe_for
    from instructcir.training.forecast import forecast

    learn_from, test_on = parted(sources, options.held_out)
    most = len(learn_from) * options.per_source
    old = worlds_learned(embedder.checkpoint.folder)
    material = Material(into / "train.parquet", most, len(learn_from), options.hard_negatives, old)
    recipe = recipe_for(embedder, material, options.steps)
    found = forecast(recipe, into / "run")
    if as_json:
        counts = {"learn_from": len(learn_from), "held_out": len(test_on), "triplets_at_most": most}
        print_json_line({**counts, "recipe": recipe.to_dict(), **asdict(found)})
        return
    batch, micro = recipe.optimiser.global_batch, recipe.optimiser.micro_batch
    mixed = f"{recipe.data.drawn_share:.0%} of the samples, of {' and '.join(old)}" if old else "none is known"
    lines = [
        "an estimate for this machine; nothing was started",
        f"  pictures   {len(learn_from):,} to learn from, {len(test_on):,} held out for the test",
        f"  triplets   {most:,} at most, written by rules",
        f"  old data   {mixed}",
        f"  adapters   rank {recipe.tune.rank}, {found.trainable:,} of {found.weights:,} weights learn",
        f"  training   {found.steps:,} steps of {batch} pictures, {micro} at once",
        f"  memory     {found.memory / 2**30:.1f} GiB",
        f"  time       {found.hours:,.2f} hours, and the test before and after",
        f"  disk       {found.disk / 2**30:.1f} GiB",
    ]
    typer.echo("\n".join(lines))


def show_outcome(outcome: Outcome, as_json: bool) -> None:
    """Print the measures before and after, and the line that says whether to switch."""
    if as_json:
        changes = [asdict(one) for one in outcome.changes]
        verdict = {"switch": outcome.verdict.switch, "line": outcome.verdict.line, "deciding": outcome.deciding}
        print_json_line({"adapter": str(outcome.adapter), **verdict, "changes": changes, "about": outcome.about})
        return
    for name, count in outcome.about.items():
        typer.echo(f"{name:26}{count:8,}")
    typer.echo(f"\n{'':26}{'metric':12}{'queries':>8}{'before':>9}{'after':>9}{'gain':>8}   95 % interval")
    for one in outcome.changes:
        mark = "  decides" if (one.measure, one.metric) == (outcome.deciding, "recall@1") else ""
        typer.echo(
            f"{one.measure:26}{one.metric:12}{one.queries:8,}{one.before:9.1f}{one.after:9.1f}{one.gain:+8.1f}   "
            f"{one.low:+.1f} to {one.high:+.1f}{mark}"
        )
    typer.echo(f"\n{outcome.verdict.line}")
    typer.echo(f"{outcome.adapter}: the adapter; name it as the model to use it")

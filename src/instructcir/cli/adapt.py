"""`instructcir adapt`: a model tuned to a person's own pictures, with the proof whether it became better."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instructcir.cli.models import AsJson, Base, Device, Dtype, load
from instructcir.cli.output import print_json_line, stderr_console
from instructcir.cli.train import training_bar
from instructcir.errors import InputError

if TYPE_CHECKING:
    from instructcir.adapting.run import Guard, Options, Outcome
    from instructcir.model.embedder import Embedder
    from instructcir.synthesis.written import Source


def adapt(
    ctx: typer.Context,
    pairs: Annotated[
        str, typer.Argument(metavar="PAIRS", help="Your pictures with captions: a file, folder or pattern of pairs.")
    ],
    model: Annotated[str, typer.Option("--model", help="The model to tune: a folder, an adapter's, or a hub name.")],
    into: Annotated[Path, typer.Option(metavar="FOLDER", help="Of all that is made; its parent must exist.")],
    held_out: Annotated[float, typer.Option(help="Share of the pictures that only test.")] = 0.2,
    per_pair: Annotated[int, typer.Option(min=1, max=20, help="Triplets to ask for from one pair.")] = 4,
    hard_negatives: Annotated[
        int, typer.Option(min=0, help="Captions that the model mistakes for the right one, of each triplet.")
    ] = 0,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Of the training; if not given, the number of triplets decides.")
    ] = None,
    old_worlds: Annotated[
        int, typer.Option(min=0, metavar="N", help="Queries on each drawn world, of what must not be lost; 0 for none.")
    ] = 60,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would take.")] = False,
    base: Base = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    as_json: AsJson = False,
) -> None:
    """Tune a model to your own pictures, test it before and after on pictures held out, and say whether to switch.

    Triplets are written by rules from the captions. Adapters are tuned: the model itself stays as it is, and leaving
    the adapter off undoes all. Killed anywhere, the same command goes on. docs/checking.md says what the test tells.
    """
    from instructcir.adapting.run import Options
    from instructcir.cli.synthesis_parts import sources_of_pairs

    if not into.absolute().parent.is_dir():
        raise InputError(f"{into}: the folder it is to be in does not exist; create it first")
    bad: list[str] = []
    sources = list(sources_of_pairs(pairs, lambda name, reason: bad.append(f"{name}: {reason}"), None))
    for one in bad:
        typer.echo(f"left out: {one}", err=True)
    options = Options(held_out, per_pair, hard_negatives, steps)
    embedder = load(ctx, model, device, dtype, base)
    if dry_run:
        _forecast(sources, embedder, into, options, as_json)
        return
    from instructcir.adapting.run import adapt as run
    from instructcir.synthesis.rules import RuleWriter

    guards = _guards(old_worlds)
    with training_bar(0, stderr_console()) as report:
        outcome = run(
            sources,
            embedder,
            RuleWriter(),
            into,
            options,
            guards=guards,
            tell=lambda line: typer.echo(line, err=True),
            report=report,
        )
    _show(outcome, as_json)


def _guards(queries: int) -> dict[str, Guard]:
    """What the model could do before, by name."""
    if not queries:
        return {}
    from functools import partial

    from instructcir.adapting.old_worlds import score_old_world
    from instructcir.worlds.galleries import composed_test
    from instructcir.worlds.registry import NAMES, world

    tests = {name: composed_test(world(name), "test", queries=queries, gallery=4 * queries) for name in NAMES}
    return {f"old world, {name}": partial(score_old_world, test=test) for name, test in tests.items()}


def _forecast(sources: list[Source], embedder: Embedder, into: Path, options: Options, as_json: bool) -> None:
    from instructcir.adapting.run import parted, recipe_for
    from instructcir.training.forecast import forecast

    learn_from, test_on = parted(sources, options.held_out)
    most = len(learn_from) * options.per_source
    recipe = recipe_for(embedder, into / "train.parquet", most, options)
    found = forecast(recipe, into / "run")
    if as_json:
        counts = {"learn_from": len(learn_from), "held_out": len(test_on), "triplets_at_most": most}
        print_json_line({**counts, "recipe": recipe.to_dict(), **asdict(found)})
        return
    batch, micro = recipe.optimiser.global_batch, recipe.optimiser.micro_batch
    lines = [
        "an estimate for this machine; nothing was started",
        f"  pictures   {len(learn_from):,} to learn from, {len(test_on):,} held out for the test",
        f"  triplets   {most:,} at most, written by rules",
        f"  adapters   rank {recipe.tune.rank}, {found.trainable:,} of {found.weights:,} weights learn",
        f"  training   {found.steps:,} steps of {batch} triplets, {micro} at once",
        f"  memory     {found.memory / 2**30:.1f} GiB",
        f"  time       {found.hours:,.2f} hours, and the test before and after",
        f"  disk       {found.disk / 2**30:.1f} GiB",
    ]
    typer.echo("\n".join(lines))


def _show(outcome: Outcome, as_json: bool) -> None:
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

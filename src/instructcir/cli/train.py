"""`instructcir train`: one training run from a recipe."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from instructcir.cli.models import AsJson, quieten
from instructcir.cli.output import print_json_line, stderr_console

if TYPE_CHECKING:
    from instructcir.training.recipe import Recipe
    from instructcir.training.trainer import Step

_SECONDS_BETWEEN_LINES = 30.0


def train(
    ctx: typer.Context,
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe's name (see --list) or a TOML file.")] = "",
    into: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="The run's folder; runs/RECIPE if not given.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Another value for one setting; may be repeated."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was interrupted.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what the run would take.")] = False,
    show_list: Annotated[bool, typer.Option("--list", help="List the recipes that come with the package.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train a model as a recipe says: stage 0, 1 or 2, from scratch or from a released model.

    The folder gets the recipe, a log, the loss curve and the model. Killed anywhere, the run goes on with --resume and
    ends with the same weights.
    """
    quieten(ctx)
    from instructcir.errors import InputError
    from instructcir.training import recipe as recipes

    if show_list:
        for name in recipes.names():
            chosen = recipes.load(name)
            if as_json:
                print_json_line({"recipe": name, "about": chosen.about})
            else:
                typer.echo(f"{name:28} {' '.join(chosen.about.split())}")
        return
    if not recipe:
        raise InputError("name a recipe; `instructcir train --list` shows those there are")
    chosen = recipes.load(recipe, settings or [])
    folder = into or Path("runs") / chosen.name
    if dry_run:
        _forecast(chosen, folder, as_json)
        return
    from instructcir.training.run import train as run

    console = stderr_console()
    with training_bar(chosen.optimiser.steps, console) as report:
        made = run(chosen, folder, resume=resume, report=report)
    from instructcir.training.gathering import together
    from instructcir.training.stream import count_left_out

    if not together().is_main_process:
        return
    left_out = count_left_out(folder / "left_out.jsonl")
    if left_out:
        typer.echo(f"{left_out:,} samples were left out; {folder / 'left_out.jsonl'} names them", err=True)
    if as_json:
        print_json_line({"recipe": chosen.name, "made": str(made), "left_out": left_out})
    else:
        curve = folder / "loss.png"
        seen = f"the curve is {curve}" if curve.exists() else "fewer steps than running.log_every, so no curve"
        typer.echo(f"{made}: trained by {chosen.name}; {seen}")


def _forecast(recipe: Recipe, folder: Path, as_json: bool) -> None:
    from dataclasses import asdict

    from instructcir.training.forecast import forecast

    found = forecast(recipe, folder)
    if as_json:
        print_json_line({"recipe": recipe.name, **asdict(found)})
        return
    lines = [
        f"{recipe.name}: an estimate for this machine; nothing was started",
        f"  weights    {found.weights:,}, of which {found.trainable:,} learn ({found.trainable / found.weights:.1%})",
        f"  memory     {found.memory / 2**30:.1f} GiB",
        f"  steps      {found.steps:,} of {recipe.optimiser.global_batch:,} pictures, about {found.tokens} tokens each",
        f"  time       {found.hours:,.1f} hours",
        f"  disk       {found.disk / 2**30:.1f} GiB",
    ]
    typer.echo("\n".join(lines))


@contextmanager
def training_bar(steps: int, console: Console) -> Iterator[Callable[[Step], None]]:
    """A progress bar with loss, samples a second and time left; where there is no terminal, a line now and then.

    Args:
        steps: how many there will be; 0 where the first step is to tell.
        console: where to draw.

    Yields:
        A function to call with each step.
    """
    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.3f}, {task.fields[rate]:.0f} samples/s"),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    progress = Progress(*columns, console=console, disable=not console.is_terminal)
    task = progress.add_task("training", total=steps or None, loss=float("nan"), rate=0.0)
    told = time.monotonic()

    def report(step: Step) -> None:
        nonlocal told
        rate = step.samples_per_second
        progress.update(task, total=step.steps, completed=step.step, loss=step.loss, rate=rate)
        if not console.is_terminal and time.monotonic() - told > _SECONDS_BETWEEN_LINES:
            told = time.monotonic()
            left = f"{step.seconds_left / 60:.0f} minutes left"
            console.print(f"step {step.step:,} of {step.steps:,}: loss {step.loss:.3f}, {rate:.0f} samples/s, {left}")

    with progress:
        yield report

"""`instructcir adapt`: a model tuned to a person's own pictures, with the proof whether it became better."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instructcir.cli.models import AsJson, Device, Dtype, load, quieten
from instructcir.cli.output import stderr_console
from instructcir.cli.train import training_bar
from instructcir.errors import InputError

if TYPE_CHECKING:
    from instructcir.adapting.run import Guard
    from instructcir.cli.synthesis_parts import Asking
    from instructcir.synthesis.written import Source

_PAIRS = "pairs.jsonl"


def adapt(
    ctx: typer.Context,
    pictures: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER", help="Your pictures: a folder of them (with --captioner), or a file or folder of pairs."
        ),
    ],
    base: Annotated[
        str, typer.Option("--base", metavar="MODEL", help="The model to tune: a folder, an adapter's, or a hub name.")
    ],
    into: Annotated[Path, typer.Option(metavar="FOLDER", help="Of all that is made; its parent must exist.")],
    captioner: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Who says what bare pictures show: openai:MODEL or local:MODEL."),
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Of another OpenAI-compatible server, for the captioner.")
    ] = None,
    caption_prompt: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A prompt of your own for the captioner, in TOML.")
    ] = None,
    index: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Your index of the pictures, made by the base: hard negatives come from it."),
    ] = None,
    held_out: Annotated[float, typer.Option(help="Share of the pictures that only test.")] = 0.2,
    per_pair: Annotated[int, typer.Option(min=1, max=20, help="Triplets to ask for from one picture.")] = 4,
    hard_negatives: Annotated[
        int, typer.Option(min=0, help="Captions that the model mistakes for the right one, of each triplet.")
    ] = 1,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Of the training; if not given, the number of pictures decides.")
    ] = None,
    old_worlds: Annotated[
        int, typer.Option(min=0, metavar="N", help="Queries on each drawn world, of what must not be lost; 0 for none.")
    ] = 100,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would take.")] = False,
    device: Device = "auto",
    dtype: Dtype = "auto",
    as_json: AsJson = False,
) -> None:
    """Tune a model to your own pictures, test it before and after on pictures held out, and say whether to switch.

    Bare pictures are captioned first; triplets are written by rules from the captions. Adapters are tuned: the model
    itself stays as it is, and leaving the adapter off undoes all. Killed anywhere, the same command goes on.
    docs/checking.md says what the test tells.
    """
    from instructcir.adapting.run import Options
    from instructcir.cli.adapt_report import show_forecast, show_outcome

    if not into.absolute().parent.is_dir():
        raise InputError(f"{into}: the folder it is to be in does not exist; create it first")
    quieten(ctx)
    asking = _asking(base_url, device, dtype)
    sources = _sources(pictures, into, captioner, caption_prompt, asking, dry_run)
    options = Options(held_out, per_pair, hard_negatives, index, steps)
    embedder = load(ctx, base, device, dtype, None)
    if dry_run:
        show_forecast(sources, embedder, into, options, as_json)
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
    show_outcome(outcome, as_json)


def _asking(base_url: str | None, device: str, dtype: str) -> Asking:
    """How the captioner is asked: as `instructcir synthesize` does if nothing else is said."""
    from instructcir.cli.synthesis_parts import Asking
    from instructcir.synthesis.spending import Limits, Prices

    return Asking(base_url, 8, 0.8, "schema", 120.0, device, dtype, None, None, Limits(), Prices())


def _sources(
    pictures: str, into: Path, captioner: str | None, prompt: Path | None, asking: Asking, dry_run: bool
) -> list[Source]:
    """The pictures with captions, which a captioner writes first where there are none; all that is unusable is named.

    Raises:
        InputError: there are no captions and nobody to write them, or no pictures.
    """
    from instructcir.cli.synthesis_parts import ANSWERS, captioned, sources_of_pairs
    from instructcir.synthesis.answers import Answers
    from instructcir.synthesis.captioning import pictures_below
    from instructcir.synthesis.written import Source

    def on_bad(name: str, reason: str) -> None:
        typer.echo(f"left out: {name}: {reason}", err=True)

    if captioner is None:
        return list(sources_of_pairs(_pairs_of(pictures), on_bad, None))
    if dry_run and not (into / _PAIRS).exists():
        return [Source(str(number), path, "") for number, path in enumerate(pictures_below(pictures))]
    into.mkdir(exist_ok=True)
    _check_captioned(into / _PAIRS, pictures)
    with Answers(into / ANSWERS) as answers:
        written = captioned(pictures, into / _PAIRS, asking.patient(captioner, answers), prompt, on_bad, None)
    return list(sources_of_pairs(written, on_bad, None))


def _check_captioned(pairs: Path, pictures: str) -> None:
    """See that pairs that an earlier call wrote are about pictures of the folder; a person may have corrected them.

    Raises:
        InputError: none of their pictures lies in the folder any more.
    """
    from instructcir.cli.synthesis_parts import ANSWERS
    from instructcir.data.reading import read_pairs
    from instructcir.synthesis.captioning import pictures_below

    if not pairs.exists():
        return
    there = {os.path.abspath(path) for path in pictures_below(pictures)}
    found = read_pairs(pairs, on_bad=lambda _, __: None)
    if not any(os.path.abspath(str(pair.image)) in there for pair in found):
        raise InputError(
            f"{pairs}: names no picture that is in {pictures}; if they were moved, delete that file: "
            f"{ANSWERS} beside it holds their captions, and none is paid for twice"
        )


def _pairs_of(pictures: str) -> str:
    """The pairs of a folder that holds other files beside them, as `instructcir world draw` leaves it."""
    inside = os.path.join(pictures, _PAIRS)
    return inside if os.path.isfile(inside) else pictures


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

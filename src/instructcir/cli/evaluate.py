"""`instructcir evaluate`: a model's scores on the four benchmarks, or on drawn worlds in their files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instructcir.cli.evaluation_files import (
    Captions,
    CaptionsFrom,
    CaptionsModel,
    Paraphrases,
    QueryFiles,
    ReferenceCaptions,
)
from instructcir.cli.evaluation_run import EvaluationRun
from instructcir.cli.models import AsJson, Base, Device, Dtype, ModelName, load
from instructcir.cli.output import progress_bar
from instructcir.cli.score import AllowMissing, Negatives, Protocols, Published, Split, Submission
from instructcir.errors import InputError

if TYPE_CHECKING:
    from instructcir.benchmarks.benchmark import Benchmark

WORLD = "wardrobe"  # the one that all four layouts can show


def evaluate(
    ctx: typer.Context,
    model: ModelName,
    benchmarks: Annotated[
        list[str] | None,
        typer.Argument(metavar="BENCHMARK...", help="Any of fashioniq, cirr, circo and genecis; all with --worlds."),
    ] = None,
    root: Annotated[
        Path | None, typer.Option("--root", metavar="DIR", help="The folder that holds the benchmarks' folders.")
    ] = None,
    worlds: Annotated[
        bool, typer.Option("--worlds", help="Draw small benchmarks in the official files, and evaluate on them.")
    ] = False,
    split: Split = None,
    protocols: Protocols = None,
    allow_missing: AllowMissing = False,
    cache: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Keep vectors here: a second run takes seconds, a killed one goes on."),
    ] = None,
    audit: Annotated[
        bool,
        typer.Option(
            "--audit", help="Also ask with the picture alone, the text alone and their mean: does it compose?"
        ),
    ] = False,
    paraphrases: Paraphrases = None,
    negatives: Negatives = None,
    captions: Captions = None,
    captions_from: CaptionsFrom = None,
    captions_model: CaptionsModel = None,
    reference_captions: ReferenceCaptions = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write here; the folder is made: result cards (.json, .md), ranks of each query (.parquet), "
            "a page (.html).",
        ),
    ] = None,
    submission: Submission = None,
    published: Published = False,
    queries: Annotated[int, typer.Option(min=1, help="With --worlds: queries of each annotation file.")] = 40,
    gallery: Annotated[int, typer.Option(min=2, help="With --worlds: pictures of each gallery.")] = 160,
    base: Base = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    as_json: AsJson = False,
) -> None:
    """Score a model on benchmarks under every protocol, from one pass over the pictures; official ones are marked.

    A gallery with missing pictures is not scored unless --allow-missing is given. Splits whose answers are hidden need
    --submission.
    """
    files = QueryFiles(paraphrases, negatives, captions, captions_from, captions_model, reference_captions)
    if (root is None) != worlds:
        raise InputError("give either --root DIR, where the benchmarks' files are, or --worlds to draw small ones")
    if (audit or files.named) and (protocols or submission or allow_missing):
        which = "--audit" if audit else files.named
        raise InputError(f"{which} goes with none of --protocol, --submission and --allow-missing")
    if worlds and (split or protocols or submission or allow_missing or files.named):
        also = f" and {files.named}" if files.named else ""
        raise InputError(f"--worlds goes with none of --split, --protocol, --submission, --allow-missing{also}")
    files.check()
    if submission is not None and not submission.is_dir():
        raise InputError(f"{submission}: no such folder; create it first")
    if out is not None:
        _check_out(out)
    from instructcir.benchmarks.registry import NAMES, load_benchmark

    names = list(dict.fromkeys(benchmarks or (NAMES if worlds else [])))
    if not names:
        raise InputError(f"name a benchmark: {', '.join(NAMES)}")
    if files.named and len(names) > 1:
        raise InputError(f"{files.named} is about one benchmark; name one, not {len(names)}")
    with _roots(root, names, queries, gallery) as there, tempfile.TemporaryDirectory() as scratch:
        loaded = [load_benchmark(name, there, split) for name in names]
        for benchmark in loaded:
            _check(benchmark, protocols or [], submission, allow_missing)
        beside = files.read(loaded[0], audit)
        run = EvaluationRun(
            load(ctx, _model(model, Path(scratch)), device, dtype, base),
            model,
            protocols=tuple(protocols or ()),
            allow_missing=allow_missing,
            cache=cache,
            out=out,
            as_json=as_json,
            published=published,
        )
        for benchmark in loaded:
            run.one(benchmark, submission, beside)


@contextmanager
def _roots(root: Path | None, names: list[str], queries: int, gallery: int) -> Iterator[Path]:
    """The given folder, or one of drawn benchmarks."""
    if root is not None:
        yield root
        return
    from instructcir.worlds.export import exported, write_export
    from instructcir.worlds.exported import Size
    from instructcir.worlds.registry import world

    drawn, size = world(WORLD), Size(queries, gallery, side=224)
    with tempfile.TemporaryDirectory(prefix="instructcir-worlds-") as folder:
        made = {name: exported(drawn, name, size) for name in dict.fromkeys(names)}
        with progress_bar("drawing", sum(len(one.pictures) for one in made.values())) as advance:
            for name, one in made.items():
                write_export(drawn, one, Path(folder) / name, side=size.side, progress=advance)
        yield Path(folder)


def _check_out(out: Path) -> None:
    """Find out before the work whether results can be written there; the folder is made when there are some."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: exists and is no folder; choose another name")
    if not out.absolute().parent.is_dir():
        raise InputError(f"{out}: the folder it is to be in does not exist; create it first")


def _model(name: str, scratch: Path) -> str:
    """The model, or random weights where the package lacks the one that comes with it; then it is said."""
    from instructcir.cli.demo import folder_or_stand_in

    folder, remark = folder_or_stand_in(name, scratch)
    if folder != name:
        typer.echo(f"note: {remark}", err=True)
    return folder


def _check(benchmark: Benchmark, protocols: list[str], submission: Path | None, allow_missing: bool) -> None:
    """Find out before the work, not after it."""
    from instructcir.benchmarks.completeness import require_pictures
    from instructcir.evaluation.scoring import chosen_protocols, require_answers

    chosen_protocols(benchmark, protocols)
    if submission is None:
        require_answers(benchmark)
    if not allow_missing:
        require_pictures(benchmark.pictures, benchmark.name)

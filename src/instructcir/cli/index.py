"""`instructcir index`: make or update an index of the pictures in some folders, once or for as long as they change."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instructcir.cli.models import AsJson, Device, Dtype, load
from instructcir.cli.output import print_json_line, progress_bar, steps_shown
from instructcir.errors import StoreError

if TYPE_CHECKING:
    from instructcir.index.manifest import Identity
    from instructcir.index.plan import Plan
    from instructcir.index.report import Report
    from instructcir.remote import Place

_FIRST_WAIT, _LONGEST_WAIT = 5.0, 60.0  # seconds
Into = Annotated[
    str,
    typer.Option(
        "--into",
        metavar="NAME",
        help="The index: a path, a bare name kept in the user's data folder, or s3://bucket/prefix.",
    ),
]
StorageOption = Annotated[
    str | None, typer.Option("--storage", help="How a new index stores vectors: float16 (the default) or int8.")
]


def index(
    ctx: typer.Context,
    folders: Annotated[
        list[str], typer.Argument(metavar="FOLDER", help="Folders with pictures, and all below; or s3://bucket/prefix.")
    ],
    into: Into,
    model: Annotated[
        str | None, typer.Option("--model", help="The model for a new index; an index goes on with its own.")
    ] = None,
    metadata: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A CSV or JSONL file; its column `file` names pictures, the others can be filtered by.",
        ),
    ] = None,
    storage: StorageOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    retry: Annotated[
        bool, typer.Option("--retry", help="Try files again that could not be used before and have not changed.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on, and follow the folders' changes until Ctrl-C.")
    ] = False,
    ray: Annotated[
        str | None,
        typer.Option(
            "--ray", metavar="ADDRESS", help="Encode on a Ray cluster: host:port, auto, or local to start one here."
        ),
    ] = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    as_json: AsJson = False,
) -> None:
    """Make an index of all pictures in some folders, or bring one up to date.

    Only new content is encoded: renamed, moved and copied files keep their vectors. Interrupted at any moment, the same
    command goes on. Files that cannot be used are named on stderr and left out.
    """
    from instructcir.index.metadata import read_metadata
    from instructcir.index.places import index_folder
    from instructcir.index.vectors import checked_storage

    folder = index_folder(into)
    stored_as = checked_storage(storage) if storage else None
    if dry_run:
        _forecast(folder, folders, as_json)
        return
    told = read_metadata(metadata) if metadata else None
    encoder, identity = _encoder(ctx, folder, folders, model, device, dtype)
    if ray:
        from instructcir.cli.index_ray import on_cluster

        encoder = on_cluster(ctx, ray, folder, identity, device, dtype)
    _run(folder, folders, encoder, identity, as_json, storage=stored_as, metadata=told, retry=retry)
    if watch:
        from instructcir.index.watch import changes

        typer.echo("watching; Ctrl-C ends it", err=True)
        for _ in changes(folders):
            _run_until_done(folder, folders, encoder, identity, as_json, metadata=told)


def _encoder(
    ctx: typer.Context, folder: Place, folders: list[str], model: str | None, device: str, dtype: str
) -> tuple[Any, Identity]:
    """The encoder, and what the index knows of it; an index that goes on with its own model loads it when needed."""
    from instructcir.index.deferred import Deferred
    from instructcir.index.manifest import Manifest, check_same_model, exists, identity_of, probes_of
    from instructcir.index.scan import scan

    scan(folders)  # a folder that is missing is said before a model is loaded
    if model is not None or not exists(folder):
        embedder = load(ctx, model or "tiny", device, dtype, None)
        return embedder, identity_of(embedder, model or "tiny")
    kept = Manifest.read(folder).identity

    def load_its_own() -> Any:
        embedder = load(ctx, kept.model, device, dtype, None)
        check_same_model(folder, kept, kept.model, probes_of(embedder))
        return embedder

    return Deferred(load_its_own), kept


def _run(folder: Place, folders: list[str], encoder: Any, identity: Identity, as_json: bool, **options: Any) -> None:
    """One update with a progress bar, and what came of it."""
    from instructcir.heap import keep_free
    from instructcir.index.tuning import build, is_due
    from instructcir.index.update import update_index

    keep_free()
    with ExitStack() as bar:
        advance: list[Callable[[int], None]] = []

        def on_plan(plan: Plan) -> None:
            if plan.encode:  # only now is it known how many there are, and so how long it will take
                advance.append(bar.enter_context(progress_bar("encoding", len(plan.encode))))

        report = update_index(
            folder, folders, encoder, identity, on_plan=on_plan, progress=lambda steps: advance[0](steps), **options
        )
    tell(folder, report, as_json)
    if is_due(folder):
        with steps_shown() as step:
            build(folder, on_step=step)


def _run_until_done(*work: Any, **options: Any) -> None:
    """An update that waits, saying so, while another run writes, the disk is full, or a folder is away."""
    wait = _FIRST_WAIT
    while True:
        try:
            _run(*work, **options)
            return
        except StoreError as error:
            typer.echo(f"note: {error}; trying again in {wait:.0f} s", err=True)
            time.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)


def tell(folder: Place, report: Report, as_json: bool) -> None:
    """Print what a run did: the files that it left out, counts, rate, and seconds of each stage."""
    name_problems(report.problems)
    counts = {name: getattr(report, name) for name in ("encoded", "reused", "described", "removed", "unchanged")}
    if as_json:
        timings = {"seconds": round(report.seconds, 3), "stages": {k: round(v, 3) for k, v in report.stages.items()}}
        print_json_line({"index": str(folder), **counts, "left_out": len(report.problems), **timings})
        return
    said = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "nothing to do"
    typer.echo(f"{folder}: {said}, {len(report.problems):,} left out, in {report.seconds:.1f} s")
    if report.encoded:
        shares = ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in report.stages.items())
        typer.echo(f"{report.encoded / report.encoding:.1f} pictures/s; summed over threads: {shares}", err=True)


def name_problems(problems: list[tuple[str, str]]) -> None:
    """Name on stderr what is left out, and why."""
    for path, reason in problems:
        typer.echo(f"left out: {path}: {reason}", err=True)


def _forecast(folder: Place, folders: list[str], as_json: bool) -> None:
    """What a run would do, by names, sizes and hashes alone, and how long at the rate of the index's last run."""
    from instructcir.index.health import forecast

    plan = forecast(folder, folders)
    counts = {"to_encode": plan.encode, "to_reuse": plan.reuse, "to_remove": plan.remove, "unchanged": plan.unchanged}
    if as_json:
        sizes = {"bytes_to_read": plan.bytes_to_read, "bytes_to_store": plan.bytes_to_store}
        print_json_line(
            {"index": str(folder), **counts, "left_out": len(plan.problems), **sizes, "seconds": plan.seconds}
        )
        return
    said = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items())
    typer.echo(f"{folder}: {said}")
    typer.echo(f"{plan.bytes_to_read / 1e6:,.1f} MB to read, about {plan.bytes_to_store / 1e6:,.1f} MB to store")
    typer.echo("time: unknown before a first run" if plan.seconds is None else f"time: about {plan.seconds:,.0f} s")
    name_problems(plan.problems)

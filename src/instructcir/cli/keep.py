"""`instructcir status`, `verify` and `compact`: look after an index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from instructcir.cli.models import AsJson
from instructcir.cli.output import print_json_line, steps_shown

if TYPE_CHECKING:
    from instructcir.index.health import Status

Name = Annotated[str, typer.Argument(metavar="NAME", help="The index: a path, or a bare name.")]
EXIT_FAULTS = 1


def status(name: Name, as_json: AsJson = False) -> None:
    """Say what an index holds, which model made it, and what has changed on the disk since."""
    from instructcir.index.health import status_of
    from instructcir.index.places import index_folder

    folder = index_folder(name)
    found = status_of(folder)
    identity = found.manifest.identity
    facts: dict[str, object] = {
        "index": str(folder),
        "pictures": found.pictures,
        "model": identity.model,
        "fingerprint": identity.fingerprint[:16],
        "vectors": f"{identity.dimension} x {found.manifest.storage}",
        "bytes": found.size,
        "version": found.version,
        "versions_kept": found.versions,
        "folders": list(found.manifest.folders),
        "metadata": found.user_columns,
        "left_out": found.left_out,
        "changes": _changes(found),
        "search": _ranking(found),
    }
    if as_json:
        print_json_line(facts)
        return
    for key, value in facts.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        if isinstance(shown, dict):
            shown = ", ".join(f"{count:,} {what}" for what, count in shown.items() if count) or "none"
        typer.echo(f"{key.replace('_', ' '):14} {f'{shown:,}' if isinstance(shown, int) else shown}")


def _changes(found: Status) -> dict[str, int] | str:
    if found.plan is None:
        return f"unknown: {found.missing}"
    plan = found.plan
    return {"to encode": len(plan.encode), "moved or copied": len(plan.reused), "gone": len(plan.gone)}


def _ranking(found: Status) -> str:
    """How the index ranks."""
    graph = found.graph
    if graph is None:
        return "exact"
    asked = f"recall@10 {graph.recall:.4f} against the exact ranking (target {graph.target}, {graph.queries} queries)"
    built = f"{graph.kind}, {graph.partitions} partitions over {graph.rows:,} rows, {found.outside_graph:,} beside them"
    how = f"{graph.probes} probes, effort {graph.effort}, {graph.milliseconds} ms"
    return f"{'approximate' if graph.serves else 'exact, since the graph falls short'}: {asked}; {built}; {how}"


def verify(
    name: Name,
    files: Annotated[bool, typer.Option("--files", help="Also compare each picture with its hash.")] = False,
) -> None:
    """Read all of an index and name what is wrong; exit code 1 if anything is."""
    from instructcir.index.health import verify as look
    from instructcir.index.places import index_folder

    wrong = look(index_folder(name), files=files)
    for fault in wrong:
        typer.echo(fault)
    if wrong:
        raise typer.Exit(EXIT_FAULTS)
    typer.echo("all is well")


def compact(
    name: Name,
    graph: Annotated[
        bool | None,
        typer.Option(
            "--ann/--exact", help="Build a graph for approximate search, or drop it; left out, by the index's size."
        ),
    ] = None,
) -> None:
    """Join an index's small files and forget its old versions, those of the last ten minutes excepted.

    A large index also gets a graph for approximate search, tuned to a recall that `status` prints.
    """
    from instructcir.index.health import compact as shrink
    from instructcir.index.places import index_folder
    from instructcir.index.tuning import build, drop, is_due

    folder = index_folder(name)
    before, after = shrink(folder)
    typer.echo(f"{before / 1e6:,.1f} MB before, {after / 1e6:,.1f} MB now")
    if graph is False:
        drop(folder)
    elif graph or is_due(folder):
        with steps_shown() as step:
            found = build(folder, on_step=step)
        said = "approximate search" if found.serves else "search stays exact"
        typer.echo(f"{said}: recall@10 {found.recall:.4f}, target {found.target}")

"""`instructcir status`, `verify` and `compact`: look after an index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from instructcir.cli.models import AsJson
from instructcir.cli.output import print_json_line

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


def compact(name: Name) -> None:
    """Join an index's small files and forget its old versions, those of the last ten minutes excepted."""
    from instructcir.index.health import compact as shrink
    from instructcir.index.places import index_folder

    before, after = shrink(index_folder(name))
    typer.echo(f"{before / 1e6:,.1f} MB before, {after / 1e6:,.1f} MB now")

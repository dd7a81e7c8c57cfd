"""`instructcir reindex`: make an index anew with another model, beside the old one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from instructcir.cli.index import StorageOption, tell
from instructcir.cli.models import AsJson, Device, Dtype, load
from instructcir.cli.output import progress_bar

if TYPE_CHECKING:
    from instructcir.index.plan import Plan


def reindex(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The index: a path, or a bare name.")],
    model: Annotated[
        str | None, typer.Option("--model", help="The new model; left out, the index's own as it is now.")
    ] = None,
    storage: StorageOption = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    as_json: AsJson = False,
) -> None:
    """Encode an index's pictures with another model, and switch to the result at the end.

    The old index answers until then. Interrupted at any moment, the same command goes on.
    """
    from instructcir.index.manifest import Manifest, identity_of
    from instructcir.index.places import index_folder
    from instructcir.index.reindex import reindex as make_anew
    from instructcir.index.vectors import checked_storage

    folder = index_folder(name)
    stored_as = checked_storage(storage) if storage else None
    kept = Manifest.read(folder).identity.model  # a missing index is said before a model is loaded
    chosen = model or kept
    embedder = load(ctx, chosen, device, dtype, None)
    with ExitStack() as bar:
        advance: list[Callable[[int], None]] = []

        def on_plan(plan: Plan) -> None:
            if plan.encode:
                advance.append(bar.enter_context(progress_bar("encoding", len(plan.encode))))

        report = make_anew(
            folder,
            embedder,
            identity_of(embedder, chosen),
            storage=stored_as,
            on_plan=on_plan,
            progress=lambda steps: advance[-1](steps),
        )
    tell(folder, report, as_json)

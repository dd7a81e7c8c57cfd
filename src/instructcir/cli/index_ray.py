"""`instructcir index --ray`: the encoder that works on a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from instructcir.index.manifest import Identity
    from instructcir.index.spread import Spread
    from instructcir.remote import Place


def on_cluster(ctx: typer.Context, address: str, folder: Place, identity: Identity, device: str, dtype: str) -> Spread:
    """Join a cluster until the command ends; each worker loads the model and proves that it is the index's.

    Raises:
        DependencyError: Ray is not installed.
        InputError: no cluster answers.
    """
    from instructcir.cluster import connected, whole_cluster
    from instructcir.index.spread import Spread

    ray = ctx.with_resource(connected(address))
    share = whole_cluster(ray)
    what = "accelerators" if share.gpus else f"processors of {share.cpus:g}"
    typer.echo(f"{share.workers} workers on the cluster's {what}", err=True)

    def load() -> Any:
        from instructcir.index.manifest import check_same_model, probes_of
        from instructcir.model.embedder import Embedder

        embedder = Embedder.load(identity.model, device, dtype)
        check_same_model(folder, identity, identity.model, probes_of(embedder))
        return embedder

    return Spread(ray, load, share)

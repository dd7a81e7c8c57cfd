"""`instructcir serve`: an index over HTTP, and a page to search it with."""

from __future__ import annotations

from typing import Annotated

import typer

from instructcir.cli.models import Device, Dtype, quieten
from instructcir.errors import DependencyError

EXTRA = "instructcir[serve]"
_MB = 2**20


def serve(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The index: a name, or a folder.")],
    host: Annotated[str, typer.Option(help="Address to bind to; others than this machine's own need a key.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8000,
    api_key: Annotated[
        str | None,
        typer.Option(
            "--api-key",
            envvar="INSTRUCTCIR_API_KEY",
            show_envvar=True,
            metavar="KEY",
            help="Only who shows this key may ask; 16 characters or more. Better set in the environment, where other "
            "users of the machine do not see it.",
        ),
    ] = None,
    anyone: Annotated[
        bool,
        typer.Option("--anyone-may-ask", help="Serve other machines without a key: everyone who can connect may ask."),
    ] = False,
    model: Annotated[
        str | None, typer.Option("--model", help="Where the index's model lies now, if it has been moved.")
    ] = None,
    upload_mb: Annotated[int, typer.Option(min=1, max=1000, help="Largest upload, in MB.")] = 20,
    upload_megapixels: Annotated[int, typer.Option(min=1, max=256, help="Largest upload, in megapixels.")] = 50,
    in_flight: Annotated[
        int, typer.Option(min=1, max=4096, help="Requests worked on or waiting; one more is told to come back.")
    ] = 128,
    batch: Annotated[int, typer.Option(min=1, max=1024, help="Requests that go through the model together.")] = 64,
    seconds: Annotated[float, typer.Option(min=1, help="Time for one request.")] = 30.0,
    device: Device = "auto",
    dtype: Dtype = "auto",
) -> None:
    """Serve an index: the page at /, the API under /v1, its description at /openapi.json.

    Only this machine can connect unless --host says otherwise. Ctrl-C stops it when what is being worked on is done.
    """
    quieten(ctx)
    try:
        from instructcir.heap import share_heaps
        from instructcir.server.access import Access
        from instructcir.server.app import create_app
        from instructcir.server.following import load_and_check
        from instructcir.server.limits import Limits
        from instructcir.server.running import bound, listen, run
        from instructcir.server.service import Service
    except ModuleNotFoundError as error:
        raise DependencyError(f"serve needs {error.name}; pip install '{EXTRA}'") from error
    from instructcir.model.embedder import Embedder
    from instructcir.search.searcher import Index

    access = Access(api_key, host, anyone=anyone)
    limits = Limits(
        upload_bytes=upload_mb * _MB,
        upload_pixels=upload_megapixels * 1_000_000,
        in_flight=in_flight,
        queue=2 * in_flight,
        batch=batch,
        seconds=seconds,
    )
    share_heaps()  # before threads begin
    with bound(host, port) as sockets:  # found out before the model is loaded
        index = Index.open(name, model=model, device=device, dtype=dtype)
        assert isinstance(index.embedder, Embedder)  # it has just been loaded
        service = Service(index.gallery.folder, index.embedder, limits, load_and_check(device, dtype))
        typer.echo(f"device: {service.model.embedder.checkpoint.placement.why}", err=True)
        app = create_app(service, access)
        listen(sockets)  # whoever reads the next line can connect
        shown = f"[{host}]" if ":" in host else host
        typer.echo(f"{len(index):,} pictures at http://{shown}:{sockets[0].getsockname()[1]}/ (Ctrl-C stops)")
        if anyone and not access.needs_key:
            typer.echo("note: everyone who can connect may ask; there is no key", err=True)
        run(app, sockets, limits)

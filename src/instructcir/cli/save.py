"""`instructcir save`: a model with its prompts as one folder that this package and sentence-transformers load."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from instructcir.cli.models import AsJson, Base, Device, Dtype, ModelName, Prompts, load
from instructcir.cli.output import print_json_line


def save(
    ctx: typer.Context,
    model: ModelName,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder to write; must not exist, or be empty.")],
    prompts: Prompts = None,
    max_pixels: Annotated[
        int | None,
        typer.Option(metavar="N", help="Pixel budget of models that take pictures at their own size (Qwen-VL)."),
    ] = None,
    base: Base = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    as_json: AsJson = False,
) -> None:
    """Write a model as a sentence-transformers folder that holds its prompts; an adapter is merged into its weights.

    The folder gives the same vectors in plain sentence-transformers, and stores probe vectors that later loads are
    checked against.
    """
    embedder = load(ctx, model, device, dtype, base, prompts, max_pixels)
    embedder.save(folder)
    result = {
        "folder": str(folder),
        "bytes": sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()),
        "dtype": str(embedder.checkpoint.placement.stored).removeprefix("torch."),
        "dimension": embedder.dimension,
        "prompts": embedder.prompts.name,
    }
    if as_json:
        print_json_line(result)
    else:
        said = "{folder}: {bytes:,} bytes, {dtype}, {dimension} dimensions, prompts {prompts}"
        typer.echo(said.format_map(result))

"""What commands that use a model share: their options, and a quiet load that says where the model runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from instructcir.model.embedder import Embedder

ModelName = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="A model folder, a LoRA adapter's folder, or the name of a hub repository."),
]
ModelOption = Annotated[
    str, typer.Option("--model", help="A model folder, a LoRA adapter's folder, or the name of a hub repository.")
]
Device = Annotated[str, typer.Option(help="Where to run: auto, cpu, cuda, cuda:1, mps, ...")]
Dtype = Annotated[str, typer.Option(help="Number type of the weights: auto, float32, bfloat16 or float16.")]
Prompts = Annotated[
    str | None,
    typer.Option(
        "--prompts", metavar="NAME", help="A named prompt set in place of the model's own; see `prompt list`."
    ),
]
Base = Annotated[
    str | None,
    typer.Option("--base", help="The model under a LoRA adapter, in place of the one that the adapter names."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print results as lines of JSON.")]


def quieten(ctx: typer.Context) -> None:
    """Silence the remarks and progress bars of the model libraries, unless `--debug` was given."""
    if ctx.find_root().params.get("debug"):
        return
    from huggingface_hub.utils.tqdm import disable_progress_bars
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    disable_progress_bars()


def load(
    ctx: typer.Context,
    name: str,
    device: str,
    dtype: str,
    base: str | None,
    prompts: str | None = None,
    max_pixels: int | None = None,
) -> Embedder:
    """Load a model quietly, then say on stderr where it runs and what is out of the ordinary.

    Raises:
        InstructcirError: the model cannot be loaded; see `Embedder.load`.
    """
    quieten(ctx)
    from instructcir.model.embedder import Embedder

    embedder = Embedder.load(name, device, dtype, prompts=prompts, base=base, max_pixels=max_pixels)
    typer.echo(f"device: {embedder.checkpoint.placement.why}", err=True)
    if effect := embedder.adapter:
        said = f"adapter: {effect.tensors} tensors merged, changes a vector by {effect.vector_change:.2g} (1 - cosine)"
        typer.echo(said, err=True)
    for warning in embedder.warnings:
        typer.echo(f"note: {warning}", err=True)
    return embedder


def model_folder(name: str, base: str | None) -> tuple[Path, Path | None]:
    """The local folder of a model, and the adapter's folder where the name is an adapter's.

    Raises:
        ModelError: there is no such model.
    """
    from instructcir.model.adapters import base_folder, is_adapter
    from instructcir.model.loading import find_folder

    folder = find_folder(name)
    return (base_folder(folder, base), folder) if is_adapter(folder) else (folder, None)

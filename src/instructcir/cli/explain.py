"""`instructcir explain`: what an instruction makes the model look at, as a picture."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Annotated

import typer

from instructcir.cli.models import AsJson, Base, Device, Dtype, ModelOption, load
from instructcir.cli.output import print_json_line
from instructcir.errors import InputError


def explain(
    ctx: typer.Context,
    reference: Annotated[Path, typer.Argument(metavar="REFERENCE", help="The reference picture.")],
    modification: Annotated[str, typer.Argument(metavar="MODIFICATION", help="What to change about it, in words.")],
    model: ModelOption,
    out: Annotated[Path, typer.Option(help="The PNG file to write.")] = Path("map.png"),
    layers: Annotated[
        str | None,
        typer.Option(
            metavar="LAYERS",
            help="Decoder layers to average over, from 0: `12`, `8-15`, `3,7,11`, `all`. "
            "Left out: the middle third, where the words' states gather from the picture.",
        ),
    ] = None,
    base: Base = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    as_json: AsJson = False,
) -> None:
    """Draw where the model looks with an instruction and without it, and the difference.

    The maps show the attention of the token that the embedding is read from over the picture's patches, averaged over
    heads and layers, beside the same for the bare gallery prompt. Attention is a hint at what matters, not a proof.
    """
    chosen = parse_layers(layers) if layers is not None else None
    embedder = load(ctx, model, device, dtype, base)
    from instructcir.files import write_atomic
    from instructcir.model import attention
    from instructcir.model.attention_picture import draw_explanation

    if layers is not None and chosen is None:
        chosen = list(range(len(embedder.backbone.decoder.layers)))
    found = attention.explain(embedder, reference, modification, chosen)
    png = io.BytesIO()
    draw_explanation(found).save(png, format="PNG")
    write_atomic(out, png.getvalue())
    if as_json:
        print_json_line(
            {
                "out": str(out),
                "layers": list(found.layers),
                "query_share": found.query_share,
                "gallery_share": found.gallery_share,
                "query_map": found.query_map_HW.tolist(),
                "gallery_map": found.gallery_map_HW.tolist(),
            }
        )
        return
    typer.echo(
        f"{out}: {found.query_share:.1%} of attention on the picture, {found.gallery_share:.1%} without the words"
    )
    if not found.whole:
        typer.echo("this model sees several tiles of the picture; the map shows the overview tile")


def parse_layers(text: str) -> list[int] | None:
    """Numbers of layers from `12`, `8-15`, `3,7,11` or mixtures; None for `all`.

    Raises:
        InputError: the text is none of these.
    """
    if text.strip() == "all":
        return None
    numbers: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()) or len(part) > 12:
            raise InputError(f"--layers {text!r}: {part.strip()!r} is no layer; write 12, 8-15, 3,7,11 or all")
        end = int(last) if dash else int(first)
        if end < int(first) or end > 10_000:
            raise InputError(f"--layers {text!r}: {part.strip()!r} is no range of layers")
        numbers += range(int(first), end + 1)
    return numbers

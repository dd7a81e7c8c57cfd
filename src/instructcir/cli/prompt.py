"""`instructcir prompt`: the exact words and token ids that a model is asked with, and the named prompt sets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instructcir.cli.models import AsJson, Base, ModelName, Prompts, model_folder, quieten
from instructcir.cli.output import print_json_line

if TYPE_CHECKING:
    from instructcir.model.loading import Description
    from instructcir.model.preparation import PreparedImage
    from instructcir.model.rendering import ChatRenderer

app = typer.Typer(no_args_is_help=True, help="Show what a model is asked: rendered prompts, and the named prompt sets.")

_SAMPLE = (640, 480)
_RUN = 8
"""Equal ids in a row beyond which they are printed as a count."""


@app.command("list")
def list_sets(as_json: AsJson = False) -> None:
    """List the named prompt sets with their wording."""
    from instructcir.model.prompts import named, names

    for name in names():
        values = named(name).to_dict()
        if as_json:
            print_json_line(values)
            continue
        typer.echo(f"{name}: {values['about']}")
        for key in ("system", "query_system", "text_system", "gallery", "query", "text"):
            if key in values:
                typer.echo(f"  {key:12} {values[key]!r}")
        typer.echo()


@app.command("show")
def show(
    ctx: typer.Context,
    model: ModelName,
    text: Annotated[
        str, typer.Option(help="The modification of the query shown, and the text of the text shown.")
    ] = "make it blue",
    prompts: Prompts = None,
    image: Annotated[
        Path | None, typer.Option(help="The picture whose image tokens are counted; a plain 640 x 480 one if left out.")
    ] = None,
    base: Base = None,
    as_json: AsJson = False,
) -> None:
    """Show the exact prompt of each kind of input: rendered string and token ids, split where image work is shared.

    Reads the configuration, tokenizer and processor of the model, not its weights.
    """
    quieten(ctx)
    from instructcir.model.loading import describe
    from instructcir.model.preparation import prepare
    from instructcir.model.prompts import KINDS, named
    from instructcir.model.rendering import ChatRenderer

    under, adapter = model_folder(model, base)
    said = describe(under, named(prompts) if prompts else None)
    placeholder = said.processor.image_token  # type: ignore[attr-defined]
    renderer = ChatRenderer(said.tokenizer, said.chat_template, placeholder, said.prompts)
    picture = _picture(image)
    prepared = prepare(said.processor, picture)
    source = _source(said, prompts, adapter)
    shown = [_prompt(renderer, said.processor, prepared, kind, text) for kind in KINDS]
    size = f"{picture.width} x {picture.height}"
    if as_json:
        about = {"prompts": said.prompts.name, "source": source, "picture": str(image or "plain"), "size": size}
        for record in shown:
            print_json_line({**about, **record})
        return
    typer.echo(f"prompt set: {said.prompts.name} ({source})")
    typer.echo(f"about: {said.prompts.about}")
    typer.echo(f"picture: {image or 'a plain one'}, {size}: its placeholder {placeholder!r} becomes")
    typer.echo(f"  {_abridged(said.tokenizer.tokenize(prepared.expansion))}")
    for record in shown:
        _print(record)


def _picture(path: Path | None) -> Any:
    from PIL import Image

    from instructcir.images import open_rgb

    return open_rgb(path) if path else Image.new("RGB", _SAMPLE, "white")


def _source(said: Description, asked: str | None, adapter: Path | None) -> str:
    if asked:
        return "named by --prompts"
    under = f"the model under the adapter {adapter}" if adapter else "this model"
    return {
        "instructcir": f"stored in {said.folder / 'instructcir.json'}",
        "sentence-transformers": f"stored in {said.folder / 'config_sentence_transformers.json'}",
    }.get(said.layout, f"the default: {under} stores none")


def _prompt(renderer: ChatRenderer, processor: Any, image: PreparedImage, kind: Any, text: str) -> dict[str, Any]:
    """One prompt as data: what is rendered, and the ids in the two parts that shared image work splits them into."""
    from instructcir.model.image_grid import picture_positions

    rendered = renderer.show(kind, "" if kind == "gallery" else text)
    if kind == "text":
        ids: list[int] = renderer.text(text)
        return {"kind": kind, "rendered": rendered, "prefix": [], "suffix": ids, "tokens": len(ids), "image_tokens": 0}
    prefix = renderer.prefix(kind, image.expansion)
    suffix = renderer.suffix(kind, prefix, "" if kind == "gallery" else text)
    return {
        "kind": kind,
        "rendered": rendered,
        "prefix": list(prefix.ids),
        "suffix": suffix,
        "tokens": len(prefix.ids) + len(suffix),
        "image_tokens": len(picture_positions(prefix.ids, processor)),
    }


def _print(record: dict[str, Any]) -> None:
    typer.echo(
        f"\n{record['kind']}: {record['tokens']} tokens, {record['image_tokens']} of them patches of the picture"
    )
    typer.echo(f"  rendered {record['rendered']!r}")
    if record["prefix"]:
        typer.echo(f"  prefix   {len(record['prefix'])} ids: {_abridged(record['prefix'])}")
    typer.echo(f"  suffix   {len(record['suffix'])} ids: {_abridged(record['suffix'])}")


def _abridged(values: list[Any]) -> str:
    """Values in a line, long runs of one value as a count: `1 32000 x 576 29871`."""
    words: list[str] = []
    start = 0
    for at in range(1, len(values) + 1):
        if at == len(values) or values[at] != values[start]:
            count = at - start
            words += [f"{values[start]} x {count}"] if count > _RUN else [str(values[start])] * count
            start = at
    return " ".join(words)

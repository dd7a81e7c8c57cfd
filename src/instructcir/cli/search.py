"""`instructcir search`: ask an index with a picture and a sentence."""

from __future__ import annotations

import importlib
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instructcir.cli.models import AsJson, Device, Dtype, quieten
from instructcir.cli.output import print_json_line
from instructcir.cli.pictures import check_pictures, show_hits
from instructcir.errors import InputError
from instructcir.remote import is_remote

if TYPE_CHECKING:
    from instructcir.search.answers import Answer
    from instructcir.search.searcher import Index


def search(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The index: a path, or a bare name.")],
    reference: Annotated[
        str,
        typer.Argument(
            metavar="REFERENCE",
            help="A picture's path or an id of the index; several as a.jpg,b.jpg:0.5 with weights; - for words alone.",
        ),
    ],
    modification: Annotated[
        str, typer.Argument(metavar="MODIFICATION", help="What to change about it; empty for pictures like it.")
    ] = "",
    k: Annotated[int, typer.Option("-k", help="How many hits.")] = 10,
    where: Annotated[str | None, typer.Option(help="A condition in SQL words: \"price < 50 and brand = 'x'\".")] = None,
    not_: Annotated[str, typer.Option("--not", metavar="WORDS", help="What the hits should not show.")] = "",
    exclude_reference: Annotated[
        bool, typer.Option("--exclude-reference/--keep-reference", help="Leave out the reference itself.")
    ] = True,
    duplicates: Annotated[bool, typer.Option("--duplicates", help="Show near-duplicates one by one.")] = False,
    diversity: Annotated[float, typer.Option(help="Vary the hits: from 0, the plain ranking, to 1.")] = 0.0,
    exact: Annotated[
        bool, typer.Option("--exact", help="Score every picture, also where a large index has a graph.")
    ] = False,
    sheet: Annotated[Path | None, typer.Option(metavar="FILE.png", help="Write a contact sheet of the hits.")] = None,
    pictures: Annotated[
        bool | None,
        typer.Option(
            "--pictures/--no-pictures",
            help="Show the hits as pictures in the terminal, in half blocks where it has only colours; left out: where "
            "it can show pictures in full (kitty's protocol, iTerm2's, sixel).",
            show_default=False,
        ),
    ] = None,
    model: Annotated[str | None, typer.Option(help="Where the index's model lies now, if it was moved.")] = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    as_json: AsJson = False,
) -> None:
    """Find pictures of an index: like the reference, but as the words say."""
    if sheet and sheet.suffix.lower() != ".png":
        raise InputError(f"{sheet}: a sheet is a PNG file; end its name with .png")
    way = check_pictures(pictures, as_json)
    from instructcir.index.lance import uncollected

    asked = references_of(reference)
    with uncollected(for_good=True):
        quieten(ctx)
        from instructcir.images import open_rgb
        from instructcir.search.searcher import Index

        importlib.import_module("instructcir.model.embedder")  # by far the most; `Index.open` would import it later

    opened = Index.open(name, model=model, device=device, dtype=dtype)
    answer = opened.search(
        asked,
        modification,
        k=k,
        where=where,
        exclude_reference=exclude_reference,
        collapse_duplicates=not duplicates,
        diversity=diversity,
        not_=not_,
        exact=exact,
    )
    named = [part[0] if isinstance(part, tuple) else part for part in asked or []]
    files, title = [file for file in named if os.path.isfile(file)], modification or "pictures like this"
    if sheet:
        _write_sheet(sheet, opened, answer, title, files)
    if way and answer.hits:
        show_hits(opened, answer, title, [open_rgb(file) for file in files], way)
    if answer.remark:
        typer.echo(f"note: {answer.remark}", err=True)
    for rank, hit in enumerate(answer, start=1):
        if as_json:
            print_json_line({"rank": rank, **asdict(hit), "matches_well": answer.matches_well})
        else:
            more = f"  (+{len(hit.duplicates)} near-duplicates)" if hit.duplicates else ""
            typer.echo(f"{rank:3}  {hit.score:.3f}  {hit.percentile:5.1f} %  {hit.id}  {hit.path}{more}")


def references_of(text: str) -> list[str | tuple[str, float]] | None:
    """The references that a word of the command line names: `-` none, else parts at commas, each maybe with `:weight`.

    A file that exists under the whole word is that file, whatever its name holds.

    Raises:
        InputError: a part is empty, or words stand where a picture should.
    """
    if text == "-":
        return None
    if os.path.exists(text):
        return [text]
    found: list[str | tuple[str, float]] = []
    for part in text.split(","):
        image, colon, weight = part.rpartition(":")
        try:
            found.append(part if not colon or os.path.exists(part) else (image, float(weight)))
        except ValueError:
            found.append(part)
    if "" in found or ("", 1.0) in found:
        raise InputError("the reference is empty; name a picture, or - to search by words alone")
    names = [part if isinstance(part, str) else part[0] for part in found]
    if any(" " in name and not is_remote(name) and not os.path.exists(name) for name in names):
        raise InputError(f'{text}: no such file; to search by words alone: instructcir search NAME - "{text}"')
    return found


def _write_sheet(path: Path, index: Index, answer: Answer, title: str, references: list[str]) -> None:
    """Write a contact sheet, complete or not at all."""
    import io

    from instructcir.files import write_atomic
    from instructcir.images import open_rgb
    from instructcir.search.sheet import hits_sheet

    if not (answer.hits or references):
        typer.echo("note: no sheet is written, since there is no hit", err=True)
        return
    content = io.BytesIO()
    hits_sheet(index.gallery, answer, title, [open_rgb(one) for one in references]).save(content, "PNG")
    write_atomic(path, content.getvalue())

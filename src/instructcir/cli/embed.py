"""`instructcir embed`: vectors of pictures, composed queries and texts, in one file of arrays."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instructcir.cli.inputs import QueryLine, find_pictures, read_lines, read_queries
from instructcir.cli.models import AsJson, Base, Device, Dtype, ModelName, load
from instructcir.cli.output import print_json_line, progress_bar
from instructcir.errors import ImageError, InputError

if TYPE_CHECKING:
    from instructcir.model.embedder import Embedder

Bad = list[tuple[int, ImageError]]


def embed(
    ctx: typer.Context,
    model: ModelName,
    inputs: Annotated[
        list[str] | None,
        typer.Argument(metavar="INPUT", help="Gallery pictures: files, and folders with all below."),
    ] = None,
    out: Annotated[Path, typer.Option(help="The .npz file to write; docs/formats.md says what it holds.")] = Path(
        "vectors.npz"
    ),
    queries: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.jsonl",
            help='Composed queries, one a line: {"reference": "a.jpg", "modification": "in blue"}; '
            "paths are relative to the current folder.",
        ),
    ] = None,
    texts: Annotated[Path | None, typer.Option(metavar="FILE.txt", help="Plain texts, one a line.")] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out pictures that cannot be read, and list them on stderr.")
    ] = False,
    base: Base = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    as_json: AsJson = False,
) -> None:
    """Embed pictures, composed queries and texts, and write their vectors to one .npz file.

    A picture that is both in the gallery and a reference is encoded once. The first picture that cannot be read stops
    the run, unless --skip-bad is given.
    """
    pictures, others = find_pictures(inputs or [])
    asked = read_queries(queries) if queries else []
    lines = read_lines(texts) if texts else []
    if not (pictures or asked or lines):
        raise InputError("nothing to embed: name pictures or folders that hold some, --queries or --texts")
    if out.is_dir() or not out.absolute().parent.is_dir():  # found out before the work, not after it
        raise InputError(f"{out}: is a folder, or its folder does not exist; name a file in a folder that exists")
    if others:
        typer.echo(f"note: left out of the folders, since their names are no pictures': {others:,} files", err=True)
    embedder = load(ctx, model, device, dtype, base)
    arrays, bad = _arrays(embedder, pictures, asked, lines, skip_bad)
    _write(out, {**arrays, "model": str(embedder.checkpoint.folder), "prompts": embedder.prompts.name})
    counts = {kind: len(arrays[f"{kind}_vectors"]) for kind in ("gallery", "query", "text")}
    for number, error in bad:
        which = "" if number < len(pictures) else f" (line {asked[number - len(pictures)].line} of {queries})"
        typer.echo(f"left out: {error}{which}", err=True)
    if bad:
        typer.echo(f"{len(bad):,} of {len(pictures) + len(asked):,} inputs are left out", err=True)
    if as_json:
        print_json_line({"out": str(out), **counts, "dimension": embedder.dimension, "left_out": len(bad)})
    else:
        typer.echo(
            f"{out}: {counts['gallery']:,} gallery, {counts['query']:,} query and {counts['text']:,} text vectors "
            f"of {embedder.dimension} dimensions"
        )


def _arrays(
    embedder: Embedder, pictures: list[str], asked: list[QueryLine], lines: list[str], skip_bad: bool
) -> tuple[dict[str, Any], Bad]:
    """Names and vectors of what was embedded, and what was left out: its number, queries numbered after pictures."""
    from instructcir.items import ComposedQuery

    bad: Bad = []
    composed = [
        ComposedQuery(path, query.modification) for path, query in zip(_shared(pictures, asked), asked, strict=True)
    ]
    with progress_bar("embedding", len(pictures) + len(asked) + len(lines)) as advance:
        gallery_ND, query_QD = embedder.embed_mixed(
            pictures,
            composed,
            progress=_steps(advance),
            on_bad=(lambda number, error: bad.append((number, error))) if skip_bad else None,
        )
        text_TD = embedder.embed_texts(lines, progress=_steps(advance))
    bad.sort(key=lambda pair: pair[0])
    left_out = {number for number, _ in bad}
    kept = [query for number, query in enumerate(asked, start=len(pictures)) if number not in left_out]
    return {
        "gallery_ids": [path for number, path in enumerate(pictures) if number not in left_out],
        "gallery_vectors": gallery_ND,
        "query_lines": [query.line for query in kept],
        "query_references": [query.reference for query in kept],
        "query_modifications": [query.modification for query in kept],
        "query_vectors": query_QD,
        "texts": lines,
        "text_vectors": text_TD,
    }, bad


def _shared(pictures: Sequence[str], asked: Sequence[QueryLine]) -> list[str]:
    """The reference of each query, spelled as in the gallery where it is the same file, so that it is encoded once."""
    spelled = {os.path.realpath(path): path for path in reversed(pictures)}
    return [spelled.setdefault(os.path.realpath(query.reference), query.reference) for query in asked]


def _steps(advance: Callable[[int], None]) -> Callable[[int, int | None], None]:
    """From "so many are done" to "so many more are done"."""
    before = 0

    def progress(done: int, _: int | None) -> None:
        nonlocal before
        advance(done - before)
        before = done

    return progress


def _write(out: Path, arrays: dict[str, Any]) -> None:
    """Write the arrays as one .npz file, complete or not at all; strings as fixed-width Unicode, no pickles."""
    import numpy as np

    from instructcir.files import write_atomic

    numbers = {"query_lines": np.int64}
    packed: dict[str, Any] = {
        name: value if isinstance(value, np.ndarray) else np.array(value, dtype=numbers.get(name, np.str_))
        for name, value in arrays.items()
    }
    content = io.BytesIO()
    np.savez(content, **packed)
    write_atomic(out, content.getvalue())

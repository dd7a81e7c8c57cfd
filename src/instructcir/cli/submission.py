"""`instructcir submission`: would the servers of CIRR and CIRCO take this file?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from instructcir.cli.models import AsJson
from instructcir.cli.output import print_json_line
from instructcir.errors import InputError

app = typer.Typer(no_args_is_help=True, help="Submission files for the servers of CIRR and CIRCO.")

EXIT_WRONG = 1
_HINT = "names and query ids were not compared with those of the benchmark; --root DIR does that"


@app.callback()
def submission() -> None:
    """Submission files for the servers of CIRR and CIRCO."""


@app.command("check")
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The submission file.")],
    root: Annotated[
        Path | None,
        typer.Option(
            "--root", metavar="DIR", help="The benchmark's folder, to compare names and ids; no pictures needed."
        ),
    ] = None,
    benchmark: Annotated[
        str | None, typer.Option(metavar="NAME", help="cirr or circo; told from the file if not given.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(metavar="SPLIT", help="Which split it is of; the server's if not given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a submission file as the server would, and name every fault; exits with 1 when there are some.

    Files are written by `instructcir score --submission`.
    """
    from instructcir.benchmarks.registry import load_benchmark
    from instructcir.evaluation.submission_check import faults, kind_of

    name = benchmark or kind_of(file)
    if name not in ("cirr", "circo"):
        raise InputError(f"{name}: only cirr and circo have servers that take submissions")
    if split is not None and root is None:
        raise InputError("--split needs --root DIR, the folder of the benchmark's files")
    loaded = None if root is None else load_benchmark(name, root, split or {"cirr": "test1", "circo": "test"}[name])
    found = faults(file, loaded, name)
    if as_json:
        print_json_line({"file": str(file), "benchmark": name, "faults": found, "names_checked": loaded is not None})
    else:
        for fault in found:
            typer.echo(f"{file}: {fault}")
        typer.echo(f"{file}: {len(found):,} faults" if found else f"{file}: good, a submission to {name}'s server")
        if loaded is None:
            typer.echo(f"note: {_HINT}", err=True)
    if found:
        raise typer.Exit(EXIT_WRONG)

"""The `instructcir` command: its global options, its list of commands, and how an error reaches a person.

A command is a plain function in the file of its name. To add one, import its file below and register its function.
These files import only light things at their top; what is heavy they import inside the function.
"""

from __future__ import annotations

import sys
import traceback
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from instructcir.cli import data, prompt, submission, triplets, world
from instructcir.cli.adapt import adapt
from instructcir.cli.compare import compare
from instructcir.cli.demo import demo
from instructcir.cli.doctor import doctor
from instructcir.cli.embed import embed
from instructcir.cli.evaluate import evaluate
from instructcir.cli.explain import explain
from instructcir.cli.index import index
from instructcir.cli.keep import compact, status, verify
from instructcir.cli.mine import mine
from instructcir.cli.reindex import reindex
from instructcir.cli.save import save
from instructcir.cli.score import score
from instructcir.cli.search import search
from instructcir.cli.serve import serve
from instructcir.cli.synthesize import synthesize
from instructcir.cli.train import train
from instructcir.errors import InstructcirError
from instructcir.version import __version__

EXIT_ERROR = 2


class Commands(TyperGroup):
    """The group of all commands; turns an error of the package into one line and exit code 2."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()  # here a reader that has gone away is a quiet exit; at shutdown it would be a complaint
            return result
        except InstructcirError as error:
            if ctx.params["debug"]:
                traceback.print_exc()
            else:
                typer.echo(f"instructcir: {error}", err=True)
            raise typer.Exit(EXIT_ERROR) from error


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"instructcir {__version__}")
        raise typer.Exit


def instructcir(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", envvar="INSTRUCTCIR_DEBUG", help="Show the whole traceback of an error.")
    ] = False,
) -> None:
    """Search images with a picture and a sentence.

    Exit codes: 0 done; 1 the answer is no (a check found faults), the reader of the output went away, or a bug; 2 an
    error that the message explains, a wrong command line too; 130 Ctrl-C.
    """


app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
app.callback(cls=Commands)(instructcir)
app.command()(index)
app.command()(search)
app.command()(status)
app.command()(verify)
app.command()(compact)
app.command()(reindex)
app.command()(adapt)
app.command()(compare)
app.command()(demo)
app.command()(embed)
app.command()(evaluate)
app.command()(explain)
app.add_typer(prompt.app, name="prompt")
app.command()(mine)
app.command()(save)
app.command()(score)
app.command()(serve)
app.add_typer(submission.app, name="submission")
app.command()(synthesize)
app.command()(train)
app.add_typer(triplets.app, name="triplets")
app.command()(doctor)
app.add_typer(data.app, name="data")
app.add_typer(world.app, name="world")


def main() -> None:
    """Run the command line; exits with 0, with 2 after an error, with 130 after Ctrl-C."""
    app(prog_name="instructcir")

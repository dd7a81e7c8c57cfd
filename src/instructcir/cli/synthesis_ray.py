"""`instructcir synthesize --ray`: a cluster whose workers each have a writer, by rules or with a model of their own."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from instructcir.cli.synthesis_parts import Asking, writer_named
from instructcir.errors import InputError

if TYPE_CHECKING:
    from instructcir.synthesis.spread import Spread
    from instructcir.synthesis.writer import Writer


def on_cluster(
    stack: ExitStack, address: str, name: str, asking: Asking, prompt: Path | None, shown: bool, seed: int
) -> Spread:
    """Join a cluster until the run ends; a model is loaded by each worker, and not here.

    Raises:
        DependencyError: Ray is not installed.
        InputError: no cluster answers, or this writer is not for one.
    """
    limits = asking.limits
    bounds = (limits.requests, limits.tokens, limits.money, asking.requests_a_minute, asking.tokens_a_minute)
    if any(bound is not None for bound in bounds):
        raise InputError("budgets and paces hold for one process; leave them out with --ray")
    local = name.startswith("local:") and name != "local:"
    if name != "rules" and not local:
        raise InputError(f"{name!r}: a cluster takes rules or local:MODEL; a server is asked best by one process")
    from instructcir.cluster import connected, every_processor, whole_cluster
    from instructcir.synthesis.spread import Spread

    def make() -> Writer:
        from instructcir.synthesis.answers import Answers

        return writer_named(name, asking, Answers(":memory:"), prompt, shown, seed)

    digest = _prompt_hash(prompt) if local else make().prompt
    ray = stack.enter_context(connected(address))
    share = whole_cluster(ray) if local else every_processor(ray)
    what = "accelerators" if share.gpus else f"processors, {share.cpus:g} each"
    typer.echo(f"{share.workers} workers on the cluster's {what}", err=True)
    return Spread(ray, share, make, name, digest)


def _prompt_hash(prompt: Path | None) -> str:
    from instructcir.synthesis.prompt import read_prompt

    return read_prompt(prompt).hash

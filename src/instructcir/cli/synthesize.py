"""`instructcir synthesize`: triplets from pairs, from a folder of pictures, or from neighbours in an index."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from instructcir.cli.models import AsJson, Device, Dtype, quieten
from instructcir.cli.synthesis_parts import Asking
from instructcir.errors import InputError


def synthesize(
    ctx: typer.Context,
    pairs: Annotated[
        str | None,
        typer.Argument(metavar="[PAIRS]", help="A file, folder or pattern of pairs; with --captioner, of pictures."),
    ] = None,
    into: Annotated[
        Path, typer.Option("--into", metavar="PATH", help="NAME.parquet, or a folder of shards for many.")
    ] = Path("triplets.parquet"),
    writer: Annotated[str, typer.Option(help="Who writes: rules, openai:MODEL or local:MODEL.")] = "rules",
    base_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Of another OpenAI-compatible server, for writer and captioner.")
    ] = None,
    per_pair: Annotated[int, typer.Option(min=1, max=20, help="Triplets to ask for from one pair.")] = 4,
    captioner: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who says what pictures show: openai:MODEL or local:MODEL.")
    ] = None,
    from_neighbours: Annotated[
        str | None,
        typer.Option(metavar="INDEX", help="Say what changed between similar pictures of an index; needs --captioner."),
    ] = None,
    neighbours: Annotated[int, typer.Option(min=1, help="How many such pairs.")] = 1000,
    alike: Annotated[
        tuple[float, float],
        typer.Option(metavar="LEAST MOST", help="Cosines of such pairs; what is usual differs from model to model."),
    ] = (0.6, 0.95),
    prompt: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A prompt of your own for the writer, in TOML.")
    ] = None,
    caption_prompt: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A prompt of your own for the captioner, in TOML.")
    ] = None,
    send_pictures: Annotated[
        bool, typer.Option("--send-pictures", help="Show the writer the pictures beside their captions.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Read only the first N pairs.")] = None,
    max_requests: Annotated[int | None, typer.Option(min=1, help="Stop before more requests than this.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Stop before more tokens, read and written.")] = None,
    max_money: Annotated[float | None, typer.Option(min=0, help="Stop before more money; needs --prices.")] = None,
    prices: Annotated[
        tuple[float, float] | None,
        typer.Option(metavar="IN OUT", help="Of a million tokens read, and written, in your currency."),
    ] = None,
    requests_per_minute: Annotated[float | None, typer.Option(min=0.1, help="Ask no faster than that.")] = None,
    tokens_per_minute: Annotated[float | None, typer.Option(min=1, help="Likewise, in tokens.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=256, help="Requests at the same time.")] = 8,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds that an answer may take.")] = 120.0,
    temperature: Annotated[float, typer.Option(help="Of answers; below 0, the server's own.")] = 0.8,
    structure: Annotated[
        str, typer.Option(help="How a server is told the shape of answers: schema, object or text.")
    ] = "schema",
    shard_size: Annotated[
        int, typer.Option(min=1, help="Pairs that are held in memory, and done again after a kill.")
    ] = 2000,
    workers: Annotated[int, typer.Option(min=1, help="Processes, for rules.")] = 1,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Write and filter on a Ray cluster: host:port, auto, or local to start one."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another one orders, and edits by rules, otherwise.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would take, and ask nobody.")] = False,
    device: Device = "auto",
    dtype: Dtype = "auto",
    as_json: AsJson = False,
) -> None:
    """Write triplets (reference, modification, target caption) from pairs of pictures and captions, and check them.

    A run that was stopped goes on when it is called again; no answer is paid for twice. Rejected triplets are kept
    beside the others, with reasons. The key of a hosted model is taken from OPENAI_API_KEY.
    """
    from instructcir.cli.synthesis_run import Plan, forecast_run, run
    from instructcir.synthesis.spending import Limits, Prices

    if (pairs is None) == (from_neighbours is None):
        raise InputError("give PAIRS, or --from-neighbours INDEX, and not both")
    if max_money is not None and prices is None:
        raise InputError("--max-money needs --prices IN OUT, what a million tokens cost")
    quieten(ctx)
    asking = Asking(
        base_url,
        concurrency,
        temperature,
        structure,
        timeout,
        device,
        dtype,
        requests_per_minute,
        tokens_per_minute,
        Limits(max_requests, max_tokens, max_money),
        Prices(*(prices or (0.0, 0.0))),
    )
    plan = Plan(
        pairs,
        from_neighbours,
        neighbours,
        alike,
        captioner,
        caption_prompt,
        limit,
        writer,
        prompt,
        send_pictures,
        per_pair,
        shard_size,
        workers,
        ray,
        seed,
        into,
    )
    plan.check()
    (forecast_run if dry_run else run)(plan, asking, as_json)

"""`instructcir triplets judge`: an embedder scores triplets, and those that score too low are put aside."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from instructcir.cli.models import AsJson, Base, Device, Dtype, ModelName, load
from instructcir.cli.output import print_json_line, progress_bar
from instructcir.errors import InputError


def judge(
    ctx: typer.Context,
    model: ModelName,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Kept triplets of `instructcir synthesize`.")],
    into: Annotated[
        Path, typer.Option(metavar="OUT.parquet", help="Where those go that stay; others to OUT.rejected.parquet.")
    ],
    labels: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Labels that a sheet saved; the threshold is learned from them.")
    ] = None,
    target: Annotated[
        float, typer.Option(min=0, max=1, help="Lower end of the interval of good ones among those that stay.")
    ] = 0.9,
    threshold: Annotated[
        float | None,
        typer.Option(help="A threshold instead of labels; at 0 the modified caption just has to be nearer."),
    ] = None,
    base: Base = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    as_json: AsJson = False,
) -> None:
    """Keep triplets whose modified caption is nearer to picture and instruction than the original caption is.

    The score is the difference of the two cosines. The threshold is the lowest from which, by the labels, enough of
    what stays is good: the lower end of Wilson's 95 % interval reaches --target.
    """
    from instructcir.synthesis.judge import EmbedderJudge
    from instructcir.synthesis.judging import judge_file, threshold_for
    from instructcir.synthesis.labels import read_labels

    if (labels is None) == (threshold is None):
        raise InputError("name --labels, to learn the threshold, or --threshold; one of them")
    said = read_labels(labels) if labels else {}
    scorer = EmbedderJudge(load(ctx, model, device, dtype, base), model)
    found = None
    if threshold is None:
        with progress_bar("labelled ones", len(said)) as advance:
            found = threshold_for(scorer, file, said, target=target, progress=advance)
        threshold = found.score
    with progress_bar("judging", None) as advance:
        kept, rejected = judge_file(scorer, file, into, threshold, progress=advance)
    reached = None if found is None else found.reached
    if as_json:
        learned = None if found is None else {"good": found.kept.good, "of": found.kept.count, "low": found.kept.low}
        print_json_line(
            {"out": str(into), "kept": kept, "rejected": rejected, "threshold": threshold, "labels": learned}
            | {"reached": reached}
        )
        return
    if found is not None:
        share = f"{found.kept.good} of {found.kept.count} labelled ones from there on are good, {found.lost} are lost"
        typer.echo(f"threshold {threshold:.4f}: {share} (lower end {found.kept.low:.1%}, asked for {target:.0%})")
    if reached is False:
        remark = f"no threshold reaches {target:.0%} by these labels; label more, or choose a better judge"
        typer.echo(f"note: {remark}", err=True)
    typer.echo(f"{into}: {kept:,} triplets stay, {rejected:,} are put aside")

"""The two things that `instructcir synthesize` does: reckon what a run takes, and run it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from instructcir.cli.output import print_json_line, progress_bar
from instructcir.cli.synthesis_parts import (
    ANSWERS,
    Asking,
    captioned,
    left_out_into,
    pairs_of_neighbours,
    sources_of_neighbours,
    sources_of_pairs,
    writer_named,
)
from instructcir.errors import InputError

if TYPE_CHECKING:
    from instructcir.synthesis.answers import Answers
    from instructcir.synthesis.counts import Counts
    from instructcir.synthesis.run import Outcome
    from instructcir.synthesis.spending import Prices, Spent
    from instructcir.synthesis.spread import Spread
    from instructcir.synthesis.writer import Writer
    from instructcir.synthesis.written import Source

RULES = "rules"
_CAPTION_BYTES = 60  # of a caption that is not written yet, about


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for on the command line, but for how models are asked."""

    pairs: str | None
    index: str | None
    neighbours: int
    alike: tuple[float, float]
    captioner: str | None
    caption_prompt: Path | None
    limit: int | None
    writer: str
    prompt: Path | None
    send_pictures: bool
    per_pair: int
    shard_size: int
    workers: int
    ray: str | None
    seed: int
    into: Path

    def check(self) -> None:
        """Find what does not go together, before anything is read.

        Raises:
            InputError: there is such.
        """
        folder = self.into.absolute().parent
        if not folder.is_dir():
            raise InputError(f"{self.into}: the folder {folder} does not exist; create it first")
        if self.captioner is None and self.pairs is not None and folder == Path(self.pairs).absolute():
            raise InputError(f"{self.into}: lies in the folder that is read, and would be read with it; name another")
        if self.index is not None and self.captioner is None:
            raise InputError("--from-neighbours needs --captioner: an index holds no captions")
        if self.index is not None and self.writer == RULES:
            raise InputError("rules cannot say how two pictures differ; name a model with --writer")
        if self.ray is not None and self.workers > 1:
            raise InputError("--workers is for processes of this machine; a cluster has workers of its own")
        if self.caption_prompt is not None and self.captioner is None:
            raise InputError("--caption-prompt is for a captioner; name one with --captioner")

    def beside(self, ending: str) -> Path:
        """A file beside the output."""
        return self.into.with_name(self.into.name.removesuffix(".parquet") + ending)

    @property
    def about(self) -> dict[str, str]:
        """What the result depends on, beside the writer: a resumed run must have the same."""
        read = self.pairs if self.index is None else f"{self.neighbours} neighbours of {self.index}, {self.alike}"
        return {"read": str(read), "captioner": str(self.captioner or ""), "limit": str(self.limit or "")}


def run(plan: Plan, asking: Asking, as_json: bool) -> None:
    """Write triplets, check them, store them, and say what came of it."""
    from instructcir.synthesis.answers import Answers
    from instructcir.synthesis.data_card import write_card
    from instructcir.synthesis.filters import all_filters
    from instructcir.synthesis.run import Options, synthesise

    with ExitStack() as stack:
        answers = stack.enter_context(Answers(plan.beside(f".{ANSWERS}") if _asks(plan) else ":memory:"))
        on_bad = stack.enter_context(left_out_into(plan.beside(".left_out.jsonl")))
        writer = _writer(plan, asking, answers, stack)
        sources = _sources(plan, asking, answers, on_bad)
        options = Options(plan.per_pair, plan.shard_size, plan.seed, plan.workers, plan.about)
        total = len(sources) * plan.per_pair if isinstance(sources, list) else None
        advance = stack.enter_context(progress_bar("writing", total))
        outcome = synthesise(
            sources,
            writer,
            all_filters,
            plan.into,
            options,
            progress=advance,
            tell=None if as_json else _teller(answers, asking.prices),
        )
        spent = answers.spent()
    if not (outcome.counts.sources or outcome.ended):
        left_out = plan.beside(".left_out.jsonl")
        why = f"; {left_out} says why" if left_out.exists() else ""
        raise InputError(f"{plan.pairs or plan.index}: nothing in it can be used{why}")
    card = write_card(outcome.kept)
    _show(outcome, spent, asking.prices, card, as_json)


def _writer(plan: Plan, asking: Asking, answers: Answers, stack: ExitStack) -> Writer | Spread:
    """Who writes: somebody here, or a cluster that is joined until the run ends."""
    if plan.ray is None:
        return writer_named(plan.writer, asking, answers, plan.prompt, plan.send_pictures, plan.seed)
    from instructcir.cli.synthesis_ray import on_cluster

    return on_cluster(stack, plan.ray, plan.writer, asking, plan.prompt, plan.send_pictures, plan.seed)


def forecast_run(plan: Plan, asking: Asking, as_json: bool) -> None:
    """Say what a run would take; nobody is asked, and nothing is written."""
    from instructcir.synthesis.forecast import forecast
    from instructcir.synthesis.prompt import read_prompt

    prompt = None if plan.writer == RULES else read_prompt(plan.prompt)
    found = forecast(
        _counted(plan),
        plan.per_pair,
        prompt,
        shown=plan.send_pictures,
        prices=asking.prices,
        limits=asking.limits,
        requests_a_minute=asking.requests_a_minute,
        tokens_a_minute=asking.tokens_a_minute,
    )
    spent = found.spent
    if as_json:
        print_json_line(
            {
                "sources": found.sources,
                "triplets": found.triplets,
                **_money(spent, asking.prices),
                "minutes": found.minutes,
                "budget_reaches": found.ends_at,
            }
        )
        return
    typer.echo(f"{found.sources:,} sources, {found.triplets:,} triplets asked of {plan.writer}")
    if prompt is None:
        return
    typer.echo(f"about {spent.requests:,} requests, {spent.tokens_in:,} tokens read, {spent.tokens_out:,} written")
    if found.money:
        typer.echo(f"about {found.money:,.2f} in money, at the given prices")
    if found.minutes:
        typer.echo(f"at least {found.minutes:,.1f} minutes at the given pace")
    if found.ends_at < 1:
        typer.echo(f"the budget reaches about {found.ends_at:.0%} of it")
    if plan.captioner is not None:
        typer.echo("the captioner comes on top: one short request for each picture")


def _asks(plan: Plan) -> bool:
    """Whether this process asks a model; a cluster's workers keep no answers, and do a shard again from its start."""
    return (plan.writer != RULES and plan.ray is None) or plan.captioner is not None


def _sources(plan: Plan, asking: Asking, answers: Answers, on_bad: Callable[[str, str], None]) -> Iterable[Source]:
    if plan.captioner is None:
        assert plan.pairs is not None
        return sources_of_pairs(plan.pairs, on_bad, plan.limit)
    patient = asking.patient(plan.captioner, answers)
    if plan.index is not None:
        pairs = pairs_of_neighbours(plan.index, plan.neighbours, plan.alike, plan.seed)
        return sources_of_neighbours(plan.index, pairs, patient, plan.caption_prompt, on_bad)
    assert plan.pairs is not None
    into = plan.beside(".pairs.jsonl")
    return sources_of_pairs(captioned(plan.pairs, into, patient, plan.caption_prompt, on_bad, plan.limit), on_bad, None)


def _counted(plan: Plan) -> Iterable[Source]:
    """As many sources as the run will have; captions that are not there yet are as long as usual."""
    from instructcir.synthesis.captioning import pictures_below
    from instructcir.synthesis.written import Source

    if plan.index is not None:
        return (Source(str(number), "", "x" * _CAPTION_BYTES, "", "x" * 60) for number in range(plan.neighbours))
    assert plan.pairs is not None
    if plan.captioner is None:
        return sources_of_pairs(plan.pairs, lambda _name, _reason: None, plan.limit)
    return (Source(path, path, "x" * _CAPTION_BYTES) for path in pictures_below(plan.pairs)[: plan.limit])


def _teller(answers: Answers, prices: Prices) -> Callable[[int, Counts], None]:
    """The running total, a line a shard."""

    def tell(number: int, counts: Counts) -> None:
        spent = answers.spent()
        cost = f"; in all {_cost(spent, prices)}" if spent.requests else ""
        kept = f"{counts.kept:,} of {counts.requested:,} kept"
        typer.echo(f"shard {number}: {kept}{cost}", err=True)

    return tell


def _cost(spent: Spent, prices: Prices) -> str:
    money = spent.money(prices)
    said = f"{spent.requests:,} requests, {spent.tokens_in:,} tokens read, {spent.tokens_out:,} written"
    said += f", {money:,.2f} in money" if money else ""
    return said + (f", {spent.unknown:,} requests of unknown cost" if spent.unknown else "")


def _money(spent: Spent, prices: Prices) -> dict[str, float]:
    return {
        "requests": spent.requests,
        "tokens_in": spent.tokens_in,
        "tokens_out": spent.tokens_out,
        "money": spent.money(prices),
    }


def _show(outcome: Outcome, spent: Spent, prices: Prices, card: Path, as_json: bool) -> None:
    counts = outcome.counts
    if as_json:
        where = {"kept_in": str(outcome.kept), "rejected_in": str(outcome.rejected), "card": str(card)}
        print_json_line({**where, **counts.to_dict(), **_money(spent, prices), "ended": outcome.ended})
        return
    rejected = counts.rejected.total()
    typer.echo(f"{outcome.kept}: {counts.kept:,} triplets")
    typer.echo(f"{outcome.rejected}: {rejected:,} rejected")
    for reason, count in counts.rejected.most_common():
        typer.echo(f"  {count:>9,}  {reason}")
    typer.echo(f"asked for {counts.requested:,} = {counts.kept:,} kept + {rejected:,} rejected")
    if counts.untouched:
        typer.echo(f"{counts.untouched:,} of {counts.sources:,} pairs gave the writer nothing to edit", err=True)
    if spent.requests:
        typer.echo(f"spent: {_cost(spent, prices)}", err=True)
    typer.echo(f"{card}: written", err=True)
    if outcome.ended:
        typer.echo(f"ended early: {outcome.ended}; run again with a larger budget to go on", err=True)

"""What a run will ask for, before it begins: requests, tokens, money, and the least time that the pace allows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from instructcir.synthesis.planning import Planner
from instructcir.synthesis.prompt import Prompt
from instructcir.synthesis.prompted import answer_schema
from instructcir.synthesis.spending import Limits, Prices, Spent
from instructcir.synthesis.writer import Task
from instructcir.synthesis.written import Source

BYTES_PER_TOKEN = 4.0
"""Of English and JSON, about, for all common tokenizers."""
TOKENS_PER_TRIPLET = 75
"""Of one triplet as JSON in an answer, about."""
TOKENS_SHOWN = 400
"""Of a picture of 512 pixels, about; 85 to 800 by model."""
_SAMPLE = 200


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run will take.

    Attributes:
        sources: that are read.
        triplets: that are asked for.
        spent: requests and tokens, about; each request once.
        money: what they cost at the given prices.
        minutes: that the pace alone makes it last; 0 without a pace.
        ends_at: the part of the sources that the budget reaches, 0 to 1.
    """

    sources: int
    triplets: int
    spent: Spent
    money: float
    minutes: float
    ends_at: float


def forecast(
    sources: Iterable[Source],
    per_source: int,
    prompt: Prompt | None,
    *,
    shown: bool = False,
    prices: Prices | None = None,
    limits: Limits | None = None,
    requests_a_minute: float | None = None,
    tokens_a_minute: float | None = None,
) -> Forecast:
    """Reckon a run from its prompt and the first 200 sources.

    Args:
        sources: all of them; they are read to be counted.
        per_source: triplets that are asked for from one.
        prompt: what a model is asked; None for a writer that asks none.
        shown: whether it is sent the pictures.
        prices: of tokens.
        limits: of the budget.
        requests_a_minute: the pace.
        tokens_a_minute: the pace.
    """
    planner, count, size, sample = Planner(), 0, 0, 0
    schema = answer_schema() if prompt is not None else {}
    for source in sources:
        count += 1
        if prompt is not None and sample < _SAMPLE:
            question = prompt.question(Task(source, tuple(planner.orders(per_source))), schema, shown=shown)
            size += int(question.size / BYTES_PER_TOKEN) + question.pictures * TOKENS_SHOWN
            sample += 1
    if prompt is None or not count:
        return Forecast(count, count * per_source, Spent(), 0.0, 0.0, 1.0)
    spent = Spent(count, size * count // sample, count * per_source * TOKENS_PER_TRIPLET)
    money = spent.money(prices or Prices())
    tokens = spent.tokens_in + spent.tokens_out
    minutes = max(count / (requests_a_minute or float("inf")), tokens / (tokens_a_minute or float("inf")))
    limits = limits or Limits()
    parts = [
        allowed / needed
        for allowed, needed in ((limits.requests, count), (limits.tokens, tokens), (limits.money, money))
        if allowed is not None and needed
    ]
    return Forecast(count, count * per_source, spent, money, minutes, min([1.0, *parts]))

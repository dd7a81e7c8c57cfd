"""What a run will take, against the formula that the documents show."""

from __future__ import annotations

from instructcir.synthesis.forecast import BYTES_PER_TOKEN, TOKENS_PER_TRIPLET, TOKENS_SHOWN, forecast
from instructcir.synthesis.planning import Planner
from instructcir.synthesis.prompt import read_prompt
from instructcir.synthesis.prompted import answer_schema
from instructcir.synthesis.spending import Limits, Prices, Spent
from instructcir.synthesis.writer import Task
from instructcir.synthesis.written import Source

SOURCES = [Source(str(number), "a.png", "a caption of thirty letters ...") for number in range(500)]


def test_a_forecast_is_the_formula() -> None:
    prompt = read_prompt()
    one = prompt.question(Task(SOURCES[0], tuple(Planner().orders(4))), answer_schema()).size / BYTES_PER_TOKEN
    found = forecast(iter(SOURCES), 4, prompt, prices=Prices(2.0, 8.0), requests_a_minute=50, tokens_a_minute=1e6)
    assert (found.sources, found.triplets) == (500, 2000)
    assert found.spent.requests == 500
    assert abs(found.spent.tokens_in / (500 * one) - 1) < 0.02
    assert found.spent.tokens_out == 2000 * TOKENS_PER_TRIPLET
    assert found.money == (2 * found.spent.tokens_in + 8 * found.spent.tokens_out) / 1e6
    assert (found.minutes, found.ends_at) == (10, 1)


def test_pictures_that_are_shown_count_and_the_tightest_limit_ends_it() -> None:
    prompt = read_prompt()
    blind, shown = (forecast(SOURCES, 4, prompt, shown=one).spent.tokens_in for one in (False, True))
    assert shown - blind == 500 * TOKENS_SHOWN
    assert forecast(SOURCES, 4, prompt, limits=Limits(requests=250, tokens=10**9)).ends_at == 0.5


def test_rules_cost_nothing() -> None:
    found = forecast(SOURCES, 3, None, prices=Prices(2.0, 8.0), limits=Limits(requests=1))
    assert (found.triplets, found.spent, found.money, found.ends_at) == (1500, Spent(), 0, 1)

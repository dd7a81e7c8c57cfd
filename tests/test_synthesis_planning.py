"""The planner: shares are met, also where a writer does something else or cannot do a kind at all."""

from __future__ import annotations

from collections import Counter

import pytest

from instructcir.synthesis.planning import Order, Planner, fitting
from instructcir.synthesis.written import ASPECTS, KINDS, STYLES, Provenance, Verdict, Written

ORIGIN = Provenance("rules", "0", "2026-01-31T12:00:00Z")


def done(order: Order, kind: str | None = None, reason: str = "") -> Verdict:
    return Verdict(Written("a", 0, "x", "y", kind or order.kind, order.style, (order.aspect,), ORIGIN), reason)


def test_kinds_and_styles_come_in_their_shares() -> None:
    planner, kinds, styles, aspects = Planner(), Counter(), Counter(), Counter()
    for _ in range(700):
        for order in planner.orders(3):
            kinds[order.kind] += 1
            styles[order.style] += 1
            aspects[order.aspect] += 1
            planner.tell(order, done(order))
    assert set(kinds) == set(KINDS)
    assert set(styles) == set(STYLES)
    assert set(aspects) == set(ASPECTS)
    assert kinds["colour"] == pytest.approx(3 * kinds["medium"], rel=0.05)
    assert styles["direct"] == pytest.approx(3 * styles["question"], rel=0.05)
    assert min(aspects.values()) > 2100 / len(ASPECTS) / 2


def test_wishes_about_one_source_are_of_different_kinds() -> None:
    assert all(len({order.kind for order in Planner(seed).orders(12)}) == 12 for seed in range(5))
    assert len(Planner().orders(3, {"colour": ["direct"]})) == 3


def test_what_is_behind_is_asked_for() -> None:
    planner, kinds = Planner(), Counter()
    for _ in range(300):  # a writer that makes every count a colour
        for order in planner.orders(2):
            kind = "colour" if order.kind == "count" else order.kind
            kinds[kind] += 1
            planner.tell(order, done(order, kind))
    assert kinds["colour"] < 300  # it may get one count a source, and then no colour is asked for beside
    assert kinds["add"] > 20


def test_a_kind_that_never_works_is_asked_for_twice_its_share_and_no_more() -> None:
    planner, asked = Planner(), Counter()
    for _ in range(2000):
        [order] = planner.orders(1)
        asked[order.kind] += 1
        planner.tell(order, done(order, reason="length" if order.kind == "count" else ""))
    assert asked["count"] == pytest.approx(2 * asked["remove"], rel=0.1)


def test_only_what_is_possible_is_asked_for() -> None:
    planner = Planner()
    orders = [order for _ in range(40) for order in planner.orders(2, {"count": ["fragment"], "add": STYLES})]
    assert {order.kind for order in orders} == {"count", "add"}
    assert {order.style for order in orders if order.kind == "count"} == {"fragment"}
    assert all(order.aspect in fitting(order.kind, order.style) for order in orders)


def test_the_same_calls_give_the_same_wishes() -> None:
    first, second = Planner(7), Planner(7)
    assert [first.orders(4) for _ in range(20)] == [second.orders(4) for _ in range(20)]


def test_every_kind_and_style_fits_an_aspect() -> None:
    assert all(fitting(kind, style) for kind in KINDS for style in STYLES)

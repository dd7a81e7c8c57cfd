"""Bounds of metrics against every order of a small gallery, and kinds of edit against sentences."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

import numpy as np
import pytest

from instructcir.benchmarks.benchmark import CANDIDATES, Part, Protocol, Query, metrics
from instructcir.evaluation.chance import bounds
from instructcir.evaluation.edit_kinds import OTHER, edit_kinds, kinds
from instructcir.evaluation.judging import answers_in_candidates, answers_in_gallery, judge

GALLERY = ("a", "b", "c", "d", "e", "f")
MEASURED = (*metrics("recall", 1, 3, 9), *metrics("mAP", 1, 2, 4, 9), *metrics("soft_recall", 1, 3))
QUERY = Query("q", "a", {"x": "?"}, ("b", "a", "d", "gone"), grades={"b": 0.5, "a": 1.0, "d": -1.0, "e": 0.2})
OWN = Query("o", "a", {"x": "?"}, ("b",), ("c",), ("b", "c", "b", "d", "e"), 0, {"b": 1.0})


def protocol(gallery: str, *, removes: bool) -> Protocol:
    return Protocol("p", "", "", True, gallery, ("x",), removes, MEASURED)


def orders(query: Query, gallery: str, *, removes: bool) -> Iterator[dict[str, float]]:
    """The metrics of every order of what is ranked."""
    if gallery == CANDIDATES:
        answers = answers_in_candidates([query])
        places = [at for at, name in enumerate(query.candidates) if not (removes and name in query.excluded)]
    else:
        places = [at for at, name in enumerate(GALLERY) if not (removes and name == query.reference)]
        ranked = {GALLERY[at]: at for at in places}
        answers = answers_in_gallery([query], ranked)
    for order in permutations(places):
        values = judge(np.array([order]), answers, MEASURED)
        yield {name: 100 * float(value[0]) for name, value in values.items()}


@pytest.mark.parametrize("removes", [False, True])
@pytest.mark.parametrize(("query", "gallery"), [(QUERY, "g"), (OWN, CANDIDATES)])
def test_bounds_against_every_order(query: Query, gallery: str, removes: bool) -> None:
    found = bounds(Part("part", (query,), {"g": GALLERY}), protocol(gallery, removes=removes))
    every = list(orders(query, gallery, removes=removes))
    for metric in MEASURED:
        if gallery == CANDIDATES and metric.kind == "soft_recall":
            continue  # no protocol grades candidates that stand there twice
        values = [one[metric.name] for one in every]
        assert found[metric.name].random == pytest.approx(np.mean(values)), metric
        assert found[metric.name].oracle == pytest.approx(max(values)), metric


def test_an_oracle_does_not_always_reach_100() -> None:
    found = bounds(Part("part", (QUERY,), {"g": GALLERY}), protocol("g", removes=False))
    assert found["mAP@9"].oracle == 75  # one of four relevant pictures is not in the gallery
    removed = bounds(Part("part", (QUERY,), {"g": GALLERY}), protocol("g", removes=True))
    assert removed["soft_recall@3"].oracle == 50


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Has no sleeves", {"removal", "shape"}),
        ("has fewer people", {"comparative", "count"}),
        ("with a different background", {"addition", "replacement"}),
        ("has a darker collar", {"comparative", "shape"}),
        ("has a collar and a more open back", {"addition", "comparative", "shape"}),
        ("with one dog", {OTHER}),
        ("the dog has its mouth open", {OTHER}),
        ("unlike this one, it is plain", {OTHER}),
        ("has a hood and one more button", {"addition", "comparative", "count"}),
        ("isn\u2019t striped?", {"removal", "pattern"}),
        ("is more red than this", {"comparative", "colour"}),
        ("shows two dogs, photographed from above", {"count", "viewpoint"}),
        ("change the cat to a dog", {"replacement"}),
        ("is bluegrass", {OTHER}),
        ("", {OTHER}),
        ("colourful", {"colour"}),
    ],
)
def test_kinds_of_edit(text: str, expected: set[str]) -> None:
    found = edit_kinds(text)
    assert expected <= set(found) <= {*expected, "place"}
    assert set(found) <= set(kinds())

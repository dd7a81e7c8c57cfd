"""Two result cards side by side: differences, whether they could be chance, and the queries that moved most.

The same queries were asked of both, so differences are judged query by query (paired).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from instructcir.errors import InputError
from instructcir.evaluation.card import read_card, read_per_query
from instructcir.evaluation.metrics import bootstrap_means
from instructcir.evaluation.moved import Moved, most_moved
from instructcir.files import PathLike

Floats = npt.NDArray[np.float64]
PerQuery = Mapping[str, Mapping[str, float | None]]

MOVED = 20
"""Queries that rose most, and as many that fell."""
_DRAWS = 10_000


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric of one part under one protocol, in two runs.

    Attributes:
        protocol: its id.
        part: its name.
        metric: its name.
        queries: that both runs have.
        one: mean of the first run over these, in percent.
        other: mean of the second.
        interval: 95 % bootstrap interval of other - one, in points.
        p: two-sided p value of a paired permutation test (signs of the differences at random).
    """

    protocol: str
    part: str
    metric: str
    queries: int
    one: float
    other: float
    interval: tuple[float, float]
    p: float


def compare(one: PathLike, other: PathLike) -> tuple[list[Difference], list[Moved]]:
    """Compare two cards of the same benchmark and split.

    Args:
        one: a card's .json file; its .parquet file must lie beside it.
        other: another.

    Returns:
        Differences of all that both have, and the queries under official protocols that moved most, the largest factor
        between ranks first, at most MOVED up and as many down.

    Raises:
        InputError: a file is no card, the cards are of different benchmarks, or they have nothing in common.
    """
    cards = read_card(one), read_card(other)
    what = [(card["benchmark"], card["split"]) for card in cards]
    if what[0] != what[1]:
        raise InputError(
            f"{one} is about {' '.join(what[0])}, {other} about {' '.join(what[1])}; compare like with like"
        )
    tables = [read_per_query(Path(path).with_suffix(".parquet")) for path in (one, other)]
    official = {row["protocol"] for row in cards[0]["rows"] if row["official"]}
    differences: list[Difference] = []
    moved: list[Moved] = []
    for key in tables[0]:
        if key in tables[1]:
            differences += _differences(key, tables[0][key], tables[1][key])
            if key[0] in official:
                moved += _moved(key, tables[0][key], tables[1][key])
    if not differences:
        raise InputError(f"{one} and {other} share no protocol with common queries")
    return differences, most_moved(moved, MOVED)


def permutation_p(differences_Q: Floats, *, draws: int = _DRAWS, seed: int = 0) -> float:
    """Two-sided p value of a paired permutation test: how often random signs give a mean as far from 0.

    Args:
        differences_Q: one a query.
        draws: of signs.
        seed: of them.
    """
    moving = differences_Q[differences_Q != 0]
    if not len(moving):
        return 1.0
    rng = np.random.default_rng(seed)
    seen = abs(moving.sum()) - 1e-9
    extreme = sum(
        int((np.abs(rng.choice((-1.0, 1.0), (min(500, draws - start), len(moving))) @ moving) >= seen).sum())
        for start in range(0, draws, 500)
    )
    return (extreme + 1) / (draws + 1)


def _differences(key: tuple[str, str], one: PerQuery, other: PerQuery) -> list[Difference]:
    both = [query for query in one if query in other]
    found = []
    for metric in [name for name in next(iter(one.values())) if name != "rank"]:
        pairs = [(one[query].get(metric), other[query].get(metric)) for query in both]
        values = np.array([pair for pair in pairs if None not in pair], dtype=np.float64)
        if not len(values):
            continue
        change_Q = values[:, 1] - values[:, 0]
        low, high = np.quantile(bootstrap_means([change_Q[:, None]])[:, 0], [0.025, 0.975])
        means: Any = 100 * values.mean(axis=0)
        found.append(
            Difference(
                *key,
                metric,
                len(values),
                float(means[0]),
                float(means[1]),
                (100 * float(low), 100 * float(high)),
                permutation_p(change_Q),
            )
        )
    return found


def _moved(key: tuple[str, str], one: PerQuery, other: PerQuery) -> list[Moved]:
    ranks = [(query, int(one[query]["rank"] or 0), int(other[query]["rank"] or 0)) for query in one if query in other]
    return [Moved(*key, query, first, second) for query, first, second in ranks]

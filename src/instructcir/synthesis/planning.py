"""Which kinds of edits, styles and aspects to ask for: always what is behind its share."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from instructcir.synthesis.written import ASPECTS, KINDS, STYLES, Verdict
from instructcir.worlds.world import Aspect

_REJECTED = 0.5  # a rejected triplet counts as half: what a writer cannot do is then not asked for without end


@dataclass(frozen=True, slots=True)
class Order:
    """One triplet to write.

    Attributes:
        kind: what the edit is to change, one of `KINDS`.
        style: how it is to be said, one of `STYLES`.
        aspect: the one of CIRCO's that it should show.
    """

    kind: str
    style: str
    aspect: Aspect


class Planner:
    """Chooses what to ask for, so that what is kept comes near the shares of `planning.toml`.

    The same calls in the same order give the same orders.
    """

    def __init__(self, seed: int = 0) -> None:
        self._rng = random.Random(seed)
        self._kinds = _Shares({name: settings["share"] for name, settings in _settings()["kind"].items()})
        self._styles = _Shares({name: settings["share"] for name, settings in _settings()["style"].items()})
        self._aspects = _Shares(dict.fromkeys(ASPECTS, 1))

    def orders(self, count: int, possible: Mapping[str, Collection[str]] | None = None) -> list[Order]:
        """What to ask for about one source: different kinds where there are enough.

        Args:
            count: how many, at least 1.
            possible: kind -> styles that the writer can do with this source, not empty; None where it can do all.
        """
        chosen: list[Order] = []
        for _ in range(count):
            kinds = KINDS if possible is None else list(possible)
            fresh = [kind for kind in kinds if kind not in {order.kind for order in chosen}]
            kind = self._kinds.furthest_behind(fresh or kinds, self._rng)
            styles = STYLES if possible is None else _sorted(possible[kind])
            style = self._styles.furthest_behind(styles, self._rng)
            aspect = self._aspects.furthest_behind(fitting(kind, style), self._rng)
            self._add((kind,), style, (aspect,), 1.0)
            chosen.append(Order(kind, style, aspect))
        return chosen

    def tell(self, order: Order, verdict: Verdict) -> None:
        """Take in what came of an order.

        Args:
            order: one that `orders` returned.
            verdict: of the triplet that it led to.
        """
        if not verdict.kept:
            self._add((order.kind,), order.style, (order.aspect,), _REJECTED - 1.0)
            return
        written = verdict.written
        self._add((order.kind,), order.style, (order.aspect,), -1.0)
        self._add(written.kind.split("+"), written.style, written.aspects, 1.0)

    def _add(self, kinds: Sequence[str], style: str, aspects: Sequence[str], amount: float) -> None:
        self._kinds.add(kinds, amount)
        self._styles.add((style,), amount)
        self._aspects.add(aspects, amount)


class _Shares:
    """How much there is of each name, beside how much there should be."""

    def __init__(self, shares: Mapping[str, float]) -> None:
        self._shares = shares
        self._amounts = dict.fromkeys(shares, 0.0)

    def add(self, names: Sequence[str], amount: float) -> None:
        for name in names:
            if name in self._amounts:  # a writer may name what is unknown here
                self._amounts[name] += amount

    def furthest_behind(self, names: Sequence[Any], rng: random.Random) -> Any:
        amounts = [self._amounts[name] / self._shares[name] for name in names]
        least = min(amounts)
        return rng.choice([name for name, amount in zip(names, amounts, strict=True) if amount == least])


@cache
def fitting(kind: str, style: str) -> tuple[Aspect, ...]:
    """Aspects that an edit of a kind, said in a style, can show; at least one."""
    aspects = (*_settings()["kind"][kind]["aspects"], *_settings()["style"][style]["aspects"])
    return tuple(aspect for aspect in ASPECTS if aspect in aspects)


def _sorted(styles: Collection[str]) -> list[str]:
    return [style for style in STYLES if style in styles]


@cache
def _settings() -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("planning.toml").read_text(encoding="utf-8"))

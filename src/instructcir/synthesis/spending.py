"""What questions cost, what they may cost, and how fast they may be asked."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import astuple, dataclass

from instructcir.synthesis.shard import BudgetReached

_PER = 1_000_000  # tokens that a price is for
TOKENS_PER_BYTE = 0.5
"""Set aside for a question before it is sent; English takes about half of it."""
TOKENS_PER_PICTURE = 1000
"""Set aside for a picture of at most 512 pixels a side; hosted models count 85 to 800."""


@dataclass(frozen=True, slots=True)
class Prices:
    """Money for a million tokens."""

    tokens_in: float = 0.0
    tokens_out: float = 0.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be spent, over all calls of a run; None where there is no limit."""

    requests: int | None = None
    tokens: int | None = None
    money: float | None = None


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent.

    Attributes:
        requests: sent, whatever came of them.
        tokens_in: that were read by the model.
        tokens_out: that it wrote.
        unknown: requests among those whose cost is not known: the process was killed, or no answer came in time.
    """

    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    unknown: int = 0

    def money(self, prices: Prices) -> float:
        """What that is in money."""
        return (self.tokens_in * prices.tokens_in + self.tokens_out * prices.tokens_out) / _PER


class Purse:
    """A running total that is asked before each request. For several threads."""

    def __init__(self, limits: Limits, prices: Prices, spent: Spent) -> None:
        """Open it.

        Args:
            limits: that hold over all calls.
            prices: of tokens.
            spent: what earlier calls have spent.
        """
        self._limits, self.prices, self._spent = limits, prices, spent
        self._aside = Spent()
        self._lock = threading.Lock()

    @property
    def spent(self) -> Spent:
        """What was spent until now."""
        with self._lock:
            return self._spent

    def reserve(self, aside: Spent) -> None:
        """Set aside what a request may cost at most.

        Raises:
            BudgetReached: with it a limit would be passed.
        """
        with self._lock:
            then = _sum(self._spent, self._aside, aside)
            limits = self._limits
            if limits.requests is not None and then.requests > limits.requests:
                raise BudgetReached(f"the budget of {limits.requests:,} requests is used up")
            if limits.tokens is not None and then.tokens_in + then.tokens_out > limits.tokens:
                raise BudgetReached(f"another answer could pass the budget of {limits.tokens:,} tokens")
            if limits.money is not None and then.money(self.prices) > limits.money:
                raise BudgetReached(f"another answer could pass the budget of {limits.money:g} in money")
            self._aside = _sum(self._aside, aside)

    def settle(self, aside: Spent, paid: Spent) -> None:
        """Put in place of what was set aside what it was in fact."""
        with self._lock:
            less = Spent(-aside.requests, -aside.tokens_in, -aside.tokens_out)
            self._aside = _sum(self._aside, less)
            self._spent = _sum(self._spent, paid)


def _sum(*parts: Spent) -> Spent:
    return Spent(*(sum(amounts) for amounts in zip(*map(astuple, parts), strict=True)))


class Pace:
    """Lets requests through no faster than allowed, and none while the server asked to wait. For several threads."""

    def __init__(
        self,
        requests: float | None = None,
        tokens: float | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Set the pace.

        Args:
            requests: a minute, at most; None for no limit.
            tokens: a minute, at most, as they are set aside.
            clock: seconds.
            sleep: waits for so many.
        """
        self._requests, self._tokens, self._clock, self._sleep = requests, tokens, clock, sleep
        self._sent: deque[tuple[float, int]] = deque()
        self._not_before = 0.0
        self._lock = threading.Lock()

    def wait(self, tokens: int) -> None:
        """Return when a request of so many tokens may be sent; it then counts as sent."""
        while (seconds := self._ask(tokens)) > 0:
            self._sleep(seconds)

    def hold(self, seconds: float) -> None:
        """Let nothing through for so long."""
        with self._lock:
            self._not_before = max(self._not_before, self._clock() + seconds)

    def _ask(self, tokens: int) -> float:
        """Seconds to wait before asking again; 0 when it may go."""
        with self._lock:
            now = self._clock()
            while self._sent and self._sent[0][0] <= now - 60:
                self._sent.popleft()
            if now < self._not_before:
                return self._not_before - now
            of_minute = sum(count for _, count in self._sent)
            full = self._requests is not None and len(self._sent) >= self._requests
            # a single request above the minute's tokens goes alone
            full |= self._tokens is not None and bool(self._sent) and of_minute + tokens > self._tokens
            if full:
                return self._sent[0][0] + 60 - now
            if self._requests is not None or self._tokens is not None:
                self._sent.append((now, tokens))
            return 0.0

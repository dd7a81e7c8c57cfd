"""Asks until there is an answer: kept ones first, within the budget, at the pace, again after a while."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from instructcir.errors import InputError, InstructcirError
from instructcir.synthesis.answers import Answers
from instructcir.synthesis.asking import Answer, Asker, Later, Question
from instructcir.synthesis.spending import TOKENS_PER_BYTE, TOKENS_PER_PICTURE, Pace, Purse, Spent

_GIVEN_UP = 8
"""Questions without an answer, one after the other, after which the server counts as gone."""
_LONGEST_WAIT = 120.0


@dataclass(slots=True)
class Patient:
    """An asker with everything around it.

    Attributes:
        asker: who answers.
        answers: what was answered before, and is kept.
        purse: what may be spent.
        pace: how fast.
        tries: how often a question is sent before it counts as unanswered.
        patience: seconds before a second try; each further one waits twice as long.
        sleep: waits for so many seconds.
    """

    asker: Asker
    answers: Answers
    purse: Purse
    pace: Pace
    tries: int = 6
    patience: float = 1.0
    sleep: Callable[[float], None] = time.sleep
    _silent: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _asking: set[str] = field(default_factory=set)
    _asked: threading.Condition = field(default_factory=threading.Condition)

    def ask(self, questions: Sequence[Question], turn: int = 0) -> list[Answer]:
        """Answers, from those kept where there are any.

        Args:
            questions: any number.
            turn: how often the same has been asked before, with an answer of no use.

        Raises:
            BudgetReached: one could not be asked any more.
            InputError: a number of questions in a row had no answer, so that the server is probably gone.
            InstructcirError: what the asker raises for good.
        """
        keys = [question.digest(self.asker.name, turn) for question in questions]
        with self._alone(keys):
            found = {key: answer for key in keys if (answer := self.answers.get(key)) is not None}
            left = {key: one for key, one in zip(keys, questions, strict=True) if key not in found}
            if left:
                found |= self._fetch(left, turn)
        return [found[key] for key in keys]

    @contextmanager
    def _alone(self, keys: Collection[str]) -> Iterator[None]:
        """Wait while another thread asks one of the same: copies of a picture are paid for once."""
        with self._asked:
            self._asked.wait_for(lambda: self._asking.isdisjoint(keys))
            self._asking.update(keys)
        try:
            yield
        finally:
            with self._asked:
                self._asking.difference_update(keys)
                self._asked.notify_all()

    def _fetch(self, left: dict[str, Question], turn: int) -> dict[str, Answer]:
        why = ""
        for attempt in range(self.tries):
            try:
                given = self._send(left, turn)
            except Later as error:
                why = str(error)
                self._wait(error, attempt)
            else:
                with self._lock:
                    self._silent.clear()
                return dict(zip(left, given, strict=True))
        return self._give_up(left, why)

    def _send(self, left: dict[str, Question], turn: int) -> list[Answer]:
        """One call for all of them."""
        questions = list(left.values())
        aside = Spent(
            len(questions),
            sum(int(one.size * TOKENS_PER_BYTE) + one.pictures * TOKENS_PER_PICTURE for one in questions),
            sum(one.longest for one in questions),
        )
        self.purse.reserve(aside)
        paid = Spent()
        numbers: list[int] = []
        try:
            self.pace.wait(aside.tokens_in + aside.tokens_out)
            numbers = [self.answers.sent(key) for key in left]
            paid = Spent(len(questions), unknown=len(questions))
            given = self._timed(questions, turn)
            for number, key, answer in zip(numbers, left, given, strict=True):
                self.answers.came(number, key, answer)
            tokens = sum(one.tokens_in for one in given), sum(one.tokens_out for one in given)
            paid = Spent(len(questions), *tokens)
            return given
        except InstructcirError as error:
            if not isinstance(error, Later) or error.unpaid:
                paid = Spent(len(numbers))
                for number, key in zip(numbers, left, strict=True):
                    self.answers.came(number, key, None)
            raise
        finally:
            self.purse.settle(aside, paid)

    def _timed(self, questions: Sequence[Question], turn: int) -> list[Answer]:
        given = self.asker.ask(questions, turn)
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return [replace(answer, time=now) for answer in given]

    def _wait(self, error: Later, attempt: int) -> None:
        seconds = self.patience * 2**attempt * random.uniform(0.75, 1.25)  # so that threads do not come back together
        if error.after is not None:
            seconds = max(error.after, 0.0)
        seconds = min(seconds, _LONGEST_WAIT)
        if error.all_wait:
            self.pace.hold(seconds)
        if attempt < self.tries - 1:
            self.sleep(seconds)

    def _give_up(self, left: dict[str, Question], why: str) -> dict[str, Answer]:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        answer = Answer(f"{self.tries} tries, the last: {why}", "no answer", time=now)
        with self._lock:
            self._silent.extend(left)
            if len(self._silent) >= _GIVEN_UP:
                for key in self._silent:
                    self.answers.forget(key)
                raise InputError(f"{len(self._silent)} questions in a row had no answer ({why}); run again later")
            for key in left:
                self.answers.put(key, answer)
        return dict.fromkeys(left, answer)

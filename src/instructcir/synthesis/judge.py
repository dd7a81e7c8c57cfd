"""A judge of triplets: a score for each, and the score from which one is kept, learned from what people said.

The embedder that is to be trained can be the judge: a modified caption that does what is asked is nearer to picture and
instruction than the original caption is. A language model can be one too: it is asked how well a triplet holds. Both
are passed in; none is loaded here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Protocol

import numpy as np
import numpy.typing as npt

from instructcir.errors import InputError
from instructcir.items import ComposedQuery
from instructcir.synthesis.labels import Share, wilson
from instructcir.synthesis.written import Picture, Source, Verdict, Written

# shapes: Q triplets, D dimensions

Vectors = npt.NDArray[np.float32]
NAME = "judge"
FEWEST = 20
"""Labels that a threshold is learned from, at least, with good and bad ones among them."""
TARGET = 0.9
_SCORE = re.compile(r"(?<![\d.])(10|[0-9])(?:\.\d+)?(?![\d])")


class Judge(Protocol):
    """Scores triplets; a higher score is a better triplet."""

    name: str

    def scores(self, triplets: Sequence[tuple[Source, Written]]) -> list[float]:
        """A score for each, in order."""
        ...


class Embeds(Protocol):
    """An embedder, as far as the judge needs one."""

    def embed_queries(self, queries: Sequence[ComposedQuery]) -> Vectors:
        """(Q, D), unit length."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """(T, D), unit length."""
        ...


class EmbedderJudge:
    """Scores by the margin: cosine of picture with instruction to the modified caption, less that to the original.

    Args:
        embedder: what makes vectors.
        name: of its model.
    """

    def __init__(self, embedder: Embeds, name: str) -> None:
        self._embedder = embedder
        self.name = f"embedder:{name}"

    def scores(self, triplets: Sequence[tuple[Source, Written]]) -> list[float]:
        """Margins, from -2 to 2; above 0 the modified caption is nearer.

        Raises:
            InputError: a source has no picture.
            ImageError: a picture cannot be used.
        """
        if not triplets:
            return []
        queries = [ComposedQuery(picture_of(source), written.instruction) for source, written in triplets]
        queries_QD = self._embedder.embed_queries(queries)
        texts = list(dict.fromkeys(text for one in triplets for text in (one[1].modified_caption, one[0].caption)))
        place = {text: number for number, text in enumerate(texts)}
        texts_TD = self._embedder.embed_texts(texts)
        modified_QD = texts_TD[[place[written.modified_caption] for _, written in triplets]]
        original_QD = texts_TD[[place[source.caption] for source, _ in triplets]]
        margins: list[float] = ((modified_QD - original_QD) * queries_QD).sum(axis=1).tolist()
        return margins


class AskingJudge:
    """Scores by what a language model answers to `judging_prompt.txt`: a number from 0 to 10.

    Args:
        ask: takes the prompt and the picture, which a model without eyes may ignore, and returns the answer.
        name: of the model.
    """

    def __init__(self, ask: Callable[[str, Picture | None], str], name: str) -> None:
        self._ask = ask
        self.name = f"language model:{name}"

    def scores(self, triplets: Sequence[tuple[Source, Written]]) -> list[float]:
        """Numbers from 0 to 10.

        Raises:
            InputError: an answer holds no such number.
        """
        return [self._score(source, written) for source, written in triplets]

    def _score(self, source: Source, written: Written) -> float:
        prompt = judging_prompt(source.caption, written.instruction, written.modified_caption)
        answer = self._ask(prompt, source.image)
        found = _SCORE.search(answer)
        if found is None:
            raise InputError(f"{written.id}: the judge answered {answer[:60]!r}, which holds no number from 0 to 10")
        return float(found.group())


def judging_prompt(caption: str, instruction: str, modified_caption: str) -> str:
    """What a language model is asked about one triplet."""
    text = resources.files(__package__).joinpath("judging_prompt.txt").read_text(encoding="utf-8")
    for name, value in (("caption", caption), ("instruction", instruction), ("modified_caption", modified_caption)):
        text = text.replace(f"<{name}>", value.replace("<", "(").replace(">", ")"))
    return text


def picture_of(source: Source) -> Picture:
    """A source's picture.

    Raises:
        InputError: it has none.
    """
    if source.image is None:
        raise InputError(f"{source.id}: has no picture, and the judge looks at one")
    return source.image


@dataclass(frozen=True, slots=True)
class Threshold:
    """From which score a triplet is kept, and what that rests on.

    Attributes:
        score: triplets below it are rejected.
        kept: of the labelled ones at or above it, how many are good.
        lost: good labelled ones below it.
        target: what the lower end of `kept` was to reach.
        reached: whether it does.
    """

    score: float
    kept: Share
    lost: int
    target: float
    reached: bool


def learn_threshold(scores: Sequence[float], good: Sequence[bool], *, target: float = TARGET) -> Threshold:
    """The lowest score at which those that are kept are good enough.

    The rule: among the scores of the labelled triplets, the lowest for which Wilson's 95 % interval of the share of
    good ones at or above it begins at `target` or higher. If none does, the one whose interval begins highest, and of
    several the lowest; `reached` then says no. An interval, not the share itself, so that few labels make it careful.

    Args:
        scores: of labelled triplets.
        good: what a person said of each.
        target: from 0 to 1.

    Raises:
        InputError: fewer than `FEWEST` labels, or none that is good or none that is bad.
    """
    if len(scores) != len(good):
        raise ValueError(f"{len(scores)} scores and {len(good)} labels")
    if len(scores) < FEWEST or all(good) or not any(good):
        reason = f"{len(good)} labels, {sum(good)} of them good"
        raise InputError(f"{reason}: a threshold needs {FEWEST} or more, with good and bad ones; label more of them")
    best: tuple[float, float, Share] | None = None
    for score in sorted(set(scores)):
        above = [label for one, label in zip(scores, good, strict=True) if one >= score]
        kept = wilson(sum(above), len(above))
        if kept.low >= target:
            return Threshold(score, kept, sum(good) - kept.good, target, True)
        if best is None or kept.low > best[0]:
            best = kept.low, score, kept
    assert best is not None
    _, score, kept = best
    return Threshold(score, kept, sum(good) - kept.good, target, False)


def judged(judge: Judge, threshold: float, triplets: Sequence[tuple[Source, Verdict]]) -> list[tuple[Source, Verdict]]:
    """The same triplets, those that were kept and score too low rejected with the reason "judge".

    Args:
        judge: who scores.
        threshold: from which score one is kept.
        triplets: kept and rejected ones, which pass through.

    Raises:
        InstructcirError: as the judge's.
    """
    kept = [(source, verdict) for source, verdict in triplets if verdict.kept]
    scores = iter(judge.scores([(source, verdict.written) for source, verdict in kept]))
    return [
        (source, _judged(verdict, next(scores), threshold, judge.name) if verdict.kept else verdict)
        for source, verdict in triplets
    ]


def _judged(verdict: Verdict, score: float, threshold: float, name: str) -> Verdict:
    if score >= threshold:
        return Verdict(verdict.written, passed=(*verdict.passed, NAME))
    return Verdict(verdict.written, NAME, f"{score:.4f} by {name}, below {threshold:.4f}", verdict.passed)

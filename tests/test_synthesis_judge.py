"""Labels, Wilson's interval, the judges and the threshold that is learned from labels."""

from __future__ import annotations

import io
import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from filter_samples import GOOD, triplet
from instructcir.errors import InputError
from instructcir.items import ComposedQuery
from instructcir.synthesis.judge import AskingJudge, EmbedderJudge, judged, judging_prompt, learn_threshold
from instructcir.synthesis.labels import read_labels, share_of, wilson, write_labels
from instructcir.synthesis.written import Source, Verdict, Written
from tiny_pictures import pictures


@pytest.mark.parametrize(("good", "count"), [(0, 7), (7, 7), (3, 11), (81, 263), (1, 1)])
def test_the_interval_solves_wilsons_equation(good: int, count: int) -> None:
    found = wilson(good, count)
    z = 1.959963984540054
    for end in (found.low, found.high):  # the ends are where the share lies z standard errors away
        if 1e-9 < end < 1 - 1e-9:
            assert abs(good / count - end) == pytest.approx(z * math.sqrt(end * (1 - end) / count), rel=1e-9)
    assert found.low <= found.share <= found.high


def test_the_interval_of_none_and_of_what_cannot_be() -> None:
    assert (wilson(0, 0).low, wilson(0, 0).high, wilson(0, 0).share) == (0.0, 1.0, 0.0)
    with pytest.raises(ValueError, match="8 good ones of 7"):
        wilson(8, 7)


def test_labels_come_back(tmp_path: Path) -> None:
    labels = {"a#0": True, "b#1": False, "ü#0": True}
    write_labels(tmp_path / "l.jsonl", labels)
    assert read_labels(tmp_path / "l.jsonl") == labels
    (tmp_path / "l.json").write_text('[{"id": "a#0", "label": "bad", "note": "x"}, {"id": "a#0", "label": "good"}]')
    assert read_labels(tmp_path / "l.json") == {"a#0": True}
    assert (share_of(labels, ["a#0", "b#1", "unknown"]).good, share_of(labels, ["x"]).count) == (1, 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "no labels"), ("{", "no JSON"), ("[1]", "entry 1"), ('{"id": "a", "label": "meh"}', "'meh'")],
)
def test_broken_labels_are_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "l.jsonl").write_text(text)
    with pytest.raises(InputError, match=said):
        read_labels(tmp_path / "l.jsonl")
    with pytest.raises(InputError, match="cannot be read"):
        read_labels(tmp_path / "none.jsonl")


class Fixed:
    """An embedder whose vectors are given."""

    def __init__(self, texts: dict[str, list[float]]) -> None:
        self.texts = texts

    def embed_queries(self, queries: Sequence[ComposedQuery]) -> np.ndarray[Any, Any]:
        return np.array([[1.0, 0.0] for _ in queries], dtype=np.float32)

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray[Any, Any]:
        return np.array([self.texts[text] for text in texts], dtype=np.float32)


def png(image: Any) -> bytes:
    content = io.BytesIO()
    image.save(content, "PNG")
    return content.getvalue()


def seen(caption: str, instruction: str, modified: str, number: int = 0) -> tuple[Source, Written]:
    source, written = triplet(caption, instruction, modified, number)
    return Source(source.id, b"picture", source.caption), written


def test_the_margin_is_the_difference_of_cosines() -> None:
    judge = EmbedderJudge(Fixed({"old": [0.6, 0.8], "new": [0.8, 0.6], "same": [0.0, 1.0]}), "fixed")
    found = judge.scores([seen("old", "x", "new"), seen("new", "x", "old"), seen("old", "x", "same")])
    assert found == pytest.approx([0.2, -0.2, -0.6])
    assert judge.scores([]) == []
    with pytest.raises(InputError, match="has no picture"):
        judge.scores([triplet("old", "x", "new")])


def test_the_margin_of_a_real_embedder(loaded: Callable[..., Any]) -> None:
    embedder = loaded("qwen2-vl")
    image = pictures()[3]
    source, written = Source("s", png(image), GOOD[0][0]), triplet(*GOOD[0])[1]
    [query] = embedder.embed_queries([ComposedQuery(image, written.instruction)])
    new, old = embedder.embed_texts([written.modified_caption, source.caption])
    [found] = EmbedderJudge(embedder, "tiny").scores([(source, written)])
    assert found == pytest.approx(query @ new - query @ old, abs=1e-5)


def test_a_language_model_is_asked_with_all_three_texts() -> None:
    asked = []

    def ask(prompt: str, image: object) -> str:
        asked.append((prompt, image))
        return "I would say 7 (of 10)"

    source, written = seen("a dog", "a <cat>", "a cat")
    assert AskingJudge(ask, "m").scores([(source, written)]) == [7.0]
    [(prompt, image)] = asked
    assert image == b"picture"
    assert all(text in prompt for text in ("Caption: a dog", "Instruction: a (cat)", "Modified caption: a cat"))
    assert prompt == judging_prompt("a dog", "a <cat>", "a cat")
    with pytest.raises(InputError, match="s0#0: the judge answered 'good'"):
        AskingJudge(lambda *_: "good", "m").scores([(source, written)])


def test_the_threshold_is_the_lowest_that_reaches_the_target() -> None:
    rng = random.Random(0)
    scores = [rng.gauss(0.3 * (number % 2), 0.1) for number in range(400)]
    good = [bool(number % 2) for number in range(400)]
    found = learn_threshold(scores, good, target=0.9)
    assert found.reached
    assert found.kept.low >= 0.9
    for lower in (score for score in scores if score < found.score):
        above = [label for score, label in zip(scores, good, strict=True) if score >= lower]
        assert wilson(sum(above), len(above)).low < 0.9
    assert found.lost == sum(label for score, label in zip(scores, good, strict=True) if score < found.score)


def test_a_target_out_of_reach_is_said_to_be() -> None:
    scores = [float(number) for number in range(24)]
    found = learn_threshold(scores, [number % 2 == 0 for number in range(24)], target=0.99)
    assert not found.reached
    assert found.kept.low < 0.99


@pytest.mark.parametrize("good", [[True] * 30, [False] * 30, [True, False] * 5])
def test_too_few_labels_are_refused(good: list[bool]) -> None:
    with pytest.raises(InputError, match="label more of them"):
        learn_threshold([0.0] * len(good), good)


def test_what_scores_too_low_is_rejected_with_its_score() -> None:
    class ByNumber:
        name = "number"

        def scores(self, triplets: Sequence[tuple[Source, Written]]) -> list[float]:
            return [float(written.number) for _, written in triplets]

    made = [seen("a", "b", "c", number) for number in range(3)]
    verdicts = [(source, Verdict(written, passed=("schema",))) for source, written in made]
    verdicts.insert(1, (made[0][0], Verdict(made[0][1], "length", "too long")))
    found = [verdict for _, verdict in judged(ByNumber(), 1.0, verdicts)]
    assert [verdict.reason for verdict in found] == ["judge", "length", "", ""]
    assert found[0].detail == "0.0000 by number, below 1.0000"
    assert found[2].passed == ("schema", "judge")

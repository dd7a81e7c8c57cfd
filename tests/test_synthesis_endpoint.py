"""Writing through an endpoint: good and bad servers, budgets, pace, kills. The server is this test's own."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import asking_kills as asking
from instructcir.errors import InputError, PromptError
from instructcir.synthesis.answers import Answers
from instructcir.synthesis.endpoint import Access, Endpoint
from instructcir.synthesis.planning import Planner
from instructcir.synthesis.prompt import read_prompt
from instructcir.synthesis.prompted import PromptedWriter
from instructcir.synthesis.spending import Limits, Pace, Prices, Purse, Spent
from instructcir.synthesis.stored import read_verdicts
from instructcir.synthesis.writer import Task
from instructcir.synthesis.written import Source
from language_server import Behaviour, Reply, asked, completion, right, serving


def outcome_of(folder: Path, behaviour: Behaviour | None, count: int = 5) -> tuple[Counter[str], int]:
    """Reasons of rejection ("" for kept), and how many requests were sent."""
    with serving(behaviour) as server:
        outcome = asking.run(server.url, folder, sources=asking.SOURCES[:count])
        counts = outcome.counts
        assert counts.requested == 2 * count == counts.kept + counts.rejected.total()
        return Counter({"": counts.kept, **counts.rejected}), len(server.bodies)


def test_a_good_server_writes_what_was_ordered(tmp_path: Path) -> None:
    def takes_a_moment(body: dict[str, Any], _: int) -> Reply:
        return Reply(completion(right(body)), delay=0.05)  # so that requests meet, however busy the machine is

    with serving(takes_a_moment) as server:
        outcome = asking.run(server.url, tmp_path)
        assert (outcome.counts.kept, len(server.bodies)) == (120, 60)
        assert 1 < server.most <= 4
        body = server.bodies[0]
    assert body["response_format"]["json_schema"]["strict"] is True
    assert body["response_format"]["json_schema"]["schema"]["additionalProperties"] is False
    assert [turn["role"] for turn in body["messages"]] == ["system", *["user", "assistant"] * 2, "user"]
    kept = list(read_verdicts(outcome.kept))
    assert {verdict.written.provenance.writer for _, verdict in kept} == {"openai:writer"}
    assert {verdict.written.provenance.prompt for _, verdict in kept} == {read_prompt().hash}
    assert all(verdict.written.kind in verdict.written.instruction for _, verdict in kept)
    assert outcome.counts.asked == outcome.counts.got


@pytest.mark.parametrize(
    "reply",
    [
        Reply('{"error": {"message": "slow down"}}', 429, {"Retry-After": "0.01"}),
        Reply('{"error": {"message": "oops"}}', 500),
        Reply("<html>bad gateway</html>", 502),
        Reply("no json at all"),
        Reply('{"choices": [{"message"'),
    ],
    ids=lambda reply: f"{reply.status} {reply.text[:12]}",
)
def test_what_passes_is_tried_again(tmp_path: Path, reply: Reply) -> None:
    found, requests = outcome_of(tmp_path, lambda _, before: reply if before < 2 else None)
    assert (found[""], requests) == (10, 15)


@pytest.mark.parametrize(
    ("text", "end", "reason", "requests"),
    [
        ('{"triplets": [{"number": 1, "instruction": "in bl', "length", "truncated", 15),
        ('{"triplets": [{"number": 1, "instruction": "in bl', "stop", "truncated", 15),
        ('{"answers": []}', "stop", "schema", 15),
        ('{"triplets": [{"number": 1, "instruction": "x", "modified_caption": "y", "kind": "smell", "aspects": []}]}',
         "stop", "schema", 15),
        ("blue", "stop", "schema", 15),
        ('{"triplets": []}', "stop", "missing", 5),
        ("I'm sorry, but I can't help with that.", "stop", "refused", 5),
        ("", "content_filter", "refused", 5),
    ],
)  # fmt: skip
def test_what_does_not_pass_is_rejected_with_its_reason(
    tmp_path: Path, text: str, end: str, reason: str, requests: int
) -> None:
    found, sent = outcome_of(tmp_path, lambda _body, _before: Reply(completion(text, end)))
    assert (found, sent) == (Counter({"": 0, reason: 10}), requests)


def test_a_refusal_is_one(tmp_path: Path) -> None:
    found, sent = outcome_of(tmp_path, lambda _body, _before: Reply(completion(None, refusal="No.")))
    assert (found["refused"], sent) == (10, 5)


def test_a_second_answer_of_the_right_shape_counts(tmp_path: Path) -> None:
    wrapped = "<think>hm {</think>Here it is:\n```json\n{}\n```"

    def behaviour(body: dict[str, Any], _: int) -> Reply:
        return Reply(completion(wrapped.replace("{}", right(body)) if body["seed"] == 1 else "{}"))

    found, sent = outcome_of(tmp_path, behaviour)
    assert (found[""], sent) == (10, 10)


def test_one_bad_request_costs_one_source(tmp_path: Path) -> None:
    def behaviour(body: dict[str, Any], _: int) -> Reply | None:
        too_long = Reply('{"error": {"message": "context length exceeded"}}', 400)
        return too_long if "picture 3\n" in asked(body) else None

    found, _ = outcome_of(tmp_path, behaviour)
    assert found == {"": 8, "bad request": 2}
    [(_, verdict), _] = read_verdicts(tmp_path / "run" / "rejected")
    assert "context length exceeded" in verdict.detail


def test_a_slow_answer_is_asked_for_again(tmp_path: Path) -> None:
    with (
        serving(lambda _, before: Reply("{}", delay=1.0) if before == 0 else None) as server,
        Answers(tmp_path / "a") as answers,
    ):
        writer = PromptedWriter(asking.patient(server.url, answers, timeout=0.2), read_prompt())
        [drafts] = writer.write([Task(asking.SOURCES[0], tuple(Planner().orders(2)))])
        assert [draft.reason for draft in drafts] == ["", ""]
        assert answers.spent() == Spent(2, 100, 20, unknown=1)  # the slow one may have been paid for


def test_one_silent_question_is_rejected_and_many_stop_the_run(tmp_path: Path) -> None:
    down = Reply('{"error": {"message": "down"}}', 503)
    found, _ = outcome_of(tmp_path / "one", lambda body, _: down if "picture 3\n" in asked(body) else None)
    assert found == {"": 8, "no answer": 2}
    with serving(lambda _body, _before: down) as server:
        with pytest.raises(InputError, match=r"questions in a row had no answer \(503 \(down\)\); run again later"):
            asking.run(server.url, tmp_path / "all")
        server.behaviour = lambda _body, _before: None
        assert asking.run(server.url, tmp_path / "all").counts.kept == 120  # the silence was not kept


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply('{"error": {"message": "bad key"}}', 401), "refused with 401 .*set OPENAI_API_KEY"),
        (Reply('{"error": {"message": "no such model"}}', 404), "refused with 404 .*no such model"),
        (Reply('{"error": {"message": "pay", "code": "insufficient_quota"}}', 429), "refused with 429 .*account"),
        (Reply('{"error": {"message": "response_format is not supported"}}', 400), "give --structure object"),
    ],
)
def test_what_will_never_pass_stops_the_run(tmp_path: Path, reply: Reply, said: str) -> None:
    with serving(lambda _body, _before: reply) as server, pytest.raises(InputError, match=said):
        asking.run(server.url, tmp_path)


def test_no_server_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"had no answer \(no connection"):
        asking.run("http://127.0.0.1:9/v1", tmp_path)


def test_an_endpoint_needs_a_key_or_an_address() -> None:
    with pytest.raises(InputError, match="set OPENAI_API_KEY"):
        Endpoint(Access("gpt-4o"))


@pytest.mark.parametrize(
    ("limits", "said", "at_most"),
    [
        (Limits(requests=7), "7 requests", 7),
        (Limits(tokens=5_000), "5,000 tokens", 60),
        (Limits(money=0.012), "0.012 in money", 60),
    ],
)
def test_a_budget_is_not_passed(tmp_path: Path, limits: Limits, said: str, at_most: int) -> None:
    with serving() as server:
        for _ in range(3):  # nor by running again
            outcome = asking.run(server.url, tmp_path, limits)
            assert said in outcome.ended
        sent = len(server.bodies)
        with Answers(tmp_path / "answers.sqlite") as answers:
            spent = answers.spent()
    assert 0 < sent <= at_most
    assert (spent.requests, spent.tokens_in, spent.tokens_out) == (sent, 100 * sent, 20 * sent)
    assert spent.tokens_in + spent.tokens_out <= (limits.tokens or spent.tokens_in + spent.tokens_out)
    assert spent.money(asking.PRICES) <= (limits.money or 1)
    assert outcome.counts.requested == outcome.counts.kept == 2 * sent


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the system has no SIGKILL")
def test_a_killed_run_pays_for_no_answer_twice(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with serving(lambda body, _: Reply(completion(right(body)), delay=0.02)) as server:
        for least in (5, 23, 41):
            process = subprocess.Popen([sys.executable, asking.__file__, server.url, str(tmp_path)], env=environment)
            deadline = time.monotonic() + 60
            while len(server.bodies) < least and process.poll() is None:
                assert time.monotonic() < deadline
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            process.wait()
        with sqlite3.connect(tmp_path / "answers.sqlite") as file:
            [(stored,)] = file.execute("SELECT COUNT(*) FROM answers")
        file.close()
        sent = len(server.bodies)
        assert stored < 60  # it was killed before its end
        assert stored >= sent - 3 * 4  # what was on its way when it was killed: at most four a time
        outcome = asking.run(server.url, tmp_path)
        assert len(server.bodies) - sent == 60 - stored
        with Answers(tmp_path / "answers.sqlite") as answers:
            spent = answers.spent()
    assert (outcome.counts.requested, outcome.counts.kept) == (120, 120)
    # written down before it is sent, so that a budget holds: some of the last were killed before they went out
    assert len(server.bodies) <= spent.requests <= stored + 3 * 4 + 60 - stored
    assert spent.unknown == spent.requests - 60
    straight = tmp_path / "straight"
    with serving() as server:
        asking.run(server.url, straight)
    texts = [[(v.written.id, v.written.instruction) for _, v in read_verdicts(f / "run")] for f in (tmp_path, straight)]
    assert texts[0] == texts[1]


def test_pictures_are_sent_when_asked_to(tmp_path: Path) -> None:
    Image.new("RGB", (900, 300), "red").save(tmp_path / "a.png")
    content = io.BytesIO()
    Image.new("RGB", (20, 10), "blue").save(content, "PNG")
    source = Source("a", str(tmp_path / "a.png"), "a red thing", content.getvalue(), "a blue thing")
    with serving() as server, Answers(tmp_path / "answers") as answers:
        writer = PromptedWriter(asking.patient(server.url, answers, key="secret"), read_prompt(), shown=True)
        [drafts] = writer.write([Task(source, tuple(Planner().orders(1)))])
        [body] = server.bodies
    shown = body["messages"][-1]["content"]
    pictures = [base64.b64decode(part["image_url"]["url"].partition(",")[2]) for part in shown[:-1]]
    assert [Image.open(io.BytesIO(one)).size for one in pictures] == [(512, 171), (20, 10)]
    assert "Caption of the second picture: a blue thing" in shown[-1]["text"]
    assert drafts[0].modified_caption.startswith("a red thing")
    assert body["key"] == "Bearer secret"


@pytest.mark.parametrize(("structure", "sent"), [("schema", "json_schema"), ("object", "json_object"), ("text", None)])
def test_a_server_is_told_the_shape_as_it_understands(tmp_path: Path, structure: str, sent: str | None) -> None:
    with serving() as server, Answers(tmp_path / "answers") as answers:
        writer = PromptedWriter(
            asking.patient(server.url, answers, structure=structure, temperature=None), read_prompt()
        )
        writer.write([Task(asking.SOURCES[0], tuple(Planner().orders(1)))])
        [body] = server.bodies
    assert body.get("response_format", {}).get("type") == sent
    assert "temperature" not in body


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_requests_keep_their_pace() -> None:
    clock, sent = Clock(), []
    pace = Pace(requests=10, clock=clock, sleep=clock.sleep)
    for _ in range(35):
        pace.wait(1)
        sent.append(clock.now)
    assert all(later - earlier >= 60 for earlier, later in zip(sent, sent[10:], strict=False))
    assert sent[-1] == pytest.approx(180)


def test_tokens_keep_their_pace_and_a_large_question_goes_alone() -> None:
    clock = Clock()
    pace = Pace(tokens=100, clock=clock, sleep=clock.sleep)
    times = []
    for tokens in (60, 40, 1, 500, 1):
        pace.wait(tokens)
        times.append(clock.now)
    assert times == [0, 0, 60, 120, 180]


def test_everybody_waits_as_long_as_the_server_asks() -> None:
    clock = Clock()
    pace = Pace(clock=clock, sleep=clock.sleep)
    pace.hold(7)
    pace.wait(1)
    assert clock.now == 7


def test_what_is_set_aside_counts_until_it_is_settled() -> None:
    purse = Purse(Limits(tokens=100), Prices(), Spent())
    purse.reserve(Spent(1, 40, 40))
    with pytest.raises(Exception, match="100 tokens"):
        purse.reserve(Spent(1, 40, 40))
    purse.settle(Spent(1, 40, 40), Spent(1, 10, 5))
    purse.reserve(Spent(1, 40, 40))
    assert purse.spent == Spent(1, 10, 5)


def test_a_prompt_of_ones_own_is_used_and_told_apart(tmp_path: Path) -> None:
    own = tmp_path / "p.toml"
    own.write_text('user = "C {caption} O {orders}"\norder = "{number}. {kind} {style}"')
    prompt = read_prompt(own)
    task = Task(Source("a", None, "a {orders} dog"), tuple(Planner().orders(1)))
    [turn] = prompt.question(task, {}).turns
    assert turn.text.startswith("C a {orders} dog O 1. ")  # a caption is no template
    assert prompt.hash != read_prompt().hash


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('user = "x {orders}"\norder = "{number} {kind} {style}"', r"'user' lacks \{caption\}"),
        ('order = "x"', "lacks 'user'"),
        ("user = ", "is no TOML"),
        (
            'user = "{caption} {orders}"\norder = "{number} {kind} {style}"\n[[example]]\ncaption = "a"',
            "example 1 lacks",
        ),
    ],
)
def test_a_prompt_that_cannot_work_is_refused(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "p.toml").write_text(content)
    with pytest.raises(PromptError, match=said):
        read_prompt(tmp_path / "p.toml")


def test_the_examples_follow_their_own_schema() -> None:
    turns = read_prompt().examples
    from instructcir.synthesis.prompted import _Triplets

    for turn in turns[1::2]:
        _Triplets.model_validate_json(turn.text)
        assert json.loads(turn.text)["triplets"][0]["number"] == 1

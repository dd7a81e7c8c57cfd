"""Shards on a cluster of two workers, one killed in the middle: the result is the one of a single process."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import synthesis_kills as kills
from cli_runs import json_lines, refused, run
from instructcir.errors import InputError
from instructcir.synthesis.prompt import read_prompt
from instructcir.synthesis.rules import RuleWriter
from instructcir.synthesis.run import synthesise
from instructcir.synthesis.spread import Spread
from instructcir.synthesis.stored import read_verdicts
from instructcir.synthesis.written import Source, Verdict
from ray_cluster import QUIET, TWO, two_processors
from right_answers import Right
from spread_writers import DiesOnce, asking
from test_synthesis_run import content, started
from tiny_writers import build_writer

pytestmark = QUIET


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    with two_processors() as joined:
        yield joined


def test_two_workers_one_of_them_killed_write_what_one_process_does(ray: Any, tmp_path: Path) -> None:
    alone, together = (started(tmp_path / name) for name in ("alone", "together"))
    whole = synthesise(kills.sources(), RuleWriter(), kills.filters, alone, kills.OPTIONS)
    rules = RuleWriter()
    spread = Spread(ray, TWO, partial(DiesOnce, tmp_path / "died"), rules.name, rules.prompt)
    done: list[int] = []
    outcome = synthesise(kills.sources(), spread, kills.filters, together, kills.OPTIONS, progress=done.append)
    assert int((tmp_path / "died").read_text(encoding="utf-8")) != os.getpid()
    assert content(together) == content(alone)
    assert (outcome.counts, outcome.ended, sum(done)) == (whole.counts, "", 2100)
    (
        together / "shards" / "00003.json"
    ).unlink()  # as a killed command leaves it; it is gone on with, here by one process
    assert synthesise(kills.sources(), rules, kills.filters, together, kills.OPTIONS).counts == whole.counts
    assert content(together) == content(alone)
    with pytest.raises(InputError, match="workers of its own"):
        synthesise([], spread, kills.filters, together, replace(kills.OPTIONS, workers=2))


def timeless(folder: Path) -> list[tuple[Source, Verdict]]:
    """All triplets of a run; a model's have the time of their answer."""
    found = [*read_verdicts(folder), *read_verdicts(folder / "rejected")]
    return [
        (
            one,
            replace(verdict, written=replace(verdict.written, provenance=replace(verdict.written.provenance, time=""))),
        )
        for one, verdict in found
    ]


def test_a_model_in_each_worker_writes_what_one_model_does(ray: Any, tmp_path: Path) -> None:
    options = replace(kills.OPTIONS, shard_size=10)
    synthesise(kills.sources(40), asking(), kills.filters, tmp_path / "alone", options)
    spread = Spread(ray, TWO, asking, Right.model, read_prompt().hash)
    outcome = synthesise(kills.sources(40), spread, kills.filters, tmp_path / "together", options)
    assert (outcome.counts.requested, outcome.counts.kept > 0) == (120, True)
    assert timeless(tmp_path / "together") == timeless(tmp_path / "alone")


def pairs(folder: Path, count: int) -> Path:
    lines = [{"id": one.id, "image": one.image, "caption": one.caption} for one in kills.sources(count)]
    for line in lines:
        (folder / str(line["image"])).write_bytes(b"seen by nobody")
    (folder / "pairs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return folder / "pairs.jsonl"


def test_the_command_joins_a_cluster(ray: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a worker stands elsewhere, and must find the same folders
    file, sizes = pairs(tmp_path, 30).name, ("--shard-size", "7", "--per-pair", "2")
    told = []
    for name, more in (("alone", ()), ("together", ("--ray", "auto"))):
        told.append(json_lines(run("synthesize", file, "--into", name, *sizes, "--json", *more))[0])
        assert {told[-1].pop(place) for place in ("kept_in", "rejected_in", "card")} >= {name}
    assert told[0]["requested"] == 60
    assert told[0] == told[1]
    assert timeless(tmp_path / "together") == timeless(tmp_path / "alone")


def test_a_local_model_is_loaded_by_the_workers(ray: Any, tmp_path: Path) -> None:
    model, file = build_writer(tmp_path / "model"), pairs(tmp_path, 2)
    arguments = "synthesize", file, "--writer", f"local:{model}", "--per-pair", "1", "--dtype", "float32", "--json"
    told = [
        json_lines(run(*arguments, "--into", tmp_path / f"{name}.parquet", *more))[0]
        for name, more in (("alone", ()), ("together", ("--ray", "auto")))
    ]
    assert told[0]["requested"] == told[1]["requested"] == 2
    assert told[0]["rejected"] == told[1]["rejected"]  # it writes nonsense, and the same nonsense
    assert timeless(tmp_path / "together.parts") == timeless(tmp_path / "alone.parts")


def test_what_is_not_for_a_cluster_is_refused(tmp_path: Path) -> None:
    file = pairs(tmp_path, 1)
    asked = "synthesize", file, "--into", tmp_path / "t.parquet", "--ray", "auto"
    assert "asked best by one process" in refused(*asked, "--writer", "openai:gpt")
    assert "leave them out with --ray" in refused(*asked, "--max-requests", "3")
    assert "workers of its own" in refused(*asked, "--workers", "2")
    assert "rules read no prompt" in refused(*asked, "--send-pictures")

"""The command: from pairs, from pictures, from an index; forecasts, budgets, and what it says at the end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from cli_runs import json_lines, refused, run
from instructcir.data.reading import read_triplets
from instructcir.synthesis.stored import read_verdicts
from language_server import LanguageServer, serving

AS_JSON = "--json"


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    captions = ["a man with a hat on a beach", "a red car in front of a house", "two dogs on a bench", "a blue coat"]
    lines = []
    for number in range(12):
        Image.new("RGB", (40, 30), (20 * number, 90, 200 - 10 * number)).save(folder / f"{number}.png")
        row = {"image": f"{number}.png", "caption": captions[number % 4], "id": f"n{number}"}
        lines.append(json.dumps(row) + "\n")
    (folder / "pairs.jsonl").write_text("".join(lines) + '{"image": "gone.png", "caption": "a"}\n')
    return folder / "pairs.jsonl"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LanguageServer]:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with serving() as started:
        yield started


def test_rules_write_from_pairs_what_training_reads(pairs: Path, tmp_path: Path) -> None:
    command = ["synthesize", pairs, "--into", tmp_path / "t.parquet"]
    result = run(*command)
    kept, rejected = (
        len(list(read_verdicts(tmp_path / "t.parquet"))),
        len(list(read_verdicts(tmp_path / "t.rejected.parquet"))),
    )
    assert kept + rejected == 48
    assert f"asked for 48 = {kept} kept + {rejected} rejected" in result.stdout
    assert "left out" in result.stderr
    assert len(list(read_triplets(tmp_path / "t.parquet"))) == kept
    assert (tmp_path / "t.card.md").exists()
    assert "gone.png" in (tmp_path / "t.left_out.jsonl").read_text()
    [again] = json_lines(run(*command, "--json"))
    assert (again["requested"], again["kept"], again["requests"]) == (48, kept, 0)


def test_pairs_of_which_none_can_be_used_are_refused_and_named(pairs: Path, tmp_path: Path) -> None:
    file = tmp_path / "gone.jsonl"
    file.write_text("".join(json.dumps({"image": f"{n}.png", "caption": "a hat"}) + "\n" for n in range(3)))
    for into in ("t.parquet", "shards"):
        *named, last = run("synthesize", file, "--into", tmp_path / into, rc=2).stderr.splitlines()
        assert len(named) == 3
        assert last.endswith(
            f"gone.jsonl: nothing in it can be used; {tmp_path / into.split('.')[0]}.left_out.jsonl says why"
        )
    Image.new("RGB", (40, 30)).save(tmp_path / "1.png")
    [found] = json_lines(run("synthesize", file, "--into", tmp_path / "shards", "--json"))
    assert found["sources"] == 1


def test_a_folder_of_shards(pairs: Path, tmp_path: Path) -> None:
    [told] = json_lines(
        run(
            "synthesize",
            pairs,
            "--into",
            tmp_path / "many",
            "--shard-size",
            5,
            "--per-pair",
            2,
            "--limit",
            11,
            "--json",
        )
    )
    assert told["requested"] == 22
    assert [path.name for path in sorted((tmp_path / "many").glob("*.parquet"))] == [
        f"0000{number}.parquet" for number in range(3)
    ]
    assert len(list(read_triplets(tmp_path / "many"))) == told["kept"]


def test_an_endpoint_writes_within_its_budget(pairs: Path, tmp_path: Path, server: LanguageServer) -> None:
    command = ["synthesize", pairs, "--into", tmp_path / "t.parquet", "--writer", "openai:m", "--base-url", server.url]
    command += ["--prices", 1, 10, "--per-pair", 2]
    [planned] = json_lines(run(*command, "--dry-run", "--max-requests", 6, "--json"))
    assert (planned["sources"], planned["triplets"], planned["requests"]) == (12, 24, 12)
    assert planned["budget_reaches"] == 0.5
    assert planned["money"] == pytest.approx((planned["tokens_in"] + 10 * planned["tokens_out"]) / 1e6)
    assert not list(tmp_path.iterdir())
    assert not server.bodies
    ended = run(*command, "--max-requests", 5)
    assert "asked for 10 = " in ended.stdout
    assert "ended early: the budget of 5 requests is used up" in ended.stderr
    assert "spent: 5 requests, 500 tokens read, 100 written" in ended.stderr
    [done] = json_lines(run(*command, "--json"))
    assert (done["requested"], done["requests"], len(server.bodies), done["ended"]) == (24, 12, 12, "")
    assert done["money"] == pytest.approx(12 * (100 + 200) / 1e6)


def test_a_forecast_for_people(pairs: Path, tmp_path: Path) -> None:
    command = ["synthesize", pairs, "--into", tmp_path / "t.parquet", "--writer", "openai:m", "--dry-run"]
    said = run(*command, "--prices", 2, 8, "--requests-per-minute", 3, "--max-money", 0.01).stdout
    assert "12 sources, 48 triplets asked of openai:m" in said
    assert "about 12 requests" in said
    assert "at least 4.0 minutes" in said
    assert "the budget reaches about" in said


def test_a_folder_of_pictures_is_captioned_first(pairs: Path, tmp_path: Path, server: LanguageServer) -> None:
    command = ["synthesize", pairs.parent, "--into", tmp_path / "t.parquet", "--base-url", server.url]
    (tmp_path / "empty").mkdir()
    assert "give --captioner" in refused("synthesize", tmp_path / "empty", "--into", tmp_path / "t.parquet")
    assert "lies in the folder that is read" in refused("synthesize", tmp_path, "--into", tmp_path / "t.parquet")
    result = run(*command, "--captioner", "openai:m", "--limit", 5)
    assert "asked for 20 = " in result.stdout
    assert len((tmp_path / "t.pairs.jsonl").read_text().splitlines()) == 5
    assert {source.caption for source, _ in read_verdicts(tmp_path / "t.parquet")} == {"a red ball on a table"}
    assert all(len(body["messages"][-1]["content"]) == 2 for body in server.bodies)


def test_neighbours_of_an_index(
    pairs: Path, tmp_path: Path, server: LanguageServer, built: Callable[..., Path]
) -> None:
    index = tmp_path / "index"
    run("index", pairs.parent, "--into", index, "--model", built("qwen2-vl"), "--device", "cpu")
    command = ["synthesize", "--from-neighbours", index, "--into", tmp_path / "t.parquet", "--base-url", server.url]
    command += ["--writer", "openai:m", "--captioner", "openai:m", "--per-pair", 2, "--neighbours", 3]
    assert "widen the range" in refused(*command, "--alike", 0.1, 0.100001)
    command += ["--alike", -1, 1]
    [planned] = json_lines(run(*command, "--dry-run", "--json"))
    assert planned["requests"] == 3
    [done] = json_lines(run(*command, "--json"))
    assert done["requested"] == 6
    rows = [*read_verdicts(done["kept_in"]), *read_verdicts(done["rejected_in"])]
    assert all(Path(str(source.target)).exists() and source.image != source.target for source, _ in rows)
    assert {source.target_caption for source, _ in rows} == {"a red ball on a table"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give PAIRS, or --from-neighbours INDEX"),
        (["p", "--from-neighbours", "i"], "and not both"),
        (["--from-neighbours", "i"], "needs --captioner"),
        (["--from-neighbours", "i", "--captioner", "openai:m"], "rules cannot say how two pictures differ"),
        (["p", "--caption-prompt", "x"], "is for a captioner"),
        (["p", "--max-money", "1"], "needs --prices"),
        (["p", "--writer", "gpt"], "give rules, openai:MODEL or local:MODEL"),
        (["p", "--writer", "openai:gpt"], "set OPENAI_API_KEY"),
        (["p", "--send-pictures"], "rules read no prompt"),
        (
            ["p", "--writer", "openai:m", "--base-url", "http://127.0.0.1:9/v1", "--structure", "xml"],
            "--structure is 'xml'",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    assert said in refused("synthesize", *arguments)


def test_a_run_in_the_same_place_with_other_settings_is_refused(pairs: Path, tmp_path: Path) -> None:
    run("synthesize", pairs, "--into", tmp_path / "t.parquet", "--limit", 2)
    said = refused("synthesize", pairs, "--into", tmp_path / "t.parquet", "--limit", 2, "--per-pair", 3)
    assert "per_source = 4, not 3" in said

"""Files about queries and pictures: both layouts, ids of any kind, and every fault with its file, record and remedy."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from instructcir.benchmarks.benchmark import Benchmark
from instructcir.benchmarks.registry import load_benchmark
from instructcir.errors import InputError
from instructcir.evaluation.captions import read_captions, read_reference_captions
from instructcir.evaluation.negatives import read_negatives
from instructcir.evaluation.paraphrases import read_paraphrases
from tiny_benchmarks import FILES, write

NAMES = [f"dev-{number}-0-img0" for number in range(8)]
PARAPHRASES = {"70": ["a", "b"], "71": ["c"]}
NEGATIVES = {"70": [NAMES[2]], "72": [NAMES[0], NAMES[2]]}
CAPTIONS = {"70": "one", "71": "two", "72": {"caption": "three", "asked": "0"}}


@pytest.fixture
def cirr(tmp_path: Path) -> Benchmark:
    return load_benchmark("cirr", write(tmp_path / "cirr", FILES["cirr"]()))


def stored(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def as_lines(content: dict[str, Any], field: str, key: str = "query") -> str:
    """The same with whole numbers as ids, and a blank line."""
    return "\n\n".join(json.dumps({key: int(query), field: value}) for query, value in content.items()) + "\n"


def test_both_layouts_say_the_same(tmp_path: Path, cirr: Benchmark) -> None:
    for read, field, content in (
        (read_paraphrases, "paraphrases", PARAPHRASES),
        (read_negatives, "negatives", NEGATIVES),
        (read_captions, "caption", CAPTIONS),
    ):
        found = read(stored(tmp_path / "a.json", content), cirr)
        assert found == read(stored(tmp_path / "a.jsonl", as_lines(content, field)), cirr)
        padded = {f"000{query}": value for query, value in content.items()}
        assert found == read(stored(tmp_path / "a.json", padded), cirr)
    assert read_paraphrases(stored(tmp_path / "a.json", PARAPHRASES), cirr)["70"] == ("a", "b")
    assert read_captions(stored(tmp_path / "a.json", CAPTIONS), cirr) == {"70": "one", "71": "two", "72": "three"}


def test_ids_of_pictures_may_be_numbers(tmp_path: Path) -> None:
    circo = load_benchmark("circo", write(tmp_path / "circo", FILES["circo"]()))
    found = read_negatives(stored(tmp_path / "a.json", {"0": [8, "000000000077"]}), circo)
    assert found == {"0": ("8", "77")}


def test_references_are_captioned(tmp_path: Path, cirr: Benchmark) -> None:
    content = {name: f"about {name}" for name in NAMES[:3]}
    assert read_reference_captions(stored(tmp_path / "a.json", content), cirr) == content
    del content[NAMES[1]]
    with pytest.raises(InputError, match=f"1 of 3 references have no caption, the first {NAMES[1]}; caption all"):
        read_reference_captions(stored(tmp_path / "a.json", content), cirr)


@pytest.mark.parametrize("read", [read_paraphrases, read_negatives, read_captions])
@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.json", "{", "a.json: not JSON"),
        ("a.json", "[]", "a.json: no JSON object of ids"),
        ("a.json", "{}", "a.json: says nothing about any query"),
        ("a.json", '{"70": 1, "70": 2}', "a.json: an object holds '70' twice"),
        ("a.json", '{"70": 1, "0070": 2}', "a.json, '0070': query 70 comes twice; keep one"),
        ("a.json", '{"99": 1}', "a.json, '99': '99' is not a query of CIRR's split val; leave it out"),
        ("a.json", '{"70": 1}', "a.json, '70': no "),
        ("a.json", '{"70": " "}', "a.json, '70': no "),
        ("a.json", '{"70": []}', "a.json, '70': no "),
        ("a.jsonl", '{"query": 70}', 'a.jsonl, line 1: "'),
        ("a.jsonl", "\n[1]", "a.jsonl, line 2: no JSON object"),
        ("a.jsonl", '{"query": 7.5, "paraphrases": 1, "negatives": 1, "caption": 1}', 'line 1: "query" holds 7.5'),
        ("a.jsonl", '{"query": true, "paraphrases": 1, "negatives": 1, "caption": 1}', 'line 1: "query" holds True'),
        ("a.jsonl", "{", "a.jsonl, line 1: not JSON"),
        ("a.jsonl", "\n", "a.jsonl: says nothing"),
    ],
)
def test_faults_of_all_of_them(
    tmp_path: Path, cirr: Benchmark, read: Callable[..., object], name: str, content: str, said: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(stored(tmp_path / name, content), cirr)
    assert said in str(caught.value)
    assert "; " in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("read", "content", "said"),
    [
        (read_paraphrases, {"70": ["a", "b", "a"]}, "'70': 'a' comes twice; keep one"),
        (read_paraphrases, {"70": ["a", 1]}, "'70': no list of wordings; give each query"),
        (read_negatives, {"70": ["no"]}, "'70': 'no' is not a picture of CIRR's split val; take the names"),
        (read_negatives, {"70": [NAMES[2], NAMES[2]]}, f"'70': '{NAMES[2]}' comes twice; keep one"),
        (read_negatives, {"70": [NAMES[1]]}, f"'70': '{NAMES[1]}' is a correct answer of query 70; leave it out"),
        (read_negatives, {"70": [True]}, "'70': no list of pictures; give each query"),
        (read_captions, {"71": "b"}, "2 of 3 queries have no caption, the first 70; caption all"),
        (read_captions, {"70": {"asked": "0"}, "71": "b", "72": "c"}, "'70': no caption; give each query"),
    ],
)
def test_faults_of_one(
    tmp_path: Path, cirr: Benchmark, read: Callable[..., object], content: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(stored(tmp_path / "a.json", content), cirr)
    assert said in str(caught.value)


def test_files_that_are_not_there_or_no_text(tmp_path: Path, cirr: Benchmark) -> None:
    with pytest.raises(InputError, match=r"no\.json: cannot be read .*; give each query"):
        read_paraphrases(tmp_path / "no.json", cirr)
    (tmp_path / "a.json").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(InputError, match="not UTF-8 text; give each query"):
        read_negatives(tmp_path / "a.json", cirr)


def test_a_negative_that_no_gallery_holds(tmp_path: Path) -> None:
    fashioniq = load_benchmark("fashioniq", write(tmp_path / "f", FILES["fashioniq"]()))
    with pytest.raises(InputError, match="'W2' is in no gallery of query dress/0; leave it out"):
        read_negatives(stored(tmp_path / "a.json", {"dress/0": ["W2"]}), fashioniq)
    assert read_negatives(stored(tmp_path / "a.json", {"dress/0": ["W5"]}), fashioniq) == {"dress/0": ("W5",)}

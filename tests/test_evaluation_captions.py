"""The text baseline: captions scored as plain texts, and captions written by a model behind a local stub server."""

from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import evaluation_oracles as oracle
from instructcir.benchmarks.benchmark import Benchmark
from instructcir.benchmarks.registry import load_benchmark
from instructcir.errors import InputError
from instructcir.evaluation.caption_answers import write_captions
from instructcir.evaluation.caption_model import CaptionModel
from instructcir.evaluation.captions import read_captions, score_captions, section
from instructcir.evaluation.scoring import score_vectors
from instructcir.evaluation.sections import lines
from instructcir.evaluation.vectors import read_vectors
from tiny_benchmarks import FILES, paint, write


class Stub(ThreadingHTTPServer):
    """An OpenAI-compatible server that says what it was asked; `answers` are given first, one each."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.answers: list[tuple[int, str]] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def model(self, name: str = "writer") -> CaptionModel:
        return CaptionModel(self.url, name, timeout=10, patience=0.001)


class _Handler(BaseHTTPRequestHandler):
    server: Stub

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.asked.append({"path": self.path, **body})
            self.server.keys.append(self.headers.get("Authorization"))
            status, text = self.server.answers.pop(0) if self.server.answers else (200, said(text_of(body)))
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


def said(caption: str) -> str:
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": caption}}]})


def text_of(body: dict[str, Any]) -> str:
    content = body["messages"][1]["content"]
    return content if isinstance(content, str) else content[-1]["text"]


@pytest.fixture
def stub() -> Iterator[Stub]:
    with Stub() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def cirr(tmp_path: Path) -> Benchmark:
    benchmark = load_benchmark("cirr", write(tmp_path / "cirr", FILES["cirr"]()))
    paint(benchmark)
    return benchmark


def test_captions_are_searched_as_texts(tmp_path: Path, cirr: Benchmark) -> None:
    gallery, queries = oracle.made_up(cirr, 8)
    oracle.save(tmp_path / "v.npz", gallery, queries)
    vectors = read_vectors(tmp_path / "v.npz", cirr)
    captions = {"70": "a", "71": "b", "72": "a"}
    found = score_captions(oracle.Texts(), cirr, vectors, captions)
    [part] = cirr.parts
    asked = {(query, "caption"): oracle.Texts.vector(text) for query, text in captions.items()}
    lists = oracle.gallery_lists(part, "split", ["caption"], gallery, asked, removed=True)
    for k in (1, 2, 5):
        assert found.value("cirr/official", f"recall@{k}") == pytest.approx(oracle.recall(lists, part.queries, k))
    composed = score_vectors(cirr, vectors)
    shown = section(composed, found)
    ahead = composed.value("cirr/official", "recall@2") - found.value("cirr/official", "recall@2")
    assert shown.values["cirr/official"]["ahead"]["recall@2"] == pytest.approx(ahead)
    assert "composed minus captions" in "\n".join(lines(shown))


def test_a_model_is_shown_the_reference_and_told_the_change(tmp_path: Path, cirr: Benchmark, stub: Stub) -> None:
    came: list[int] = []
    captions = write_captions(stub.model(), cirr, tmp_path / "c.json", progress=came.append)
    texts = {query.id: query.modifications["caption"] for part in cirr.parts for query in part.queries}
    assert captions == {query: f"The change: {text}".strip() for query, text in texts.items()}
    assert sum(came) == 3
    assert {asked["path"] for asked in stub.asked} == {"/v1/chat/completions"}
    assert {asked["model"] for asked in stub.asked} == {"writer"}
    assert set(stub.keys) == {None}
    address = stub.asked[0]["messages"][1]["content"][0]["image_url"]["url"]
    assert address.startswith("data:image/jpeg;base64,")
    assert Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).size == (50, 40)
    assert read_captions(tmp_path / "c.json", cirr) == captions


def test_a_model_may_be_told_what_the_reference_shows(tmp_path: Path, cirr: Benchmark, stub: Stub) -> None:
    shown = {f"dev-{number}-0-img0": f"picture {number}" for number in range(3)}
    captions = write_captions(replace(stub.model(), key="secret"), cirr, tmp_path / "c.json", shown=shown)
    assert captions["70"] == "The picture shows: picture 0 The change: query 0"
    assert set(stub.keys) == {"Bearer secret"}
    assert "secret" not in (tmp_path / "c.json").read_text()


def test_an_interrupted_run_goes_on(tmp_path: Path, cirr: Benchmark, stub: Stub) -> None:
    path = tmp_path / "c.json"
    stub.answers = [(200, said("the first")), (400, "no"), (400, "no")]
    with pytest.raises(InputError, match="refused with 400"):
        write_captions(stub.model(), cirr, path)
    kept = json.loads(path.read_text()) if path.exists() else {}
    before = len(stub.asked)
    captions = write_captions(stub.model(), cirr, path)
    assert len(stub.asked) - before == 3 - len(kept)
    assert {query: entry["caption"] for query, entry in kept.items()}.items() <= captions.items()
    write_captions(stub.model(), cirr, path)
    assert len(stub.asked) - before == 3 - len(kept)  # all are known


def test_another_question_is_asked_again_but_not_what_a_person_wrote(
    tmp_path: Path, cirr: Benchmark, stub: Stub
) -> None:
    path = tmp_path / "c.json"
    path.write_text(json.dumps({"71": "by hand"}))
    assert write_captions(stub.model(), cirr, path)["71"] == "by hand"
    assert len(stub.asked) == 2
    assert write_captions(stub.model("another"), cirr, path)["71"] == "by hand"
    assert len(stub.asked) == 4
    first = next(iter(cirr.pictures.values())).path
    Image.new("RGB", (50, 40), "red").save(first)
    write_captions(stub.model("another"), cirr, path)
    assert len(stub.asked) == 5
    assert json.loads(path.read_text())["71"] == "by hand"


def test_a_busy_server_is_asked_again(stub: Stub) -> None:
    stub.answers = [(503, "busy"), (429, "later"), (200, said('<think>well</think> "a red\n dress" '))]
    assert stub.model().write("in red", shown="a dress") == "a red dress"
    assert len(stub.asked) == 3


@pytest.mark.parametrize(
    ("answers", "remedy"),
    [
        ([(401, "who are you?")], r"refused with 401 \(who are you\?\); set OPENAI_API_KEY"),
        ([(404, "no such model")], r"refused with 404 \(no such model\); check the address and the model's name"),
        ([(503, "busy")] * 5, r"refused with 503 \(busy\)"),
        ([(200, "<html>")], "the answer is no JSON; give the address of an OpenAI-compatible API"),
        ([(200, "{}")], "writer answered without a caption; try again"),
        ([(200, said("<think>hm</think>"))], "writer answered without a caption; try again"),
    ],
)
def test_a_server_that_is_of_no_use_is_one_line(stub: Stub, answers: list[tuple[int, str]], remedy: str) -> None:
    stub.answers = list(answers)
    with pytest.raises(InputError, match=remedy):
        stub.model().write("in red", shown="a dress")


def test_no_server_is_one_line(tmp_path: Path, cirr: Benchmark, stub: Stub) -> None:
    nobody = CaptionModel("http://127.0.0.1:9/v1", "writer", patience=0.001)
    with pytest.raises(InputError, match=r"no answer .*; check the address, then run again"):
        nobody.write("in red", shown="a dress")
    with pytest.raises(InputError, match=r"name a file that ends in \.json"):
        write_captions(stub.model(), cirr, tmp_path / "c.jsonl")

"""Captions of all targets of a benchmark, written by a model and kept in a file, from which an interrupted run goes on.

Each answer stands there with a hash of all that was asked, so that a changed question is asked again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from instructcir.benchmarks.benchmark import Benchmark, Picture, Query
from instructcir.errors import InputError
from instructcir.evaluation.by_id import Entry, a_query_of, queries_of, read_by_id
from instructcir.evaluation.caption_model import SIDE, TASK, CaptionModel
from instructcir.evaluation.captions import QUERY_REMEDY, caption_of
from instructcir.files import PathLike, sha256_of, write_atomic

_AT_ONCE = 4
_KEPT_EVERY = 8  # answers; a killed run loses no more


@dataclass(frozen=True, slots=True)
class _Question:
    query: Query
    picture: Picture | None
    shown: str
    asked: str


def write_captions(
    model: CaptionModel,
    benchmark: Benchmark,
    path: PathLike,
    *,
    shown: Mapping[str, str] | None = None,
    progress: Callable[[int], None] | None = None,
) -> dict[str, str]:
    """Captions of all targets: those that the file has, and the rest from the model, kept in the file.

    An entry that a person wrote stays as it is. One that a model wrote is asked for again when the model, the task, the
    reference or the modification is another.

    Args:
        model: that writes them.
        benchmark: whose targets they are.
        path: of the file, which need not exist; docs/formats.md describes it.
        shown: picture's name -> what it shows, in place of the pictures.
        progress: called with the number of captions that have just come.

    Returns:
        Query id -> caption.

    Raises:
        InputError: the file is something else or cannot be written, or the model gives no captions. What was answered
            until then is in the file.
        ImageError: a reference cannot be used.
    """
    if str(path).endswith(".jsonl"):
        raise InputError(f"{path}: answers are kept as one JSON object; name a file that ends in .json")
    queries = queries_of(benchmark)
    kept = _kept(path, benchmark) if Path(path).exists() else {}
    wording = benchmark.official_wording[0]
    questions = []
    for query in queries.values():
        question = _question(model, query, wording, benchmark, shown)
        stored = kept.get(query.id)
        if stored is None or stored.get("asked", question.asked) != question.asked:
            questions.append(question)
    tell = progress or (lambda _: None)
    tell(len(queries) - len(questions))
    fresh = 0
    try:
        for question, caption in _answers(model, questions, wording):
            kept[question.query.id] = {"caption": caption, "asked": question.asked}
            fresh += 1
            tell(1)
            if fresh % _KEPT_EVERY == 0:
                _keep(path, kept, queries)
    finally:
        if fresh:
            _keep(path, kept, queries)
    return {query: kept[query]["caption"] for query in queries}


def _kept(path: PathLike, benchmark: Benchmark) -> dict[str, dict[str, str]]:
    entries = read_by_id(
        path,
        queries_of(benchmark),
        key="query",
        field="caption",
        what=a_query_of(benchmark),
        remedy=QUERY_REMEDY,
    )
    return {query: _entry(entry) for query, entry in entries.items()}


def _entry(entry: Entry) -> dict[str, str]:
    asked = entry.value.get("asked") if isinstance(entry.value, dict) else None
    return {"caption": caption_of(entry, QUERY_REMEDY), **({"asked": asked} if isinstance(asked, str) else {})}


def _keep(path: PathLike, kept: Mapping[str, Mapping[str, str]], queries: Mapping[str, Query]) -> None:
    plain = {
        query: kept[query] if "asked" in kept[query] else kept[query]["caption"] for query in queries if query in kept
    }
    write_atomic(path, json.dumps(plain, ensure_ascii=False, indent=1) + "\n")


def _question(
    model: CaptionModel, query: Query, wording: str, benchmark: Benchmark, shown: Mapping[str, str] | None
) -> _Question:
    picture = benchmark.pictures[query.reference]
    said = "" if shown is None else shown[query.reference]
    reference = said if shown is not None else [sha256_of(picture.path), picture.box, SIDE]
    what = [model.name, TASK, reference, query.modifications[wording]]
    digest = hashlib.sha256(json.dumps(what).encode()).hexdigest()
    return _Question(query, picture if shown is None else None, said, digest)


def _answers(model: CaptionModel, questions: list[_Question], wording: str) -> Iterator[tuple[_Question, str]]:
    """Answers as they come; a few questions are asked at once, and none more after an error."""
    left = iter(questions)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        running: dict[Future[str], _Question] = {}

        def ask_next() -> None:
            if (one := next(left, None)) is not None:
                text = one.query.modifications[wording]
                running[pool.submit(model.write, text, picture=one.picture, shown=one.shown)] = one

        for _ in range(_AT_ONCE):
            ask_next()
        while running:
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                question = running.pop(done)
                yield question, done.result()
                ask_next()

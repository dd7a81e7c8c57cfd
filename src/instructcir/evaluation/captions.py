"""The strong text baseline: what each target shows, said in words, and looked for as text in the same gallery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from instructcir.benchmarks.benchmark import Benchmark
from instructcir.errors import InputError
from instructcir.evaluation.by_id import Entry, a_query_of, queries_of, read_by_id
from instructcir.evaluation.report import MEAN, Report
from instructcir.evaluation.scoring import score_vectors
from instructcir.evaluation.sections import Section, Table
from instructcir.evaluation.vectors import BenchmarkVectors, unit
from instructcir.files import PathLike

Floats = npt.NDArray[np.float32]

QUERY_REMEDY = 'give each query the caption of its target, {"12060": "a blue dress"}; see docs/formats.md'
PICTURE_REMEDY = 'give each picture its caption, {"dev-1-0-img0": "a red dress"}; see docs/formats.md'


class EmbedsTexts(Protocol):
    """What embeds plain texts."""

    def embed_texts(self, texts: Sequence[str]) -> Floats:
        """(T, D) vectors."""
        ...


def caption_of(entry: Entry, remedy: str) -> str:
    """A caption, which stands for itself or is the "caption" of an object.

    Raises:
        InputError: it is something else, or blank.
    """
    value = entry.value.get("caption") if isinstance(entry.value, dict) else entry.value
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{entry.where}: no caption; {remedy}")
    return value.strip()


def read_captions(path: PathLike, benchmark: Benchmark) -> dict[str, str]:
    """Query id -> what its target shows, from a file that docs/formats.md describes; every query must have one.

    Raises:
        InputError: the file is something else, an id is unknown, comes twice or is missing, a caption is blank.
    """
    known = queries_of(benchmark)
    entries = read_by_id(path, known, key="query", field="caption", what=a_query_of(benchmark), remedy=QUERY_REMEDY)
    captions = {query: caption_of(entry, QUERY_REMEDY) for query, entry in entries.items()}
    _require_all(path, known, captions, "queries")
    return captions


def read_reference_captions(path: PathLike, benchmark: Benchmark) -> dict[str, str]:
    """Name -> what a picture shows; every reference must have one.

    Raises:
        InputError: as `read_captions`.
    """
    what = f"a picture of {benchmark.title}'s split {benchmark.split}"
    entries = read_by_id(path, benchmark.pictures, key="picture", field="caption", what=what, remedy=PICTURE_REMEDY)
    captions = {name: caption_of(entry, PICTURE_REMEDY) for name, entry in entries.items()}
    _require_all(path, dict.fromkeys(q.reference for q in queries_of(benchmark).values()), captions, "references")
    return captions


def _require_all(path: PathLike, wanted: Mapping[str, object], there: Mapping[str, str], what: str) -> None:
    missing = [name for name in wanted if name not in there]
    if missing:
        raise InputError(
            f"{path}: {len(missing):,} of {len(wanted):,} {what} have no caption, the first {missing[0]}; caption all"
        )


def score_captions(
    embedder: EmbedsTexts, benchmark: Benchmark, vectors: BenchmarkVectors, captions: Mapping[str, str]
) -> Report:
    """Scores of target captions as text-to-image search, under the official protocols.

    Args:
        embedder: that made the vectors.
        benchmark: with answers.
        vectors: of all its pictures.
        captions: query id -> what its target shows.

    Raises:
        InputError: vectors are missing.
    """
    queries = list(queries_of(benchmark))
    distinct = list(dict.fromkeys(captions[query] for query in queries))
    rows = {text: row for row, text in enumerate(distinct)}
    vectors_TD = unit(np.array(embedder.embed_texts(distinct), dtype=np.float32), distinct, "caption")
    asked = vectors.asked(queries, vectors_TD[[rows[captions[query]] for query in queries]])
    official = [protocol.id for protocol in benchmark.protocols if protocol.official]
    return score_vectors(benchmark, asked, protocols=official)


def section(composed: Report, found: Report) -> Section:
    """The baseline beside the composed queries, for people.

    Args:
        composed: of the same benchmark.
        found: of `score_captions`.
    """
    tables, values = [], {}
    for protocol in dict.fromkeys(one.protocol for one in found.judged):
        part = MEAN if found.parts > 1 else None
        names = [metric.name for metric in protocol.metrics]
        figures = {
            said: {name: report.value(protocol.id, name, part) for name in names}
            for said, report in (("composed", composed), ("target captions", found))
        }
        ahead = {name: figures["composed"][name] - figures["target captions"][name] for name in names}
        rows = [(said, *(f"{figure:.2f}" for figure in each.values())) for said, each in figures.items()]
        rows.append(("composed minus captions", *(f"{points:+.2f}" for points in ahead.values())))
        tables.append(Table(protocol.id, ("", *names), tuple(rows)))
        values[protocol.id] = {**{said.replace(" ", "_"): each for said, each in figures.items()}, "ahead": ahead}
    notes = ("target captions: what the target shows, in words, as text-to-image search of the same gallery",)
    return Section("captions", "Captions: would words alone have found it?", tuple(tables), notes, values)

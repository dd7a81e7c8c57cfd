"""Does the model really compose? The same protocols asked with one modality alone, and what chance would reach.

Source of the composition gap and of the caution behind it: arXiv 2605.14787, where most queries of CIRR and CIRCO can
be solved by one modality.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from instructcir.benchmarks.benchmark import CANDIDATES, Benchmark, Part, Protocol, Query
from instructcir.errors import InputError
from instructcir.evaluation.captions import EmbedsTexts
from instructcir.evaluation.chance import Bounds, bounds
from instructcir.evaluation.edit_kinds import kinds
from instructcir.evaluation.judging import rank_part
from instructcir.evaluation.report import Report
from instructcir.evaluation.scoring import score_vectors
from instructcir.evaluation.slices import LENGTHS, Slices, edits, in_order, lengths, sliced
from instructcir.evaluation.vectors import BenchmarkVectors, unit

Floats = npt.NDArray[np.float32]

COMPOSED, IMAGE, TEXT, AVERAGE = "composed", "image only", "text only", "average"
_HEADLINES = ("recall@10", "recall@1")


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found; every figure in percent or points.

    Attributes:
        reports: how queries were asked -> scores under the official protocols.
        gaps: protocol -> composed minus the better single modality, of the protocol's headline recall.
        bounds: (protocol, part) -> metric -> what random and perfect rankings reach.
        by_length: protocol -> length of the modification -> number of queries and their headline recall.
        edits: what `by_edit` tells apart: "aspect", as the benchmark labels it, or "kind of edit", by our lexicon.
        by_edit: protocol -> aspect or kind of edit -> number of queries and their headline recall.
        reference_first: part -> share of queries whose top hit is their own reference, where it is in the gallery.
    """

    reports: Mapping[str, Report]
    gaps: Mapping[str, float]
    bounds: Mapping[tuple[str, str], Mapping[str, Bounds]]
    by_length: Mapping[str, Slices]
    edits: str
    by_edit: Mapping[str, Slices]
    reference_first: Mapping[str, float]


def audit(embedder: EmbedsTexts, benchmark: Benchmark, vectors: BenchmarkVectors) -> Audit:
    """Ask every query with its picture alone, with its text alone, and with the mean of both vectors.

    Args:
        embedder: that made the vectors; it embeds the texts, which is cheap.
        benchmark: with answers.
        vectors: of all its pictures, references too (`encode(..., references=True)`), and queries.

    Raises:
        InputError: the answers are hidden, or vectors are missing.
    """
    official = [protocol for protocol in benchmark.protocols if protocol.official]
    ids = [protocol.id for protocol in official]
    queries = [query for part in benchmark.parts for query in part.queries]
    rows = vectors.rows([query.reference for query in queries])
    if (rows < 0).any():
        lost = queries[int(np.argmin(rows))].reference
        raise InputError(f"the reference {lost} has no gallery vector; an audit needs one of every reference")
    image_QD = vectors.gallery_ND[rows]
    text_QD = _texts(embedder, queries, official[0].wording)
    asked = {
        IMAGE: image_QD,
        TEXT: text_QD,
        AVERAGE: unit(image_QD + text_QD, [q.id for q in queries], "averaged query"),
    }
    reports = {COMPOSED: score_vectors(benchmark, vectors, protocols=ids)}
    for name, queries_QD in asked.items():
        reports[name] = score_vectors(
            benchmark, vectors.asked([query.id for query in queries], queries_QD), protocols=ids
        )
    what, labels = edits(benchmark, official[0])
    words = lengths(benchmark, official[0])
    composed = reports[COMPOSED]
    return Audit(
        reports=reports,
        gaps={protocol.id: _gap(reports, protocol) for protocol in official},
        bounds={(protocol.id, part.name): bounds(part, protocol) for protocol in official for part in benchmark.parts},
        by_length={
            one.id: in_order(sliced(composed, one, headline(one), words), [name for name, _ in LENGTHS])
            for one in official
        },
        edits=what,
        by_edit={one.id: in_order(sliced(composed, one, headline(one), labels), kinds()) for one in official},
        reference_first={
            part.name: _reference_first(part, official[0], vectors)
            for part in benchmark.parts
            if official[0].gallery != CANDIDATES
        },
    )


def headline(protocol: Protocol) -> str:
    """The recall that stands for a protocol: @10, or @1 among few candidates."""
    there = {metric.name for metric in protocol.metrics}
    return next(name for name in _HEADLINES if name in there)


def _texts(embedder: EmbedsTexts, queries: Sequence[Query], wording: Sequence[str]) -> Floats:
    """(Q, D): modifications in the official wording, variants averaged; each distinct text is embedded once."""
    texts = list(dict.fromkeys(query.modifications[variant] for query in queries for variant in wording))
    rows = {text: row for row, text in enumerate(texts)}
    vectors_TD = unit(np.array(embedder.embed_texts(texts), dtype=np.float32), texts, "text")
    mean_QD = np.stack([vectors_TD[[rows[query.modifications[v]] for v in wording]].mean(axis=0) for query in queries])
    return unit(mean_QD, [query.id for query in queries], "text")


def _gap(reports: Mapping[str, Report], protocol: Protocol) -> float:
    found = {name: report.value(protocol.id, headline(protocol)) for name, report in reports.items()}
    return found[COMPOSED] - max(found[IMAGE], found[TEXT])


def _reference_first(part: Part, protocol: Protocol, vectors: BenchmarkVectors) -> float:
    gallery = part.galleries[protocol.gallery]
    kept, _ = rank_part(part.queries, gallery, protocol.wording, vectors)
    place = {name: position for position, name in enumerate(gallery)}
    references = np.array([place.get(query.reference, -1) for query in part.queries])
    return 100 * float((kept.top_QK[:, 0] == references).mean())

"""Does the model really compose? The same protocols asked with one modality alone, and what chance would reach.

Source of the composition gap and of the caution behind it: arXiv 2605.14787, where most queries of CIRR and CIRCO can
be solved by one modality.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from instructcir.benchmarks.benchmark import CANDIDATES, Benchmark, Part, Query
from instructcir.benchmarks.benchmark import Protocol as BenchmarkProtocol
from instructcir.errors import InputError
from instructcir.evaluation.judging import rank_part
from instructcir.evaluation.report import Judged, Report
from instructcir.evaluation.scoring import score_vectors
from instructcir.evaluation.vectors import COMBINED, BenchmarkVectors, unit

Floats = npt.NDArray[np.float32]

COMPOSED, IMAGE, TEXT, AVERAGE = "composed", "image only", "text only", "average"
LENGTHS = (("up to 5 words", 0, 5), ("6 to 10 words", 6, 10), ("11 to 15 words", 11, 15), ("over 15 words", 16, 10**6))
_HEADLINES = ("recall@10", "recall@1")


class EmbedsTexts(Protocol):
    """What embeds plain texts."""

    def embed_texts(self, texts: Sequence[str]) -> Floats:
        """(T, D) vectors."""
        ...


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found; every figure in percent or points.

    Attributes:
        reports: how queries were asked -> scores under the official protocols.
        gaps: protocol -> composed minus the better single modality, of the protocol's headline recall.
        chance: (protocol, part) -> metric -> what random rankings reach in the mean; an oracle reaches 100.
        by_length: protocol -> length of the modification -> number of queries and their headline recall.
        reference_first: part -> share of queries whose top hit is their own reference, where it is in the gallery.
    """

    reports: Mapping[str, Report]
    gaps: Mapping[str, float]
    chance: Mapping[tuple[str, str], Mapping[str, float]]
    by_length: Mapping[str, Mapping[str, tuple[int, float]]]
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
        reports[name] = score_vectors(benchmark, _with_queries(vectors, queries, queries_QD), protocols=ids)
    return Audit(
        reports=reports,
        gaps={protocol.id: _gap(reports, protocol) for protocol in official},
        chance={(one.protocol.id, one.part): _chance(one) for one in reports[COMPOSED].judged},
        by_length={protocol.id: _by_length(reports[COMPOSED], protocol, benchmark) for protocol in official},
        reference_first={
            part.name: _reference_first(part, official[0], vectors)
            for part in benchmark.parts
            if official[0].gallery != CANDIDATES
        },
    )


def headline(protocol: BenchmarkProtocol) -> str:
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


def _with_queries(vectors: BenchmarkVectors, queries: Sequence[Query], queries_QD: Floats) -> BenchmarkVectors:
    keys = {(query.id, COMBINED): row for row, query in enumerate(queries)}
    return BenchmarkVectors(vectors.gallery, vectors.gallery_ND, keys, queries_QD, vectors.official_wording)


def _gap(reports: Mapping[str, Report], protocol: BenchmarkProtocol) -> float:
    found = {name: report.value(protocol.id, headline(protocol)) for name, report in reports.items()}
    return found[COMPOSED] - max(found[IMAGE], found[TEXT])


def _chance(one: Judged) -> dict[str, float]:
    """Recall of rankings in random order: the share of what is ranked that k ranks show."""
    ranked = one.gallery - (one.protocol.removes and one.protocol.gallery != CANDIDATES)
    found = {metric.name: metric.k for metric in one.protocol.metrics if metric.kind == "recall"}
    return {name: 100 * min(k, ranked) / ranked for name, k in found.items()}


def _by_length(report: Report, protocol: BenchmarkProtocol, benchmark: Benchmark) -> dict[str, tuple[int, float]]:
    words = {
        query.id: len(query.modifications[protocol.wording[0]].split())
        for part in benchmark.parts
        for query in part.queries
    }
    values = [
        (words[query], value)
        for one in report.judged
        if one.protocol.id == protocol.id
        for query, value in zip(one.ids, one.values[headline(protocol)], strict=True)
    ]
    found = {}
    for name, least, most in LENGTHS:
        chosen = [value for count, value in values if least <= count <= most]
        if chosen:
            found[name] = (len(chosen), 100 * float(np.mean(chosen)))
    return found


def _reference_first(part: Part, protocol: BenchmarkProtocol, vectors: BenchmarkVectors) -> float:
    gallery = part.galleries[protocol.gallery]
    kept, _ = rank_part(part.queries, gallery, protocol.wording, vectors)
    place = {name: position for position, name in enumerate(gallery)}
    references = np.array([place.get(query.reference, -1) for query in part.queries])
    return 100 * float((kept.top_QK[:, 0] == references).mean())


def lines(found: Audit) -> list[str]:
    """An audit as lines of text."""
    said = []
    composed = found.reports[COMPOSED]
    for identity, gap in found.gaps.items():
        protocol = next(one.protocol for one in composed.judged if one.protocol.id == identity)
        metric = headline(protocol)
        said.append(f"{identity}, {metric}")
        said += [f"  {name:14}{report.value(identity, metric):8.2f}" for name, report in found.reports.items()]
        chance = [values[metric] for (one, _), values in found.chance.items() if one == identity]
        said.append(f"  {'at random':14}{np.mean(chance):8.2f}   (an oracle: 100)")
        said.append(f"  composition gap {gap:+.2f} points over the better single modality")
        said += [
            f"  {name:14}{value:8.2f}   {count:,} queries" for name, (count, value) in found.by_length[identity].items()
        ]
    for part, share in found.reference_first.items():
        said.append(f"{part}: the top hit is the query's own reference in {share:.2f} % of queries")
    return said

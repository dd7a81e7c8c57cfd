"""Several wordings of each query, against plain recomputation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import evaluation_oracles as oracle
from instructcir.benchmarks.registry import NAMES, load_benchmark
from instructcir.evaluation.encode import encode
from instructcir.evaluation.paraphrases import (
    paraphrase_protocols,
    score_paraphrases,
    section,
    with_paraphrases,
)
from instructcir.evaluation.report import MEAN
from instructcir.evaluation.scoring import score_vectors
from instructcir.evaluation.sections import lines
from instructcir.evaluation.vectors import read_vectors
from instructcir.items import ComposedQuery, ImageLike
from tiny_benchmarks import FILES, paint, write


def test_mean_worst_and_best_of_each_query(tmp_path: Path) -> None:
    benchmark = load_benchmark("cirr", write(tmp_path / "cirr", FILES["cirr"]()))
    wordings = {"70": ("a", "b", "c"), "72": ("d", "e")}
    more = with_paraphrases(benchmark, wordings)
    gallery, queries = oracle.made_up(more, 8)
    oracle.save(tmp_path / "v.npz", gallery, queries)
    vectors = read_vectors(tmp_path / "v.npz", more)
    report = score_vectors(benchmark, vectors, protocols=["cirr/official", "cirr/subset"])
    found = score_paraphrases(more, vectors, wordings, report)
    assert set(found) == {("cirr/official", "cirr"), ("cirr/subset", "cirr")}
    [part] = more.parts
    asked = {query.id: query for query in part.queries}
    for (protocol, _), one in found.items():
        assert (one.queries, one.wordings) == (2, 5)
        for metric, spread in one.spreads.items():
            k = int(metric.partition("@")[2])
            right = {}
            for variant in ("caption", "paraphrase-1", "paraphrase-2", "paraphrase-3"):
                for query in (query for query in part.queries if variant in query.modifications):
                    alone = type(part)(part.name, (query,), part.galleries)
                    lists = oracle.gallery_lists(alone, "split", [variant], gallery, queries, removed=True)
                    lists = lists if protocol == "cirr/official" else oracle.cirr_subsets(alone, lists)
                    right[query.id, variant] = oracle.recall(lists, [query], k)
            each = {q: [right[q, f"paraphrase-{n + 1}"] for n in range(len(wordings[q]))] for q in wordings}
            assert spread.official == pytest.approx(np.mean([right[query, "caption"] for query in wordings]))
            assert spread.mean == pytest.approx(np.mean([np.mean(values) for values in each.values()]))
            assert spread.worst == pytest.approx(np.mean([min(values) for values in each.values()]))
            assert spread.best == pytest.approx(np.mean([max(values) for values in each.values()]))
            assert spread.spread == pytest.approx(spread.best - spread.worst)
            assert asked.keys() >= wordings.keys()
    assert any(spread.spread > 0 for one in found.values() for spread in one.spreads.values())


@pytest.mark.parametrize("name", NAMES)
def test_a_query_said_in_its_own_words_scores_the_same(tmp_path: Path, name: str) -> None:
    benchmark = load_benchmark(name, write(tmp_path / name, FILES[name]()))
    paint(benchmark)
    queries = [query for part in benchmark.parts for query in part.queries]
    variant = benchmark.official_wording[0]
    wordings = {query.id: (query.modifications[variant],) for query in queries}
    more = with_paraphrases(benchmark, wordings)
    official = [protocol for protocol in benchmark.protocols if protocol.official]
    counted = Counting()
    vectors = encode(counted, more, [*official, *paraphrase_protocols(benchmark, wordings)])
    assert counted.pictures == len({picture for picture in counted.seen})
    report = score_vectors(benchmark, vectors, protocols=[protocol.id for protocol in official])
    found = score_paraphrases(more, vectors, wordings, report)
    assert ((official[0].id, MEAN) in found) == (len(benchmark.parts) > 1)
    for one in found.values():
        for spread in one.spreads.values():
            assert spread.spread == 0
            if name != "fashioniq":  # its official wording is the mean of two
                assert spread.official == pytest.approx(spread.mean)
    shown = "\n".join(lines(section(found)))
    assert f"{official[0].id}, " in shown
    assert "worst" in shown


class Counting:
    """Vectors by a picture's colour and a text's letters; counts what it is given."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.pictures = 0

    def embed_mixed(self, images: list[ImageLike], queries: list[ComposedQuery]) -> tuple[np.ndarray, np.ndarray]:
        self.pictures += len(images)
        self.seen += [str(image) for image in images]
        return (
            np.stack([oracle.Texts.vector(self._name(image)) for image in images]),
            np.stack([oracle.Texts.vector(self._name(one.reference) + one.modification) for one in queries]),
        )

    def embed_images(self, images: list[ImageLike]) -> np.ndarray:
        return self.embed_mixed(images, [])[0]

    def embed_queries(self, queries: list[ComposedQuery]) -> np.ndarray:
        return self.embed_mixed([], queries)[1]

    @staticmethod
    def _name(image: ImageLike) -> str:
        return Path(image).name if isinstance(image, str) else str(np.asarray(image).sum())

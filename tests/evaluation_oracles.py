"""The official definitions, word for word and slowly: plain sorts, plain loops, one query at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from instructcir.benchmarks.benchmark import Benchmark, Part, Query

Vectors = Mapping[str, np.ndarray]
Worded = Mapping[tuple[str, str], np.ndarray]


def normalised(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def query_vector(query: Query, variants: Sequence[str], queries: Worded) -> np.ndarray:
    """The normalised mean of the normalised vectors."""
    return normalised(np.mean([normalised(queries[query.id, variant]) for variant in variants], axis=0))


def recall(lists: Sequence[list[str]], queries: Sequence[Query], k: int) -> float:
    return 100 * sum(query.relevant[0] in names[:k] for query, names in zip(queries, lists, strict=True)) / len(lists)


def soft_recall(lists: Sequence[list[str]], queries: Sequence[Query], k: int) -> float:
    total = 0.0
    for query, names in zip(queries, lists, strict=True):
        highest = 0.0
        for name, grade in query.grades.items():
            if name in names[:k]:
                highest = max(highest, grade)
        total += highest
    return 100 * total / len(lists)


def average_precision(names: list[str], relevant: Sequence[str], k: int) -> float:
    total, found = 0.0, 0
    for rank, name in enumerate(names[:k], start=1):
        if name in relevant:
            found += 1
            total += found / rank
    return total / min(k, len(relevant))


def mean_average_precision(lists: Sequence[list[str]], queries: Sequence[Query], k: int) -> float:
    return 100 * float(
        np.mean([average_precision(names, query.relevant, k) for query, names in zip(queries, lists, strict=True)])
    )


def gallery_lists(
    part: Part, gallery: str, variants: Sequence[str], vectors: Vectors, queries: Worded, *, removed: bool
) -> list[list[str]]:
    """The first names of each ranking, as many as any protocol asks for; of small galleries all."""
    names = part.galleries[gallery]
    matrix = np.stack([normalised(vectors[name]) for name in names])
    lists = []
    for query in part.queries:
        order = np.argsort(-(matrix @ query_vector(query, variants, queries)), kind="stable")
        first = [names[index] for index in (order if len(order) < 3000 else order[:60])]
        lists.append([name for name in first if not (removed and name == query.reference)])
    return lists


def cirr_subsets(part: Part, lists: Sequence[list[str]]) -> list[list[str]]:
    """The whole ranking without the reference, restricted to the image set."""
    return [
        [name for name in names if name in query.candidates and name != query.reference]
        for query, names in zip(part.queries, lists, strict=True)
    ]


def genecis_recall(part: Part, vectors: Vectors, queries: Worded, k: int) -> float:
    """Target first, then the others as they stand; a place, not a name, is the target."""
    right = 0
    for query in part.queries:
        vector = query_vector(query, ["condition"], queries)
        scores = [float(normalised(vectors[name]) @ vector) for name in query.candidates]
        order = sorted(range(len(scores)), key=lambda index: (-scores[index], index))
        right += 0 in order[:k]
    return 100 * right / len(part.queries)


def made_up(benchmark: Benchmark, dimensions: int, seed: int = 0) -> tuple[dict[str, np.ndarray], dict]:
    """Vectors that find their targets now and then: every variant leans to the target, and to the reference."""
    rng = np.random.default_rng(seed)
    gallery = {name: rng.standard_normal(dimensions).astype(np.float32) for name in benchmark.pictures}
    queries = {}
    for part in benchmark.parts:
        for query in part.queries:
            for variant in query.modifications:
                noise = rng.standard_normal(dimensions)
                lean = 0.5 * gallery[query.relevant[0]] if query.relevant else 0
                queries[query.id, variant] = (noise + lean + 0.5 * gallery[query.reference]).astype(np.float32)
    return gallery, queries


def save(path: object, gallery: Vectors, queries: Worded, **changed: object) -> None:
    """As docs/formats.md describes it; `changed` replaces arrays, or leaves them out where None."""
    arrays: dict[str, object] = {
        "gallery_ids": np.array(list(gallery)),
        "gallery_vectors": np.stack(list(gallery.values())),
        "query_ids": np.array([query for query, _ in queries]),
        "query_variants": np.array([variant for _, variant in queries]),
        "query_vectors": np.stack(list(queries.values())),
        **changed,
    }
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})  # type: ignore[arg-type]


class Texts:
    """Vectors of texts by their letters."""

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        return np.stack([self.vector(text) for text in texts])

    @staticmethod
    def vector(text: str) -> np.ndarray:
        rng = np.random.default_rng(sum(ord(letter) * place for place, letter in enumerate(text, start=1)))
        return normalised(rng.standard_normal(8)).astype(np.float32)

"""One loop for all benchmarks: an embedder's vectors, and their scores under every protocol."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from instructcir.benchmarks.benchmark import Benchmark
from instructcir.evaluation.encode import Embeds, encode
from instructcir.evaluation.report import Report
from instructcir.evaluation.scoring import chosen_protocols, require_answers, score_vectors
from instructcir.evaluation.vector_cache import VectorCache


def evaluate(
    embedder: Embeds,
    benchmark: Benchmark,
    *,
    protocols: Sequence[str] = (),
    allow_missing: bool = False,
    cache: VectorCache | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Score an embedder on a benchmark with public answers.

    Args:
        embedder: anything with `embed_images` and `embed_queries`; one with `embed_mixed` encodes each picture once for
            its own vector and all queries on it.
        benchmark: from `load_benchmark`, with its pictures.
        protocols: ids of those to score; all if none is named.
        allow_missing: leave out pictures that are missing or cannot be used; every row then says how many.
        cache: of vectors made before with this embedder.
        progress: called with (done, all) pictures.

    Raises:
        InputError: the answers are hidden, there is no such protocol, or pictures are missing.
        ImageError: a picture cannot be used.
    """
    require_answers(benchmark)
    chosen = chosen_protocols(benchmark, protocols)
    vectors = encode(embedder, benchmark, chosen, allow_missing=allow_missing, cache=cache, progress=progress)
    return score_vectors(benchmark, vectors, protocols=protocols, allow_missing=allow_missing)

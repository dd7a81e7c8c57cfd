"""All vectors of a benchmark in one pass over its pictures: each distinct picture opened once for all that it is asked.

Shape letters: N pictures, R query vectors, D dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from instructcir.benchmarks.benchmark import CANDIDATES, Benchmark, Picture
from instructcir.benchmarks.benchmark import Protocol as BenchmarkProtocol
from instructcir.benchmarks.completeness import require_pictures
from instructcir.errors import ImageError
from instructcir.evaluation.vector_cache import VectorCache
from instructcir.evaluation.vectors import BenchmarkVectors, unit
from instructcir.items import ComposedQuery, ImageLike

Floats = npt.NDArray[np.float32]

PICTURES_AT_ONCE = 256
_WORKERS = 4


class Embeds(Protocol):
    """Anything that embeds pictures and composed queries."""

    def embed_images(self, images: Sequence[ImageLike]) -> Floats:
        """(N, D) vectors of pictures."""
        ...

    def embed_queries(self, queries: Sequence[ComposedQuery]) -> Floats:
        """(Q, D) vectors of composed queries."""
        ...


@runtime_checkable
class EmbedsMixed(Protocol):
    """An embedder that shares the work on a picture between its own vector and the queries on it."""

    def embed_mixed(self, images: Sequence[ImageLike], queries: Sequence[ComposedQuery]) -> tuple[Floats, Floats]:
        """(N, D) vectors of pictures and (Q, D) of composed queries."""
        ...


@dataclass(slots=True)
class _Ask:
    """A picture and what is wanted of it."""

    name: str
    picture: Picture
    gallery: bool = False
    texts: dict[str, list[tuple[str, str]]] = field(default_factory=dict)  # text -> (query id, variant) of all who ask


def encode(
    embedder: Embeds,
    benchmark: Benchmark,
    protocols: Sequence[BenchmarkProtocol],
    *,
    allow_missing: bool = False,
    references: bool = False,
    cache: VectorCache | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> BenchmarkVectors:
    """Vectors of all pictures that these protocols rank and of all queries in their wordings, as far as they have them.

    Args:
        embedder: with `embed_mixed`, or with the two methods of `Embeds`.
        benchmark: with its pictures.
        protocols: that will be scored.
        allow_missing: leave out pictures that are missing or cannot be used, and queries on them.
        references: also the gallery vectors of references that no gallery holds, as an audit needs them.
        cache: of vectors made before with this embedder; new ones are stored piece by piece.
        progress: called with (done, all) pictures.

    Raises:
        InputError: pictures are missing.
        ImageError: a picture cannot be used.
    """
    asks = _asks(benchmark, protocols, references=references)
    if not allow_missing:
        require_pictures({ask.name: ask.picture for ask in asks}, benchmark.name)
    gallery: dict[str, Floats] = {}
    queries: dict[tuple[str, str], Floats] = {}
    done = 0
    for some in _pieces([ask for ask in asks if not allow_missing or ask.picture.path.is_file()]):
        _encode_piece(embedder, some, gallery, queries, cache, allow_missing=allow_missing)
        done += len(some)
        if progress:
            progress(done, len(asks))
    return _gathered(gallery, queries, benchmark)


def _asks(benchmark: Benchmark, protocols: Sequence[BenchmarkProtocol], *, references: bool) -> list[_Ask]:
    """Each picture once, in the benchmark's order, with all that is asked about it."""
    found = {name: _Ask(name, picture) for name, picture in benchmark.pictures.items()}
    variants = list(dict.fromkeys(variant for protocol in protocols for variant in protocol.wording))
    for part in benchmark.parts:
        for gallery in dict.fromkeys(protocol.gallery for protocol in protocols):
            own = (name for query in part.queries for name in query.candidates)
            for name in own if gallery == CANDIDATES else part.galleries[gallery]:
                found[name].gallery = True
        for query in part.queries:
            found[query.reference].gallery |= references
            for variant in (variant for variant in variants if variant in query.modifications):
                text = query.modifications[variant]
                found[query.reference].texts.setdefault(text, []).append((query.id, variant))
    return [ask for ask in found.values() if ask.gallery or ask.texts]


def _pieces(asks: Sequence[_Ask]) -> Iterator[Sequence[_Ask]]:
    for start in range(0, len(asks), PICTURES_AT_ONCE):
        yield asks[start : start + PICTURES_AT_ONCE]


def _encode_piece(
    embedder: Embeds,
    asks: Sequence[_Ask],
    gallery: dict[str, Floats],
    queries: dict[tuple[str, str], Floats],
    cache: VectorCache | None,
    *,
    allow_missing: bool,
) -> None:
    """Vectors of a few pictures and the queries on them, into `gallery` and `queries`."""
    wanted = [(ask, text) for ask in asks for text in ([None] if ask.gallery else []) + list(ask.texts)]
    keys = {} if cache is None else {(a.name, text): cache.key(a.picture, text) for a, text in wanted}
    known = [pair for pair in wanted if cache is not None and keys[pair[0].name, pair[1]] in cache]
    if cache is not None and known:
        stored = cache.vectors([keys[ask.name, text] for ask, text in known])
        for (ask, text), vector_D in zip(known, stored, strict=True):
            _put(ask, text, vector_D, gallery, queries)
    found = {(ask.name, text) for ask, text in known}
    new = [(ask, text) for ask, text in wanted if (ask.name, text) not in found]
    images = _opened({ask.name: ask.picture for ask, _ in new}, allow_missing=allow_missing)
    new = [(ask, text) for ask, text in new if ask.name in images]
    plain = [(ask, text) for ask, text in new if text is None]
    composed = [(ask, text) for ask, text in new if text is not None]
    made = _embedded(
        embedder,
        [images[ask.name] for ask, _ in plain],
        [ComposedQuery(images[ask.name], text) for ask, text in composed],
    )
    fresh: dict[str, Floats] = {}
    for (ask, text), vector_D in zip([*plain, *composed], [*made[0], *made[1]], strict=True):
        _put(ask, text, vector_D, gallery, queries)
        if cache is not None:
            fresh[keys[ask.name, text]] = vector_D
    if cache is not None:
        cache.store(fresh)


def _put(
    ask: _Ask,
    text: str | None,
    vector_D: Floats,
    gallery: dict[str, Floats],
    queries: dict[tuple[str, str], Floats],
) -> None:
    if text is None:
        gallery[ask.name] = vector_D
    else:
        queries.update(dict.fromkeys(ask.texts[text], vector_D))


def _opened(pictures: Mapping[str, Picture], *, allow_missing: bool) -> dict[str, ImageLike]:
    """Paths of whole pictures, which the embedder opens itself, and the pixels of regions; with gaps all are opened."""
    paths: dict[str, ImageLike] = {
        name: str(picture.path) for name, picture in pictures.items() if picture.box is None and not allow_missing
    }
    rest = [name for name in pictures if name not in paths]
    with ThreadPoolExecutor(_WORKERS) as pool:
        for name, image in zip(rest, pool.map(lambda one: _open(pictures[one], allow_missing), rest), strict=True):
            if image is not None:
                paths[name] = image
    return paths


def _open(picture: Picture, allow_missing: bool) -> ImageLike | None:
    try:
        return picture.open()
    except ImageError:
        if not allow_missing:
            raise
        return None  # its vector will be missing, and is counted as such


def _embedded(embedder: Embeds, images: Sequence[ImageLike], queries: Sequence[ComposedQuery]) -> tuple[Floats, Floats]:
    if isinstance(embedder, EmbedsMixed):
        return embedder.embed_mixed(images, queries)
    nothing = np.zeros((0, 0), dtype=np.float32)
    return (
        embedder.embed_images(images) if images else nothing,
        embedder.embed_queries(queries) if queries else nothing,
    )


def _gathered(
    gallery: dict[str, Floats], queries: dict[tuple[str, str], Floats], benchmark: Benchmark
) -> BenchmarkVectors:
    """Arrays in the benchmark's order of pictures; checked as vectors from a file are."""
    names = [name for name in benchmark.pictures if name in gallery]
    keys = list(queries)
    dimensions = len(next(iter((*gallery.values(), *queries.values())), ()))
    gallery_ND = np.zeros((len(names), dimensions), dtype=np.float32)
    queries_RD = np.zeros((len(keys), dimensions), dtype=np.float32)
    for row_D, name in zip(gallery_ND, names, strict=True):
        row_D[:] = gallery[name]
    for row_D, key in zip(queries_RD, keys, strict=True):
        row_D[:] = queries[key]
    return BenchmarkVectors(
        {name: row for row, name in enumerate(names)},
        unit(gallery_ND, names, f"{benchmark.name}: gallery", in_place=True),
        {key: row for row, key in enumerate(keys)},
        unit(queries_RD, [query for query, _ in keys], f"{benchmark.name}: query", in_place=True),
        benchmark.official_wording,
    )

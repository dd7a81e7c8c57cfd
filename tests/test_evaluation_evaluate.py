"""One pass over a benchmark's pictures: what an embedder is asked, gaps, the cache, and always the same scores."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from instructcir.benchmarks.benchmark import Benchmark
from instructcir.benchmarks.registry import NAMES, load_benchmark
from instructcir.errors import ImageError, InputError
from instructcir.evaluation import encode as encoding
from instructcir.evaluation.evaluate import evaluate
from instructcir.evaluation.vector_cache import VectorCache
from instructcir.images import image_digest, open_rgb
from instructcir.items import ComposedQuery, ImageLike
from tiny_benchmarks import FILES, paint, write


class Fake:
    """Vectors that depend on pixels and text alone; counts what it is asked."""

    def __init__(self) -> None:
        self.images = 0
        self.queries = 0

    def _vector(self, image: ImageLike, text: str) -> np.ndarray:
        seed = hashlib.sha256((image_digest(open_rgb(image)) + text).encode()).digest()[:8]
        vector = np.random.default_rng(int.from_bytes(seed)).standard_normal(6).astype(np.float32)
        return vector / np.linalg.norm(vector)

    def embed_images(self, images: Sequence[ImageLike]) -> np.ndarray:
        self.images += len(images)
        return np.stack([self._vector(image, "") for image in images])

    def embed_queries(self, queries: Sequence[ComposedQuery]) -> np.ndarray:
        self.queries += len(queries)
        return np.stack([self._vector(query.reference, query.modification) for query in queries])


class Mixed(Fake):
    def embed_mixed(self, images: Sequence[ImageLike], queries: Sequence[ComposedQuery]) -> Any:
        empty = np.zeros((0, 6), dtype=np.float32)
        return (
            self.embed_images(images) if images else empty,
            self.embed_queries(queries) if queries else empty,
        )


def ready(tmp_path: Path, name: str) -> Benchmark:
    benchmark = load_benchmark(name, write(tmp_path / name, FILES[name]()))
    paint(benchmark)
    return load_benchmark(name, tmp_path / name)


@pytest.mark.parametrize("name", NAMES)
def test_one_pass_gives_the_same_in_pieces_and_from_the_cache(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    benchmark = ready(tmp_path, name)
    plain, steps = Fake(), []
    report = evaluate(plain, benchmark, progress=lambda done, total: steps.append((done, total)))
    assert {row.protocol for row in report.rows()} == {protocol.id for protocol in benchmark.protocols}
    candidates = {one for part in benchmark.parts for query in part.queries for one in query.candidates}
    galleries = {one for part in benchmark.parts for names in part.galleries.values() for one in names}
    assert plain.images == len(candidates | galleries)
    assert steps[-1] == (len(benchmark.pictures), len(benchmark.pictures))
    monkeypatch.setattr(encoding, "PICTURES_AT_ONCE", 3)
    cache = VectorCache(tmp_path / "cache", "f" * 64)
    mixed = Mixed()
    assert evaluate(mixed, benchmark, cache=cache).rows() == report.rows()
    assert len(cache) == mixed.images + mixed.queries
    again = Mixed()
    assert evaluate(again, benchmark, cache=VectorCache(tmp_path / "cache", "f" * 64)).rows() == report.rows()
    assert (again.images, again.queries) == (0, 0)


def test_queries_of_one_text_on_one_picture_are_encoded_once(tmp_path: Path) -> None:
    benchmark = ready(tmp_path, "genecis")
    embedder = Fake()
    evaluate(embedder, benchmark, protocols=["genecis/official"])
    distinct = {(q.reference, q.modifications["condition"]) for part in benchmark.parts for q in part.queries}
    assert embedder.queries == len(distinct) < sum(len(part.queries) for part in benchmark.parts)


def test_an_interrupted_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "PICTURES_AT_ONCE", 2)
    benchmark = ready(tmp_path, "cirr")

    class Killed(Fake):
        def embed_images(self, images: Sequence[ImageLike]) -> np.ndarray:
            if self.images >= 4:
                raise KeyboardInterrupt
            return super().embed_images(images)

    with pytest.raises(KeyboardInterrupt):
        evaluate(Killed(), benchmark, cache=VectorCache(tmp_path / "cache", "f"))
    rest = Fake()
    report = evaluate(rest, benchmark, cache=VectorCache(tmp_path / "cache", "f"))
    assert rest.images == 4
    assert report.rows() == evaluate(Fake(), benchmark).rows()


def test_the_cache_knows_models_pictures_and_regions(tmp_path: Path) -> None:
    benchmark = ready(tmp_path, "genecis")
    evaluate(Fake(), benchmark, cache=VectorCache(tmp_path / "cache", "one"))
    other = Fake()
    evaluate(other, benchmark, cache=VectorCache(tmp_path / "cache", "two"))
    assert other.images
    picture = benchmark.pictures["13@0,0,20,30"]
    cache = VectorCache(tmp_path / "cache", "one")
    keys = {cache.key(one, text) for one in (picture, benchmark.pictures["13@4,0,20,30"]) for text in (None, "", "a")}
    assert len(keys) == 6
    before = cache.key(picture, None)
    picture.path.write_bytes(picture.path.read_bytes() + b"more")
    assert cache.key(picture, None) != before


def test_files_of_the_cache_that_are_broken_are_named(tmp_path: Path) -> None:
    benchmark = ready(tmp_path, "cirr")
    evaluate(Fake(), benchmark, cache=VectorCache(tmp_path / "cache", "f"))
    [path] = (tmp_path / "cache" / "f").glob("*.npz")
    path.write_bytes(b"PK")
    with pytest.raises(InputError, match=r"npz: no file of stored vectors .*remove it"):
        VectorCache(tmp_path / "cache", "f")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="no folder for vectors can be made there"):
        VectorCache(tmp_path / "file", "f")


def test_missing_and_broken_pictures_stop_it_unless_asked(tmp_path: Path) -> None:
    benchmark = ready(tmp_path, "cirr")
    names = benchmark.parts[0].galleries["split"]
    benchmark.pictures[names[6]].path.unlink()
    with pytest.raises(InputError, match=r"cirr: 1 of 8 pictures are missing, the first .*dev-6-0-img0.png"):
        evaluate(Fake(), benchmark)
    benchmark.pictures[names[2]].path.write_bytes(b"text")  # the third query's reference
    report = evaluate(Fake(), benchmark, allow_missing=True)
    assert report.rows()[0].remark == "INCOMPLETE: 2 images and 1 of 3 queries missing"
    paint(load_benchmark("cirr", tmp_path / "cirr"))
    benchmark.pictures[names[2]].path.write_bytes(b"text")
    with pytest.raises(ImageError, match=r"dev-2-0-img0.png"):
        evaluate(Fake(), benchmark)


def test_hidden_answers_are_found_out_before_the_work(tmp_path: Path) -> None:
    root = write(tmp_path / "cirr", FILES["cirr"]())
    with pytest.raises(InputError, match="its answers are not public"):
        evaluate(Fake(), load_benchmark("cirr", root, "test1"))

"""Ranking a stored gallery against numpy, FAISS, usearch and LanceDB used plainly, in one run on this machine.

    pip install faiss-cpu usearch               # the peers; one that is missing is left out
    python bench/search.py                      # 100,000 x 256, then 1,000,000 x 256
    python bench/search.py --count 1000000
    python bench/search.py --quick              # 10,000 x 256, few rounds

Vectors are drawn around centres, as pictures of a few hundred kinds would be, and queries lie beside gallery vectors.
Every figure is a median over single queries; in each all take turns, in another order. The ratios to quote: exact to
the best flat peer, and by the graph to the best approximate peer with a recall of 0.98 or more.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from instructcir.index.manifest import Identity, Manifest
from instructcir.index.reader import Gallery
from instructcir.index.table import PictureTable, own_schema
from instructcir.index.tuning import build
from instructcir.index.vectors import Storage, pack
from instructcir.ranking import blocked_top_k
from instructcir.search.candidates import candidates
from instructcir.search.ranked import ranked

# shapes: G gallery, Q queries, D dimensions, K top
DIMENSION, TOP = 256, 10
RECALL = 0.98
Works = dict[str, Callable[[Any], Any]]


def drawn(count: int, queries: int) -> tuple[Any, Any]:
    """A gallery (G, D) and queries (Q, D) of unit vectors."""
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(300, DIMENSION)).astype(np.float32)
    gallery_GD = np.empty((count, DIMENSION), dtype=np.float32)
    for start in range(0, count, 50_000):
        some = gallery_GD[start : start + 50_000]
        some[:] = centres[generator.integers(0, 300, len(some))] + generator.normal(size=some.shape)
        some /= np.linalg.norm(some, axis=1, keepdims=True)
    chosen = gallery_GD[generator.integers(0, count, queries)]
    queries_QD = chosen + 0.03 * generator.normal(size=(queries, DIMENSION)).astype(np.float32)
    return gallery_GD, queries_QD / np.linalg.norm(queries_QD, axis=1, keepdims=True)


def stored(folder: Path, gallery_GD: Any, storage: Storage) -> Path:
    """An index of these vectors; its thumbnails are empty."""
    folder.mkdir()
    table = PictureTable.create(folder, own_schema(DIMENSION, storage))
    for start in range(0, len(gallery_GD), 50_000):
        some = gallery_GD[start : start + 50_000]
        numbers = range(start, start + len(some))
        vectors, scales = pack(some, storage)
        columns: dict[str, Any] = {name: [0] * len(some) for name in table.schema.names}
        columns |= {"id": [f"{n:016x}" for n in numbers], "digest": [f"{n:064x}" for n in numbers]}
        columns |= {"path": [f"/photos/{n}.jpg" for n in numbers], "thumbnail": [b""] * len(some)}
        columns |= {"vector": vectors, "scale": scales}
        arrays = [
            columns[field.name] if field.name in ("vector", "scale") else pa.array(columns[field.name], field.type)
            for field in table.schema
        ]
        table.write(pa.table(arrays, schema=table.schema))
    probe = [[1.0, *[0.0] * (DIMENSION - 1)]]
    Manifest.new(Identity("drawn", "0" * 64, {}, {}, DIMENSION, probe), storage).write(folder)
    return folder


def flat_peers(gallery_GD: Any) -> Works:
    """Exact rankings by others: numbers of the best ten."""

    def numpy(query_D: Any) -> Any:
        scores_G = gallery_GD @ query_D
        best = np.argpartition(scores_G, -TOP)[-TOP:]
        return best[np.argsort(-scores_G[best])]

    works: Works = {"numpy": numpy}
    if importlib.util.find_spec("faiss"):
        import faiss

        flat = faiss.IndexFlatIP(DIMENSION)
        flat.add(gallery_GD)
        works["FAISS flat"] = lambda query_D: flat.search(query_D[None], TOP)[1][0]
    return works


def approximate_peers(folder: Path, gallery_GD: Any) -> Works:
    """Approximate rankings by others, as their first pages show them, and LanceDB without an index."""
    import lancedb

    numbers = pa.array(range(len(gallery_GD)))
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(gallery_GD.reshape(-1)), DIMENSION)
    plain = lancedb.connect(str(folder)).create_table("plain", pa.table({"number": numbers, "vector": vectors}))

    def lance(query_D: Any) -> Any:
        found = plain.search(query_D).distance_type("dot").select(["number", "_distance"]).limit(TOP).to_arrow()
        return found["number"].to_numpy()

    works: Works = {"LanceDB plain": lance}
    if importlib.util.find_spec("faiss"):
        import faiss

        graph = faiss.IndexHNSWFlat(DIMENSION, 32, faiss.METRIC_INNER_PRODUCT)
        graph.hnsw.efConstruction, graph.hnsw.efSearch = 200, 200
        graph.add(gallery_GD)
        works["FAISS HNSW"] = lambda query_D: graph.search(query_D[None], TOP)[1][0]
    with contextlib.suppress(ImportError):
        from usearch.index import Index

        other = Index(ndim=DIMENSION, metric="ip", expansion_add=200, expansion_search=200)
        other.add(np.arange(len(gallery_GD)), gallery_GD)
        works["usearch"] = lambda query_D: other.search(query_D, TOP).keys
    return works


def in_turns(queries_QD: Any, works: Works) -> dict[str, tuple[float, float, list[Any]]]:
    """Median and 95th percentile of milliseconds of each work over single queries, and what each found."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    found: dict[str, list[Any]] = {name: [] for name in works}
    order, generator = list(works), random.Random(0)
    for query_D in queries_QD:
        generator.shuffle(order)  # the threads of the one before may be awake, asleep or still spinning
        for name in order:
            begin = time.perf_counter()
            found[name].append(works[name](query_D))
            seconds[name].append(1e3 * (time.perf_counter() - begin))
    return {
        name: (statistics.median(times), float(np.quantile(times, 0.95)), found[name])
        for name, times in seconds.items()
    }


def recall(found: list[Any], truth_QK: Any) -> float:
    """Share of the true best ten that was found."""
    return float(
        np.mean([len(set(map(int, one)) & set(true.tolist())) / TOP for one, true in zip(found, truth_QK, strict=True)])
    )


def cold_start(index: Path) -> float:
    """Seconds from the start of a Python to the first ranking."""
    code = (
        "import sys, pathlib, numpy as np\n"
        "from instructcir.index.reader import Gallery\n"
        "from instructcir.search.ranked import ranked\n"
        "gallery = Gallery(pathlib.Path(sys.argv[1]))\n"
        "ranked(gallery, gallery.view.vectors([0])[0], 10)\n"
    )
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", code, str(index)], check=True)
    return time.perf_counter() - begin


def measure(count: int, queries: int, exact_only: bool) -> None:
    """One size: a table of all works, and a line of JSON."""
    gallery_GD, queries_QD = drawn(count, queries)
    truth_QK = blocked_top_k(queries_QD, gallery_GD, TOP)[0]
    with tempfile.TemporaryDirectory() as place:
        index = stored(Path(place, "index"), gallery_GD, "float16")
        gallery, small = Gallery(index), Gallery(stored(Path(place, "small"), gallery_GD, "int8"))
        flat = flat_peers(gallery_GD)
        others = {} if exact_only else approximate_peers(Path(place), gallery_GD)
        works: Works = {
            **flat,
            **others,
            "ours, exact": lambda query_D: best(gallery, query_D),
            "ours, exact int8": lambda query_D: best(small, query_D),
            "ours, whole answer": lambda query_D: whole(gallery, query_D),
        }
        if not exact_only:
            works |= by_graph(index)
        in_turns(queries_QD[:3], works)
        measured = in_turns(queries_QD, works)
        recalls = {name: recall(found, truth_QK) for name, (_, _, found) in measured.items()}
        fastest = min(measured[name][0] for name in flat)
        good = [measured[name][0] for name in others if recalls[name] >= RECALL]
        print(f"{count:,} x {DIMENSION}, {queries} queries")
        print(f"{'':22} {'p50 ms':>9} {'p95 ms':>9} {'recall@10':>10} {'to best flat':>13} {'to best approximate':>20}")
        for name, (median, late, _) in measured.items():
            to_good = f"{median / min(good):20.2f}" if good else f"{'':>20}"
            print(f"{name:22} {median:9.2f} {late:9.2f} {recalls[name]:10.4f} {median / fastest:13.2f} {to_good}")
        cold, floor = cold_start(index), 1e3 * gallery_GD.nbytes / read_rate(gallery_GD)
        print(f"cold start to the first ranking: {cold:.2f} s")
        print(f"reading {gallery_GD.nbytes / 1e6:,.0f} MB of vectors once: {floor:.2f} ms")
        summary = {name: round(median, 3) for name, (median, _, _) in measured.items()}
        facts = {"count": count, "cold_start_s": round(cold, 2), "floor_ms": round(floor, 3)}
        print(json.dumps({**facts, "p50_ms": summary, "recall": {n: round(r, 4) for n, r in recalls.items()}}))


def best(gallery: Gallery, query_D: Any) -> Any:
    """Numbers of the exact best ten, without hits."""
    return candidates(gallery.view, query_D, None, (), exact=True).best(TOP)[0]


def whole(gallery: Gallery, query_D: Any) -> list[int]:
    """Hits with percentiles, near-duplicates and paths, as a search gives them."""
    return [int(hit.id, 16) for hit in ranked(gallery, query_D, TOP)]


def by_graph(index: Path) -> Works:
    """Ours with the graph, built and tuned as `instructcir compact` does it."""
    begin = time.perf_counter()
    graph = build(index)
    print(f"graph built and tuned in {time.perf_counter() - begin:.0f} s: {graph}")
    gallery = Gallery(index)
    if gallery.view.graph is None:
        return {}
    return {
        "ours, graph": lambda query_D: gallery.view.nearest(query_D, TOP, graph.probes, graph.effort)[0],
        "ours, graph, answer": lambda query_D: whole(gallery, query_D),
    }


def read_rate(gallery_GD: Any) -> float:
    """Bytes a second at which this process reads memory: the best of a few sums."""
    seconds = []
    for _ in range(5):
        begin = time.perf_counter()
        torch.from_numpy(gallery_GD).sum()
        seconds.append(time.perf_counter() - begin)
    return float(gallery_GD.nbytes) / min(seconds)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, nargs="*", default=[100_000, 1_000_000])
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--exact-only", action="store_true", help="leave out graphs, which take long to build")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    for count in [10_000] if options.quick else options.count:
        measure(count, 20 if options.quick else options.queries, options.exact_only)


if __name__ == "__main__":
    main()

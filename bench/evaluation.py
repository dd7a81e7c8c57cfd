"""Scoring CIRCO's test split from ready vectors, beside a bare product with top-k and beside sorting everything.

    python bench/evaluation.py                                     # 800 queries, 123,403 pictures, 768 dimensions
    python bench/evaluation.py --gallery 1000000 --dimensions 256  # a million
    python bench/evaluation.py --quick                             # a tenth of the gallery, one round

Peer: the whole matrix of scores and a full argsort, as much evaluation code does it. Bare: the same matrix and
torch.topk, or numpy's argpartition, without removing references, without ranks of targets. Ours: `rank_gallery`, which
gives rankings with the reference kept and removed, the target's exact rank, and ties in a fixed order.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable

import numpy as np
import psutil
import torch

from instructcir.evaluation.ranked import DEPTH, rank_gallery

MIB = 2**20


def unit_vectors(rows: int, dimensions: int, rng: np.random.Generator) -> np.ndarray:
    vectors = np.empty((rows, dimensions), dtype=np.float32)
    for start in range(0, rows, 8192):
        piece = rng.standard_normal((min(8192, rows - start), dimensions), dtype=np.float32)
        vectors[start : start + len(piece)] = piece / np.linalg.norm(piece, axis=1, keepdims=True)
    return vectors


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MIB


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=800)
    parser.add_argument("--gallery", type=int, default=123_403)
    parser.add_argument("--dimensions", type=int, default=768)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.gallery, arguments.rounds = arguments.gallery // 10, 1
    rng = np.random.default_rng(0)
    gallery = unit_vectors(arguments.gallery, arguments.dimensions, rng)
    queries = unit_vectors(arguments.queries, arguments.dimensions, rng)
    targets, references = rng.integers(0, len(gallery), (2, len(queries)))
    rows = np.arange(len(gallery))
    print(
        f"{len(queries):,} queries x {len(gallery):,} pictures x {arguments.dimensions} dimensions, top {DEPTH}; "
        f"torch {torch.get_num_threads()} threads; vectors {(gallery.nbytes + queries.nbytes) / MIB:,.0f} MiB"
    )

    def ours() -> np.ndarray:
        return rank_gallery(queries, gallery, rows, targets, references)[0].top_QK

    def bare_torch() -> torch.Tensor:
        return (torch.from_numpy(queries) @ torch.from_numpy(gallery).T).topk(DEPTH, dim=1)[1]

    def bare_numpy() -> np.ndarray:
        return np.argpartition(queries @ gallery.T, -DEPTH, axis=1)[:, -DEPTH:]

    # Memory first: the process's peak cannot sink again, and the others hold the whole matrix of scores.
    before = psutil.Process().memory_info().rss / MIB
    found = ours()
    grown = max(0.0, peak_mib() - before)
    few = min(100, len(queries))
    product = seconds(lambda: queries @ gallery.T)
    peer = product + seconds(lambda: np.argsort(-(queries[:few] @ gallery.T), axis=1)) * len(queries) / few
    peer -= seconds(lambda: queries[:few] @ gallery.T) * len(queries) / few
    works = {"ours": ours, "bare, torch.topk": bare_torch, "bare, argpartition": bare_numpy}
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(arguments.rounds):
        for name, work in works.items():
            times[name].append(seconds(work))
    middle = {name: statistics.median(each) for name, each in times.items()}
    same = (np.sort(found) == np.sort(bare_torch().numpy())).all(axis=1).mean()
    print(f"peer, full argsort       {peer:8.2f} s   (sorting {few} queries, scaled up)")
    for name in ("bare, torch.topk", "bare, argpartition"):
        print(f"{name:24} {middle[name]:8.2f} s")
    print(
        f"ours                     {middle['ours']:8.2f} s   same pictures as torch.topk: {100 * same:.1f} % of queries"
    )
    print(f"ours / bare, torch.topk  {middle['ours'] / middle['bare, torch.topk']:8.2f} x")
    print(f"ours / argpartition      {middle['ours'] / middle['bare, argpartition']:8.2f} x")
    print(f"peer / ours              {peer / middle['ours']:8.2f} x")
    alone = max(middle["ours"] - product, 1e-3)
    print(
        f"the same, ranking alone  {(peer - product) / alone:8.2f} x   (less {product:.2f} s of products on both sides)"
    )
    print(f"memory of ours           {grown:8.0f} MiB beyond the vectors")


if __name__ == "__main__":
    main()

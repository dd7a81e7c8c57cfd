"""The embedder against the straightforward loop and plain sentence-transformers, in one run on this machine.

    python bench/embedding.py                   # mid: a few minutes
    python bench/embedding.py --size full       # the released model's shape, 4.1 B weights, 8 GB in bfloat16
    python bench/embedding.py --quick           # fewer rounds

Every figure is a median over rounds in which peer and ours take turns; ratios are what to quote, not seconds.
"""

from __future__ import annotations

import argparse
import gc
import logging
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import transformers
from common.peers import StraightforwardLoop
from common.shapes import MODIFICATIONS, checkpoint, flops_per_image, pictures
from transformers.utils.logging import disable_progress_bar

from instructcir.images import open_rgb
from instructcir.items import ComposedQuery
from instructcir.model.embedder import Embedder
from instructcir.model.placement import processor_multiplies_bfloat16


def in_turns(rounds: int, *works: Callable[[], object]) -> list[float]:
    """Median seconds of each work; they take turns so that a machine that drifts drifts for all."""
    seconds: list[list[float]] = [[] for _ in works]
    for work in works:
        work()
    for _ in range(rounds):
        for number, work in enumerate(works):
            start = time.perf_counter()
            work()
            seconds[number].append(time.perf_counter() - start)
    return [statistics.median(times) for times in seconds]


def matrix_rate(dtype: torch.dtype, device: str) -> float:
    """Measured FLOP/s of a bare product at the decoder's shape."""
    left = torch.randn(2048, 3072, device=device).to(dtype)
    right = torch.randn(3072, 3072, device=device).to(dtype)

    def product() -> None:
        torch.nn.functional.linear(left, right)
        if device == "cuda":
            torch.cuda.synchronize()

    return 2 * 2048 * 3072 * 3072 / in_turns(5, product)[0]


def gallery(dtype: str, device: str, rounds: int) -> None:
    """Gallery images per second at mid: (a), (b) and ours, files to vectors."""
    from sentence_transformers import SentenceTransformer

    files = pictures(16)
    opened = [open_rgb(data) for data in files]  # the peer gets pixels, ours gets files
    loop = StraightforwardLoop(checkpoint("mid", dtype, device))
    ours = Embedder(checkpoint("mid", dtype, device))
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "model"
        Embedder(checkpoint("mid", dtype, device)).save(saved)
        plain = SentenceTransformer(str(saved), device=device, model_kwargs={"dtype": getattr(torch, dtype)})
    a, b, c = in_turns(
        rounds,
        lambda: loop.embed(files, [None] * len(files)),
        lambda: plain.encode([{"image": image} for image in opened], batch_size=8),
        lambda: ours.embed_images(files),
    )
    needed = flops_per_image("mid", len(ours.renderer.text("")) - 4)
    rates = {name: matrix_rate(getattr(torch, name), device) for name in ("float32", "bfloat16")}
    best = max(rates.values())
    print(f"\n## gallery images, mid, {dtype}")
    print(f"matrix rate: float32 {rates['float32'] / 1e9:.0f}, bfloat16 {rates['bfloat16'] / 1e9:.0f} GFLOP/s; "
          f"needed: {needed / 1e9:.0f} GFLOP an image, so at best {best / needed:.1f} images/s")  # fmt: skip
    for name, seconds in (("(a) straightforward loop", a), ("(b) sentence-transformers", b), ("ours", c)):
        speed = len(files) / seconds
        share = f"{speed * needed / best:4.0%} of the matrix rate"
        print(f"{name:28} {speed:7.2f} images/s   {share}   ours is {seconds / c:.2f} x")
    one, other = loop.embed(files, [None] * len(files)).numpy(), ours.embed_images(files)
    print(
        f"largest difference to (a): {np.abs(one - other).max():.1e}, smallest cosine {(one * other).sum(1).min():.5f}"
    )


def precision(device: str) -> None:
    """What half precision does to vectors and ranks at mid."""
    files, queries = pictures(48, seed=1), pictures(12, seed=2)
    vectors = {}
    for dtype in ("float32", "bfloat16"):
        embedder = Embedder(checkpoint("mid", dtype, device))
        asked = [ComposedQuery(data, text) for data, text in zip(queries, MODIFICATIONS * 2, strict=False)]
        vectors[dtype] = embedder.embed_images(files), embedder.embed_queries(asked)
        del embedder
        gc.collect()
    (g32, q32), (g16, q16) = vectors["float32"], vectors["bfloat16"]
    overlap = [
        len(set(np.argsort(-s)[:10]) & set(np.argsort(-h)[:10])) / 10
        for s, h in zip(q32 @ g32.T, q16 @ g16.T, strict=True)
    ]
    print("\n## bfloat16 against float32, mid")
    print(f"cosine: smallest {min((g32 * g16).sum(1).min(), (q32 * q16).sum(1).min()):.4f}, "
          f"median {np.median((q32 * q16).sum(1)):.4f}; same top 10 of 48: {np.mean(overlap):.0%}")  # fmt: skip


def mixed(size: str, dtype: str, device: str, images: int, rounds: int) -> None:
    """CIRR's proportions: 2,315 images, 4,148 queries over all but 137 of them; each image encoded once, or cold."""
    queries = round(images * 4148 / 2315)
    files = pictures(images, seed=3)
    references = max(1, round(images * (1 - 137 / 2315)))
    asked = [ComposedQuery(files[n % references], MODIFICATIONS[n % 8]) for n in range(queries)]
    embedder = Embedder(checkpoint(size, dtype, device))

    def cold() -> None:
        embedder.embed_images(files)
        for start in range(0, queries, references):  # within one call no picture comes twice: nothing is shared
            embedder.embed_queries(asked[start : start + references])

    a, b = in_turns(rounds, cold, lambda: embedder.embed_mixed(files, asked))
    print(f"\n## {images} images and {queries} queries (CIRR's proportions), {size}, {dtype}")
    print(f"each input cold {a:.1f} s, shared {b:.1f} s: {a / b:.2f} x")


def refinement(dtype: str, device: str, rounds: int) -> None:
    """Later modifications of one reference at full, alone and eight together, against a cold query."""
    before = resident()
    model = checkpoint("full", dtype, device)
    weights = sum(p.nbytes for p in model.model.parameters())
    files = pictures(8, seed=4)
    loop = StraightforwardLoop(model)
    start = time.perf_counter()
    loop.embed(files[:1], [MODIFICATIONS[0]])
    peer = time.perf_counter() - start
    embedder = Embedder(model)
    open_reference = embedder.reference(files[0])
    first = open_reference.embed(MODIFICATIONS[:1])
    query = [ComposedQuery(files[0], MODIFICATIONS[1])]
    cold, alone, eight = in_turns(
        rounds,
        lambda: embedder.embed_queries(query),
        lambda: open_reference.embed(MODIFICATIONS[1:2]),
        lambda: open_reference.embed(MODIFICATIONS),
    )
    whole = embedder.embed_queries([ComposedQuery(files[0], MODIFICATIONS[0])])
    prefix = embedder.renderer.prefix("query", embedder.planner.prepare(open_rgb(files[0])).expansion)
    lengths = [len(embedder.renderer.suffix("query", prefix, text)) for text in MODIFICATIONS]
    print(f"\n## later modifications of one reference, full, {dtype}")
    print(f"a prompt: {len(prefix.ids)} tokens with the picture, then {lengths[1]} for the one alone, "
          f"{min(lengths)} to {max(lengths)} for the eight")  # fmt: skip
    print(f"(a) straightforward loop, one query    {peer:8.2f} s")
    print(f"ours, a cold query                     {cold:8.2f} s   {peer / cold:5.1f} x (a)")
    print(f"ours, a later modification, alone      {alone:8.2f} s   {cold / alone:5.1f} x cheaper than cold")
    print(f"ours, eight together, each             {eight / 8:8.2f} s   {cold / (eight / 8):5.1f} x cheaper than cold")
    decoder = sum(p.nbytes for p in embedder.backbone.decoder.layers.parameters())
    bandwidth = stream_rate(device)
    print(f"floor of one modification: {decoder / 1e9:.1f} GB of decoder streamed once at {bandwidth / 1e9:.0f} GB/s: "
          f"{decoder / bandwidth:.2f} s")  # fmt: skip
    print(f"cosine of shared and cold: {float(first[0] @ whole[0]):.5f}")
    embedder.embed_images(files)
    peak = (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        if device == "cpu"
        else torch.cuda.max_memory_allocated()
    )
    print(f"peak memory, batch of 8: {(peak - before) / weights:.2f} x the weights ({weights / 1e9:.1f} GB)")


def stream_rate(device: str) -> float:
    """Measured bytes per second that a matrix-vector product reads."""
    matrix, vector = torch.randn(8192, 8192, device=device), torch.randn(8192, device=device)

    def product() -> None:
        torch.mv(matrix, vector)
        if device == "cuda":
            torch.cuda.synchronize()

    return matrix.nbytes / in_turns(7, product)[0]


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def main() -> None:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=["mid", "full"], default="mid")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], help="default: both at mid, bfloat16 at full")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--part", choices=["gallery", "precision", "mixed", "refinement"])
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    disable_progress_bar()
    logging.getLogger("sentence_transformers").setLevel(logging.ERROR)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    rounds = 2 if options.quick else 5
    native = "native" if device == "cuda" or processor_multiplies_bfloat16() else "emulated"
    print(f"{device}, {torch.get_num_threads()} threads, torch {torch.__version__}; bfloat16 products: {native}")
    dtypes = [options.dtype] if options.dtype else ["float32", "bfloat16"] if options.size == "mid" else ["bfloat16"]
    for dtype in dtypes:
        if options.size == "mid" and options.part in (None, "gallery"):
            gallery(dtype, device, rounds)
        if options.part in (None, "mixed"):
            mixed(options.size, dtype, device, 16 if options.size == "mid" else 3, max(1, rounds // 2))
        gc.collect()
        if options.size == "full" and options.part in (None, "refinement"):
            refinement(dtype, device, max(2, rounds - 2))
    if options.size == "mid" and options.part in (None, "precision"):
        precision(device)


if __name__ == "__main__":
    main()

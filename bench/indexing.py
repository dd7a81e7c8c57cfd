"""Indexing photographs with `tiny` against decoding them alone, and memory over many files, on this machine.

    python bench/indexing.py                    # 50,000 files, 1 to 2 megapixels, 28 GB of them
    python bench/indexing.py --count 5000
    python bench/indexing.py --quick            # 300 files
    python bench/indexing.py --threads 1        # of the encoder, at most; readers are one more than processors

A pool of JPEG files is made with the spectrum of photographs, since what a file costs to decode grows with its bits a
pixel; each other file is one of them with other bytes at its end, so that no content is known already. Decoding alone
reads each file and opens it with `open_rgb`, in as many threads as there are processors; pieces of the two take turns.
Beside the clock's ratio stands that of processor time, which says more on a busy machine. Memory is the indexing
process's own peak, after 2,000 files, or a third of fewer, and at the end.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

POOL = 48
FIRST = 2000  # files after which memory is read first
ROUNDS = 3
SLOPE = 1.2  # amplitude falls as frequency ** -1.2: the mean over natural images of Tolhurst, Tadmor and Chao (1992)
LIGHT, COLOUR = 52, 16  # standard deviations of brightness and of either colour difference, of 255
SIZES = ((1152, 864), (1280, 960), (1440, 1080), (1600, 1200))  # 1.0 to 1.9 megapixels


def photographs(count: int) -> list[bytes]:
    """JPEG files that cost what photographs cost to decode: noise with their spectrum, in colours that vary less."""
    random = np.random.default_rng(0)
    files = []
    for number in range(count):
        width, height = SIZES[number % len(SIZES)]
        light, blue, red = (_plane(random, height, width, spread) for spread in (LIGHT, COLOUR, COLOUR))
        picture = Image.fromarray(np.stack([light, blue, red], axis=-1), "YCbCr").convert("RGB")
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=88)
        files.append(buffer.getvalue())
    return files


def _plane(random: np.random.Generator, height: int, width: int, spread: float) -> npt.NDArray[np.uint8]:
    """Values (height, width) around 128 whose amplitudes fall with frequency as photographs' do."""
    across, down = np.fft.rfftfreq(width)[None], np.fft.fftfreq(height)[:, None]
    frequency = np.hypot(across, down)
    frequency[0, 0] = np.inf
    values = np.fft.irfft2(np.fft.rfft2(random.standard_normal((height, width))) / frequency**SLOPE, (height, width))
    made: npt.NDArray[np.uint8] = np.clip(128 + values * (spread / values.std()), 0, 255).astype(np.uint8)
    return made


def laid_out(folder: Path, pool: Sequence[bytes], first: int, count: int) -> Path:
    """A folder of files, each of its own content."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        (folder / f"{number:06}.jpg").write_bytes(pool[number % len(pool)] + f"{number}".encode())
    return folder


def decoding(folder: Path) -> tuple[float, float]:
    """Seconds to read and decode a folder's files, in as many threads as there are processors; and processor time."""
    from instructcir.images import open_rgb

    def work(path: Path) -> int:
        return open_rgb(path.read_bytes()).width

    begin, worked = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(min(16, os.cpu_count() or 1)) as pool:
        for _ in pool.map(work, sorted(folder.iterdir()), chunksize=8):
            pass
    return time.perf_counter() - begin, time.process_time() - worked


def first_of(count: int) -> int:
    """Files after which memory is read first."""
    return min(FIRST, count // 3)


def indexing(folder: Path, index: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Index a folder in a process of its own: pictures, seconds of encoding and stages, memory early and at most."""
    command = [sys.executable, __file__, "--worker", str(folder), str(index)]
    command += ["--dtype", options.dtype, *(["--threads", str(options.threads)] if options.threads else [])]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def worker(folder: Path, index: Path, threads: int | None, dtype: str) -> None:
    """What `indexing` starts: `instructcir index` without its printing."""
    import resource

    import torch

    from instructcir.heap import keep_free
    from instructcir.index.manifest import identity_of
    from instructcir.index.update import update_index
    from instructcir.model.embedder import Embedder

    keep_free()
    if threads:
        torch.set_num_threads(threads)
    embedder, first = Embedder.load("tiny", "cpu", dtype), first_of(sum(1 for _ in folder.iterdir()))
    seen: Iterator[int] = iter(range(1, 10**9))
    early = [0]

    def progress(_: int) -> None:
        if next(seen) == first:
            early[0] = peak()

    def peak() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

    identity, worked = identity_of(embedder, "tiny"), time.process_time()
    report = update_index(index, [folder], embedder, identity, progress=progress)
    worked = time.process_time() - worked
    assert not report.problems, report.problems[:3]
    facts = {
        "encoded": report.encoded,
        "seconds": report.encoding,
        "worked": worked,
        "early": early[0] or peak(),
        "peak": peak(),
    }
    print(json.dumps({**facts, "stages": report.stages}))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--piece", type=int, default=2000, help="files of each turn")
    parser.add_argument("--threads", type=int, help="of the encoder; torch's own choice if not given")
    parser.add_argument("--dtype", default="auto", help="of the encoder: auto, float32, bfloat16")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--worker", nargs=2, metavar=("FOLDER", "INDEX"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        worker(*map(Path, options.worker), options.threads, options.dtype)
        return
    count, piece = (300, 60) if options.quick else (options.count, options.piece)
    pool = photographs(POOL if not options.quick else 8)
    with tempfile.TemporaryDirectory() as place:
        alone, ours, work = [], [], []
        for number in range(ROUNDS):
            folder = laid_out(Path(place, f"turn-{number}"), pool, number * piece, piece)
            decoding(folder)  # the files are then in the system's cache for both
            seconds, worked = decoding(folder)
            alone.append(piece / seconds)
            found = indexing(folder, Path(place, f"index-{number}"), options)
            work.append((worked / piece * 1e3, found["worked"] / piece * 1e3))
            ours.append(found["encoded"] / found["seconds"])
        rate, of = statistics.median(ours), statistics.median(alone)
        ratios = sorted(one / other for one, other in zip(ours, alone, strict=True))
        stages = ", ".join(f"{name} {seconds / piece * 1e3:.0f}" for name, seconds in found["stages"].items())
        pixels = sum(math.prod(Image.open(io.BytesIO(one)).size) for one in pool)
        print(f"files of {8 * sum(map(len, pool)) / pixels:.1f} bits a pixel")
        print(f"milliseconds a picture, threads added up, in the last turn: {stages}")
        print(f"decoding alone {of:.1f} pictures/s, indexing with tiny {rate:.1f}: {rate / of:.2f} of it {ratios}")
        told = ", ".join(f"{one:.1f} and {other:.1f}: {one / other:.2f}" for one, other in work)
        print(f"processor time a picture in ms, decoding alone and indexing, by turns: {told}")
        many = indexing(laid_out(Path(place, "many"), pool, 10**6, count), Path(place, "index"), options)
        early, peak = many["early"] / 1e6, many["peak"] / 1e6
        print(f"{count:,} files at {count / many['seconds']:.1f} pictures/s; peak memory {early:,.0f} MB after")
        print(f"{first_of(count):,} files, {peak:,.0f} MB at the end: {peak / early:.2f} x")
        print(json.dumps({"count": count, "ratio": round(rate / of, 3), "early_mb": early, "peak_mb": peak}))


if __name__ == "__main__":
    main()

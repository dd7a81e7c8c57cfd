"""The server over loopback: requests/s and p99 against the same work in one process, batching, and mixed load for long.

    python bench/server.py                      # 1, 8 and 64 clients; batched against one question per pass
    python bench/server.py --quick              # the same, shorter
    python bench/server.py --minutes 10         # mixed load with re-indexing under it: errors, and growth in memory

Questions are composed queries on pictures of an index of the bundled model, each with words of its own. The server is a
process of its own; the clients are one other, so that both share the processor: ratios are what to quote.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common.mixed_load import mixed_load
from common.talking import Talker, post
from PIL import Image

from instructcir.index.manifest import identity_of
from instructcir.index.reader import Gallery
from instructcir.index.update import update_index
from instructcir.model.embedder import Embedder
from instructcir.model.loading import bundled
from instructcir.search.searcher import Index

CLIENTS = (1, 8, 64)
TARGET = 2.0
WORDS = (
    "in red",
    "with stripes",
    "without the belt",
    "on the beach",
    "at night",
    "smaller",
    "with two trees",
    "in blue",
)


@dataclass(frozen=True)
class Speed:
    """Requests a second, and the 99th percentile of their times in milliseconds."""

    rate: float
    p99: float


def draw(folder: Path, count: int, seed: int = 0) -> None:
    """Pictures of coloured patches: their content does not matter here."""
    generator = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        patches = Image.fromarray(generator.integers(0, 256, (4, 4, 3), dtype=np.uint8))
        patches.resize((96, 96), Image.Resampling.BICUBIC).save(folder / f"{seed}-{number:05}.png")


def questions(ids: list[str], count: int, seed: int) -> list[tuple[str, str]]:
    """A picture and words each; no pair of words comes twice."""
    chance = random.Random(seed)
    return [(chance.choice(ids), f"{chance.choice(WORDS)} {chance.choice(WORDS)} {n}") for n in range(count)]


def in_process(folder: Path, embedder: Embedder, asked: list[tuple[str, str]]) -> Speed:
    """One after the other, without a server."""
    index, times = Index.open(folder, embedder=embedder), []
    for number, (one, words) in enumerate(asked):
        begin = time.perf_counter()
        index.search(one, words)
        if number >= len(asked) // 8:
            times.append(time.perf_counter() - begin)
    return Speed(len(times) / sum(times), float(np.percentile(times, 99)) * 1000)


@contextlib.contextmanager
def serving(folder: Path, batch: int) -> Any:
    """A server of an index; its address and process."""
    command = [sys.executable, "-m", "instructcir", "serve", str(folder), "--port", "0", "--batch", str(batch)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            port = int(process.stdout.readline().split(" at http://127.0.0.1:")[1].split("/")[0])
            yield port, process
        finally:
            process.terminate()


async def loaded(port: int, clients: int, asked: list[tuple[str, str]]) -> Speed:
    """So many clients, each asking its next question when it has the answer to the one before."""
    waiting, times = iter(asked), []

    async def client() -> None:
        async with Talker(port) as talker:
            for one, words in waiting:
                begin = time.perf_counter()
                body = {"references": [{"id": one}], "modification": words}
                status, _ = await talker.ask(post("/v1/search", body))
                if status != 200:
                    raise SystemExit(f"the server answered {status}")
                times.append(time.perf_counter() - begin)

    begin = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return Speed(len(asked) / (time.perf_counter() - begin), float(np.percentile(times, 99)) * 1000)


def speeds(folder: Path, embedder: Embedder, count: int, rounds: int) -> dict[str, Any]:
    """Alternating rounds of all ways; the best of each, since whatever else runs only takes away."""
    ids, measured = [str(one) for one in Gallery(folder).ids_G], {}
    ways: dict[str, Callable[[int], Speed]] = {
        "in process": lambda n: in_process(folder, embedder, questions(ids, count, n))
    }
    with serving(folder, 64) as (batched, _), serving(folder, 1) as (single, _):
        for clients in CLIENTS:
            ways[f"{clients} clients"] = lambda n, c=clients: asyncio.run(loaded(batched, c, questions(ids, count, n)))
        ways["64 clients, one per pass"] = lambda n: asyncio.run(loaded(single, 64, questions(ids, count, n)))
        for port in (batched, single):
            asyncio.run(loaded(port, 8, questions(ids, 64, 99)))  # everything is loaded
        for number in range(rounds):
            for name, way in ways.items():
                measured.setdefault(name, []).append(way(number * len(ways) + len(measured)))
    return {name: max(found, key=lambda speed: speed.rate) for name, found in measured.items()}


def show_speeds(found: dict[str, Speed]) -> None:
    alone = found["in process"].rate
    print(f"{'':26}{'requests/s':>12}{'p99 ms':>9}{'of in process':>15}")
    for name, speed in found.items():
        print(f"{name:26}{speed.rate:12.1f}{speed.p99:9.0f}{speed.rate / alone:14.2f}x")
    ratio = found["64 clients"].rate / found["64 clients, one per pass"].rate
    print(f"batched against one question per pass, 64 clients: {ratio:.2f}x (target {TARGET}x)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--pictures", type=int, default=400)
    parser.add_argument("--minutes", type=float, default=0.0, help="of mixed load, instead of the speeds")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    chosen = parser.parse_args()
    source = bundled("tiny")
    with tempfile.TemporaryDirectory() as place:
        models = [Path(place) / "model-a", Path(place) / "model-b"]  # the same weights: their speed does not differ
        for model in models:
            shutil.copytree(source, model)
        embedder = Embedder.load(models[0])
        draw(Path(place) / "photos", chosen.pictures)
        folder = Path(place) / "index"
        update_index(folder, [Path(place) / "photos"], embedder, identity_of(embedder, str(models[0])))
        if chosen.minutes:
            with serving(folder, 64) as (port, process):
                figures = mixed_load(port, process.pid, folder, models, Path(place) / "photos", chosen.minutes, draw)
        else:
            found = speeds(folder, embedder, 256 if chosen.quick else 1024, 1 if chosen.quick else 3)
            show_speeds(found)
            figures = {
                name: vars(speed) if hasattr(speed, "__dict__") else [speed.rate, speed.p99]
                for name, speed in found.items()
            }
    if chosen.json:
        chosen.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

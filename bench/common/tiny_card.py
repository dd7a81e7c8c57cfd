"""Write the card of the model that `make train-tiny` made, from its runs and its scores; no figure is typed by hand.

    python bench/common/tiny_card.py runs src/instructcir/bundled/tiny

The folder must hold scores.json, which `instructcir world score MODEL --out FOLDER/scores.json` writes.
"""

from __future__ import annotations

import json
import math
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from safetensors import safe_open

from instructcir.files import write_atomic
from instructcir.model.placement import in_bfloat16
from instructcir.training.trainer import read_log

PARTS = ("tiny-tower", "tiny-tower2", "tiny-stage0", "tiny-stage1", "tiny-stage2", "tiny-finish")
METRICS = ("recall@1", "recall@10", "mAP@5")
WAYS = ("composed", "image only", "text only", "average", "text to image", "image to image")
INTRODUCTION = """# tiny

A small multimodal language model for composed image retrieval, made from nothing by `make train-tiny` on pictures that
this package draws. It is the package's embedded default: it shows the method at work without a download.

**Limits.** It has seen drawn pictures only, and words of the drawn worlds only: photographs and other subjects mean
nothing to it. For those, load a real model (README).
"""


def processor() -> str:
    """The processor's name, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def trained(runs: Path) -> Iterator[str]:
    """A line of a table for each run; parts that were taken over from an earlier training have none."""
    yield "| recipe | learns | pictures | minutes | last loss | seed |"
    yield "|---|---|---|---|---|---|"
    for name in PARTS:
        if not (runs / name / "log.jsonl").exists():
            continue
        recipe = json.loads((runs / name / "recipe.json").read_text(encoding="utf-8"))
        log = read_log(runs / name / "log.jsonl")
        pictures = recipe["optimiser"]["steps"] * recipe["optimiser"]["global_batch"]
        minutes = pictures / log[-1]["samples_per_second"] / 60
        learned = [part for part in ("facts", "told", "answers", "pairs", "triplets") if recipe["objective"].get(part)]
        seed, loss = recipe["running"]["seed"], log[-1]["loss"]
        yield f"| `{name}` | {', '.join(learned)} | {pictures:,} | {minutes:.0f} | {loss:.2f} | {seed} |"


def products(runs: Path) -> str:
    """Type that the last recipe's products have on this machine, on which the runs are taken to have been made."""
    running = json.loads((runs / PARTS[-1] / "recipe.json").read_text(encoding="utf-8"))["running"]
    return "bfloat16" if in_bfloat16(running["mixed_precision"]) else "float32"


def scored(scores: dict[str, Any]) -> Iterator[str]:
    """Tables of the scores: ways to ask, tests, kinds of edits, semantic aspects."""
    for world, tests in scores.items():
        for test, result in tests.items():
            yield f"\n## {world}, {test}\n"
            yield from table("asked by", {way: result[way] for way in WAYS})
            gap = result["composition gap"]
            yield f"\nComposition gap: {gap:+.1f} points of recall@10 over the better single modality."
            if test == "test":
                for part in ("by kind", "by aspect"):
                    yield ""
                    yield from table(f"composed, {part}", result[part])


def table(head: str, rows: dict[str, Any]) -> Iterator[str]:
    yield f"| {head} | queries | " + " | ".join(METRICS) + " |"
    yield "|---" * (2 + len(METRICS)) + "|"
    for name, row in rows.items():
        figures = [f"{mean:.1f} ({low:.1f} to {high:.1f})" for mean, low, high in (row[metric] for metric in METRICS)]
        yield f"| {name} | {row['queries']} | " + " | ".join(figures) + " |"


def main() -> None:
    """Write CARD.md."""
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    runs, folder = map(Path, sys.argv[1:])
    scores = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    with safe_open(folder / "model.safetensors", framework="np") as file:
        weights = sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
    asked = scores["wardrobe"]["test"]["composed"]["queries"]
    lines = [
        INTRODUCTION,
        f"{weights:,} weights, {(folder / 'model.safetensors').stat().st_size:,} bytes. Trained on "
        f"{os.cpu_count()} cores of: {processor()}.\n",
        "# Training\n",
        *trained(runs),
        f"\nProducts of the trainings in {products(runs)}, weights in float32.",
        "\nEach recipe is in the package (`instructcir train --list`). Pictures, words and order follow from the",
        "seeds; all are of the training split, which shares no facts with the tests.",
        "\n# Scores",
        f"\nMeans in percent with 95 % bootstrap intervals; {asked} queries on 2,000 pictures, hard on purpose,",
        "the reference left out. Right is every picture that fulfils the edit and keeps all else. Text to image and",
        "image to image count pictures with equal facts.",
        *scored(scores),
    ]
    write_atomic(folder / "CARD.md", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

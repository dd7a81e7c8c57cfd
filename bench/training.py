"""Training against the plain loop over the same objective, in one run on this machine; and the memory of chunks.

    python bench/training.py                    # tiny, mid, memory: under ten minutes
    python bench/training.py --size tiny        # one size
    python bench/training.py --products float32 # also where bfloat16 is native
    python bench/training.py --part memory      # peak memory at global batches 128, 512, 2048
    python bench/training.py --quick            # fewer rounds, smaller batches

Every figure is a median over rounds in which peer and ours take turns; ratios are what to quote, not seconds. Pictures
are random and prepared beforehand, batches laid out beforehand: in a training, other processes do that meanwhile.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from common.shapes import MODIFICATIONS, checkpoint
from common.training_peers import PlainLoop, columns
from embedding import in_turns, matrix_rate, resident
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode
from transformers.utils.logging import disable_progress_bar

from instructcir.model.loading import Checkpoint, load_checkpoint
from instructcir.model.placement import multiplies_bfloat16
from instructcir.model.prompts import named
from instructcir.training.batch_loss import Objective, in_chunks, one_pass
from instructcir.training.fresh import SHAPES, write_fresh
from instructcir.training.learner import Learner
from instructcir.training.recipe import Data, Optimiser, Recipe, Start
from instructcir.training.run import prepare_learning
from instructcir.training.samples import Chunk, Layout, Sample
from instructcir.worlds.registry import world
from instructcir.worlds.splits import facts_of, training_change

WORLD = "wardrobe"
STAGES = {"pairs": Objective(pairs=1.0), "triplets": Objective(triplets=1.0)}
BATCH = {"tiny": 64, "mid": 8}
LEARNING_RATE = 1e-6  # the weights hardly move: every round is the same work, and losses stay comparable
TARGET = 1.5
TOLERANCE = {"float32": 1e-3, "mixed precision": 2e-2, "bfloat16": math.inf}
"""Of losses that are to be the same; weights in bfloat16 may differ by more than their last step."""
MICRO = 32
GLOBAL_BATCHES = (128, 512, 2048)


def recipe(objective: Objective) -> Recipe:
    return Recipe("bench", "", Start("fresh:tiny"), Data("drawn"), objective, Optimiser(1, 1, LEARNING_RATE))


def drawn_words(count: int, wishes: int, seed: int) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    """Captions and (modification, modified caption) in a drawn world's language; nothing is drawn."""
    spoken, rng = world(WORLD), random.Random(seed)
    found = []
    for number in range(count):
        facts = facts_of(spoken, "train", number)
        asked = []
        for _ in range(wishes):
            change = training_change(spoken, facts, rng, 1)
            asked.append((spoken.modification(facts, change, rng).text, spoken.caption(change.target, rng)))
        found.append((spoken.caption(facts, rng), tuple(asked)))
    return found


def common_words(count: int, wishes: int, seed: int) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    """The same in words that the mid model's tokenizer has: captions of 8 to 20 words, as the web's."""
    words, rng = " ".join(MODIFICATIONS).split(), random.Random(seed)

    def caption() -> str:
        return " ".join(rng.choices(words, k=rng.randint(8, 20)))

    return [(caption(), tuple((rng.choice(MODIFICATIONS), caption()) for _ in range(wishes))) for _ in range(count)]


def samples(size: str, count: int, wishes: int, seed: int = 0) -> list[Sample]:
    side = SHAPES["tiny"].side if size == "tiny" else 224
    noise = np.random.default_rng(seed).integers(0, 255, (count, side, side, 3), dtype=np.uint8)
    words = (drawn_words if size == "tiny" else common_words)(count, wishes, seed)
    return [
        Sample(str(number), Image.fromarray(pixels), caption, asked)
        for number, (pixels, (caption, asked)) in enumerate(zip(noise, words, strict=True))
    ]


def start(size: str, dtype: str, device: str, fresh: Path) -> Checkpoint:
    """The starting model: random weights."""
    made = (
        load_checkpoint(fresh, device, dtype, named("instructcir"))
        if size == "tiny"
        else checkpoint(size, dtype, device)
    )
    made.model.train()
    return made


def in_mixed_precision(module: torch.nn.Module) -> None:
    """Let a module multiply in bfloat16 from now on, as accelerate lets a trainer's model."""
    device = next(module.parameters()).device.type
    module.forward = torch.autocast(device, torch.bfloat16)(module.forward)  # type: ignore[method-assign]


class Ours:
    """The package's own step: samples laid out, one pass, fused AdamW."""

    def __init__(self, learner: Learner, objective: Objective) -> None:
        self.learner, self.objective = learner, objective
        self.optimiser = torch.optim.AdamW(learner.parameters(), lr=LEARNING_RATE, fused=True)

    def step(self, chunks: list[Chunk]) -> float:
        """Learn from a batch, in chunks if it has several; its loss before."""
        self.optimiser.zero_grad()
        if len(chunks) == 1:
            loss, _ = one_pass(self.objective, self.learner, chunks[0], self.objective.temperature)
        else:
            loss, _ = in_chunks(self.objective, self.learner, chunks, self.objective.temperature)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        return float(loss.detach())


def needed_flops(learner: Learner, chunk: Chunk) -> tuple[float, float]:
    """Products and sums of a step for tower (with projector) and decoder: 6 x weights x tokens, its attention left out.

    Tokens are counted once where prompts share them. Of the decoder's last layer all tokens need keys and values alone.
    """
    base = learner.backbone.base
    pictures = [image.whole() for one in chunk.pictures.passes for image in one.images]
    pixels = torch.cat([image.tensors["pixel_values"] for image in pictures]).to(learner.backbone.device)
    with FlopCounterMode(display=False) as counted, torch.no_grad():
        base.get_image_features(pixels.to(learner.backbone.dtype), return_dict=True)
    tower = counted.get_total_flops() / 2
    laid = [chunk.pictures] + ([chunk.texts] if chunk.texts else [])
    tokens = sum(row.length for one in laid for part in one.passes for row in part.rows)
    reads = sum(len(one.places) for one in laid)
    *whole, last = learner.backbone.decoder.layers
    keys = _weights(last.self_attn.k_proj) + _weights(last.self_attn.v_proj)
    decoder = (sum(map(_weights, whole)) + keys) * tokens + (_weights(last) - keys) * reads
    return 6.0 * tower, 6.0 * decoder


def _weights(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters() if parameter.ndim > 1)


def finished(work: Callable[[], object], device: str) -> Callable[[], object]:
    """The work, and on a GPU the wait until it is done."""

    def run() -> None:
        work()
        if device == "cuda":
            torch.cuda.synchronize()

    return run


def gradient_norm(model: torch.nn.Module) -> float:
    gradients = [parameter.grad.float() for parameter in model.parameters() if parameter.grad is not None]
    return float(torch.nn.utils.get_total_norm(gradients))


def speed(size: str, stage: str, wishes: int, options: Any, fresh: Path, rate: float) -> None:
    """Samples a second of one stage, the plain loop and ours taking turns over one batch."""
    objective = STAGES[stage]
    made = start(size, options.dtype, options.device, fresh)
    plain = PlainLoop(copy.deepcopy(made.model), objective.temperature, LEARNING_RATE)  # before ours changes its layers
    learner, layout = prepare_learning(recipe(objective), made)
    if options.mixed:
        in_mixed_precision(plain.model)
        in_mixed_precision(learner)
    ours = Ours(learner, objective)
    count = BATCH[size] // (2 if options.quick else 1)
    given = samples(size, count, wishes)
    chunk, rows = layout(given), columns(layout, given)
    losses: dict[str, list[float]] = {"plain": [], "ours": []}
    rounds = {"tiny": 5, "mid": 2}[size] if not options.quick else 1
    a, b = in_turns(
        rounds,
        finished(lambda: losses["plain"].append(plain.step(rows)), options.device),
        finished(lambda: losses["ours"].append(ours.step([chunk])), options.device),
    )
    tower, decoder = needed_flops(learner, chunk)
    best = count * rate / (tower + decoder)
    each = "" if wishes < 2 else f", {wishes} of each picture"
    number = 1 if stage == "pairs" else 2
    print(f"\n## stage {number}, {stage}{each}: {size}, {options.products}, batch of {count} pictures")
    print(f"needed: tower {tower / count / 1e9:.2f} + decoder {decoder / count / 1e9:.2f} GFLOP a picture; "
          f"at the matrix rate {best:.1f} pictures/s")  # fmt: skip
    for name, seconds in (("plain loop", a), ("ours", b)):
        share = count / seconds / best
        speed_of = f"{count / seconds:8.2f} pictures/s   {share:4.0%} of the matrix rate"
        print(f"{name:12} {speed_of}   ours is {seconds / b:.2f} x")
    print(f"{'at least' if a / b >= TARGET else 'BELOW'} the {TARGET} x aimed at")
    for when, number in (("first", 0), ("last", -1)):
        one, other = losses["plain"][number], losses["ours"][number]
        print(f"loss of the {when} step: plain {one:.5f}, ours {other:.5f}")
        if abs(one - other) > TOLERANCE[options.products]:
            raise SystemExit("the losses differ: the figures above compare different work")
    one, other = gradient_norm(plain.model), gradient_norm(learner)
    print(f"gradient's norm of the last step: plain {one:.5f}, ours {other:.5f}")


def memory(options: Any, fresh: Path) -> None:
    """Peak memory of a step at growing global batches, each in a process of its own, so that peaks are separate."""
    batches = GLOBAL_BATCHES[: 2 if options.quick else 3]
    print(f"\n## peak memory of a stage 1 step over what the model takes, tiny, chunks of {MICRO}")
    beside = []
    for batch, micro in [*((batch, MICRO) for batch in batches), (batches[0], batches[0])]:
        command = [sys.executable, __file__, "--part", "memory", "--batch", str(batch), "--micro", str(micro),
                   "--start", str(fresh), "--products", options.products]  # fmt: skip
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found = json.loads(done.stdout.splitlines()[-1])
        rest = found["peak"] - found["pixels"]
        how = "in chunks" if micro < batch else "in one pass"
        print(f"{batch:5} pictures {how:12} {found['peak'] / 1e6:7.0f} MB, without the prepared pixels of the batch "
              f"{rest / 1e6:7.0f} MB")  # fmt: skip
        if micro < batch:
            beside.append(rest)
    print(f"in chunks, largest / smallest without the pixels: {max(beside) / min(beside):.2f}")


def measure_memory(options: Any) -> None:
    """One step's peak, as one line of JSON. On a GPU: of its memory, where pixels of a chunk come and go."""
    objective = STAGES["pairs"]
    learner, layout = prepare_learning(recipe(objective), start("tiny", options.dtype, options.device, options.start))
    if options.mixed:
        in_mixed_precision(learner)
    ours = Ours(learner, objective)
    ours.step([laid(layout, 8, seed=1)])  # gradients and the optimiser's state are the model's, not the batch's
    before = resident()
    if options.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
    numbers = range(0, options.batch, options.micro)
    chunks = [laid(layout, min(options.micro, options.batch - at), seed=2 + at) for at in numbers]
    on_host = options.device == "cpu"
    images = [image for chunk in chunks for part in chunk.pictures.passes for image in part.images]
    pixels = sum(image.nbytes for image in images) if on_host else 0
    ours.step(chunks)
    peak = peak_resident() if on_host else torch.cuda.max_memory_allocated()
    print(json.dumps({"peak": peak - before, "pixels": pixels}))


def laid(layout: Layout, count: int, seed: int) -> Chunk:
    return layout(samples("tiny", count, 0, seed))


def peak_resident() -> int:
    """Most bytes that this process ever had in memory; getrusage would count its parent's too."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def main() -> None:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=["tiny", "mid"], help="default: both")
    parser.add_argument("--part", choices=["speed", "memory"], help="default: both")
    parser.add_argument("--products", choices=list(TOLERANCE), help="default: as tiny's recipes on this machine")
    parser.add_argument("--quick", action="store_true")
    for name, kind in (("--batch", int), ("--micro", int), ("--start", Path)):
        parser.add_argument(name, type=kind, help=argparse.SUPPRESS)  # for the processes of the memory part
    options = parser.parse_args()
    options.device = "cuda" if torch.cuda.is_available() else "cpu"
    options.products = options.products or ("mixed precision" if multiplies_bfloat16() else "float32")
    options.mixed = options.products == "mixed precision"
    options.dtype = "bfloat16" if options.products == "bfloat16" else "float32"
    transformers.logging.set_verbosity_error()
    disable_progress_bar()
    if options.batch:
        measure_memory(options)
        return
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "start"
        write_fresh(fresh, "tiny", 0, [WORLD])
        if options.part != "memory":
            rate = matrix_rate(torch.float32 if options.products == "float32" else torch.bfloat16, options.device)
            print(f"{options.device}, {torch.get_num_threads()} threads, torch {torch.__version__}; "
                  f"matrix rate {rate / 1e9:.0f} GFLOP/s in {options.products}")  # fmt: skip
            for size in [options.size] if options.size else ["tiny", "mid"]:
                speed(size, "pairs", 0, options, fresh, rate)
                speed(size, "triplets", 1, options, fresh, rate)
                if size == "tiny":
                    speed(size, "triplets", 2, options, fresh, rate)
        if options.part != "speed":
            memory(options, fresh)


if __name__ == "__main__":
    main()

"""Training in two processes, as `make train-tiny` does on two cores, against the plain loop on both; in one run.

    python bench/training_processes.py               # tiny, two processes of one thread: some minutes
    python bench/training_processes.py --processes 4
    python bench/training_processes.py --quick       # fewer rounds, smaller batches

The plain loop has all threads while the other processes wait, then each process takes its share of the same batch, with
every vector of it in the loss and gradients averaged: the same step. Medians over rounds; ratios are what to quote.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers
from common.training_peers import PlainLoop, columns
from torch import distributed
from torch.nn.parallel import DistributedDataParallel
from training import (
    BATCH,
    LEARNING_RATE,
    STAGES,
    TARGET,
    TOLERANCE,
    WORLD,
    Ours,
    in_mixed_precision,
    recipe,
    samples,
    start,
)
from transformers.utils.logging import disable_progress_bar

from instructcir.model.placement import multiplies_bfloat16
from instructcir.training.fresh import write_fresh
from instructcir.training.gathering import processes, together
from instructcir.training.run import prepare_learning


def timed(work: Callable[[], object]) -> float:
    """Seconds until every process is done."""
    distributed.barrier()
    began = time.perf_counter()
    work()
    distributed.barrier()
    return time.perf_counter() - began


def speed(stage: str, wishes: int, options: Any) -> None:
    """Samples a second of one stage; the first process tells."""
    objective, rank, count = STAGES[stage], distributed.get_rank(), processes()
    made = start("tiny", "float32", "cpu", options.fresh_model)
    plain = PlainLoop(copy.deepcopy(made.model), objective.temperature, LEARNING_RATE)
    learner, layout = prepare_learning(recipe(objective), made)
    if options.mixed:
        in_mixed_precision(plain.model)
        in_mixed_precision(learner)
    together_learner: Any = DistributedDataParallel(learner, find_unused_parameters=True)
    ours = Ours(together_learner, objective)
    given = samples("tiny", BATCH["tiny"] // (2 if options.quick else 1), wishes)
    own = len(given) // count
    rows, chunk = columns(layout, given), layout(given[rank * own : (rank + 1) * own])
    losses: dict[str, list[float]] = {"plain loop": [], "ours": []}

    def plain_step() -> None:
        if rank == 0:
            torch.set_num_threads(count)
            losses["plain loop"].append(plain.step(rows))
            torch.set_num_threads(1)

    seconds: dict[str, list[float]] = {"plain loop": [], "ours": []}
    for _ in range(2 if options.quick else 6):
        seconds["plain loop"].append(timed(plain_step))
        seconds["ours"].append(timed(lambda: losses["ours"].append(ours.step([chunk]))))
    if rank:
        return
    each = "" if wishes < 2 else f", {wishes} of each picture"
    print(f"\n## {stage}{each}: tiny, {options.products}, batch of {len(given)} pictures, {count} processes")
    medians = {name: statistics.median(times[1:]) for name, times in seconds.items()}
    ratio = medians["plain loop"] / medians["ours"]
    for name, taken in medians.items():
        print(f"{name:12} {len(given) / taken:8.2f} pictures/s   ours is {taken / medians['ours']:.2f} x")
    print(f"{'at least' if ratio >= TARGET else 'BELOW'} the {TARGET} x aimed at")
    for one, other in zip(losses["plain loop"], losses["ours"], strict=True):
        if abs(one - other) > TOLERANCE[options.products]:
            raise SystemExit(f"the losses differ ({one:.5f} and {other:.5f}): the figures compare different work")


def main() -> None:
    """Start the processes, or be one of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--products", choices=["float32", "mixed precision"], help="default: as tiny's recipes here")
    parser.add_argument("--fresh-model", type=Path, help=argparse.SUPPRESS)  # for the processes
    options = parser.parse_args()
    options.products = options.products or ("mixed precision" if multiplies_bfloat16() else "float32")
    options.mixed = options.products == "mixed precision"
    transformers.logging.set_verbosity_error()
    disable_progress_bar()
    if options.fresh_model:
        together()
        torch.set_num_threads(1)
        for stage, wishes in (("pairs", 0), ("triplets", 1), ("triplets", 2)):
            speed(stage, wishes, options)
        distributed.destroy_process_group()
        return
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "start"
        write_fresh(fresh, "tiny", 0, [WORLD])
        launch = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        launch += ["--nproc-per-node", str(options.processes), __file__, "--fresh-model", str(fresh)]
        launch += ["--products", options.products]
        launch += ["--quick"] if options.quick else []
        raise SystemExit(subprocess.run(launch).returncode)


if __name__ == "__main__":
    main()

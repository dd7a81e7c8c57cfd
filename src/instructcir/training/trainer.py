"""transformers' trainer on this package's loss: batches in chunks, the loss's parts in the log, progress passed on."""

from __future__ import annotations

import importlib.util
import json
import os
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from torch.utils.data import Dataset, IterableDataset
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.utils.logging import disable_progress_bar

from instructcir.errors import DependencyError, InputError, InstructcirError
from instructcir.files import write_atomic
from instructcir.model.placement import in_bfloat16
from instructcir.training.batch_loss import Objective, in_chunks, one_pass
from instructcir.training.gathering import together
from instructcir.training.learner import Learner
from instructcir.training.muon import Muon
from instructcir.training.parcel import Chunks
from instructcir.training.recipe import Optimiser, Recipe
from instructcir.training.samples import Layout, Sample


@dataclass(frozen=True, slots=True)
class Step:
    """How far a run is.

    Attributes:
        step: steps done, of `steps`.
        loss: mean since the last report.
        samples_per_second: pictures learned from, since the start of this process.
        seconds_left: until the last step, at that rate.
    """

    step: int
    steps: int
    loss: float
    samples_per_second: float
    seconds_left: float


Report = Callable[[Step], None]
_WHOLE = "whole"
"""Name of the empty file that marks a checkpoint as whole."""


class Collator:
    """Samples of a batch as chunks of at most `micro` samples, laid out.

    Args:
        layout: lays a chunk out.
        micro: samples of a chunk.
    """

    def __init__(self, layout: Layout, micro: int) -> None:
        self.layout, self.micro = layout, micro

    def __call__(self, samples: Sequence[Sample]) -> dict[str, Any]:
        """The batch as what the trainer passes on."""
        parts = [samples[start : start + self.micro] for start in range(0, len(samples), self.micro)]
        size = torch.empty(len(samples), 0)  # accelerate reads the batch's size from the first tensor it finds
        return {"size": size, "chunks": Chunks(self.layout(part) for part in parts)}


Lesson = Callable[[nn.Module, dict[str, Any]], tuple[torch.Tensor, dict[str, float]]]
"""From the model and a batch to the loss and the figures that the log tells."""


def contrast_and_answers(
    objective: Objective, model: nn.Module, batch: dict[str, Any]
) -> tuple[torch.Tensor, dict[str, float]]:
    """The lesson of stages 0 to 2; of several chunks, the gradients are in place when it returns."""
    learner = cast(Learner, getattr(model, "module", model))
    temperature = objective.temperature if learner.log_scale is None else learner.learned_temperature()
    chunks = batch["chunks"]
    if len(chunks) == 1:
        loss, figures = one_pass(objective, model, chunks[0], temperature)
    else:
        loss, figures = in_chunks(objective, model, chunks, temperature)
    if learner.log_scale is not None:
        figures["temperature"] = float((-learner.log_scale.detach()).exp())
    return loss, figures


class LossTrainer(Trainer):
    """The trainer with a lesson's loss in place of the model's own.

    Args:
        lesson: gives the loss.
        journal: writes the log.
        everything_else: what `transformers.Trainer` takes.
    """

    def __init__(self, lesson: Lesson, journal: Journal, **everything_else: Any) -> None:
        super().__init__(**everything_else)
        self.lesson, self.journal = lesson, journal
        self.add_callback(journal)
        self.parts: dict[str, list[float]] = {}

    def compute_loss(self, model: nn.Module, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """The loss of a batch."""
        loss, figures = self.lesson(model, inputs)
        for name, value in figures.items():
            self.parts.setdefault(name, []).append(value)
        return loss

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Add the loss's parts, each a mean since the last line, and the speed: to the log and to event files alike."""
        if "loss" in logs:
            logs |= {name: sum(values) / len(values) for name, values in self.parts.items()}
            logs["samples_per_second"] = self.journal.rate(self.state.global_step)
            self.parts.clear()
        super().log(logs, *args, **kwargs)


class Journal(TrainerCallback):
    """Writes the log, one JSON object a line, and reports progress. A resumed run's log goes on where it was.

    Args:
        path: the log file.
        samples: pictures of a step, over all processes.
        report: called at every line.
    """

    def __init__(self, path: Path, samples: int, report: Report | None) -> None:
        self.path, self.samples, self.report = path, samples, report
        self._began = 0.0
        self._first = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Forget lines of steps that a killed run did after its last checkpoint: they come again."""
        self._began, self._first = time.monotonic(), state.global_step
        if state.is_world_process_zero:
            lines = [line for line in read_log(self.path) if line["step"] <= state.global_step]
            self.path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Mark the checkpoint as whole: a process that is killed while it writes one leaves none."""
        if state.is_world_process_zero:
            write_atomic(Path(args.output_dir) / f"checkpoint-{state.global_step}" / _WHOLE, "")

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
        """Append a line."""
        if not logs or "loss" not in logs or not state.is_world_process_zero:
            return
        line = {"step": state.global_step, **{k: v for k, v in logs.items() if k != "epoch"}}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if self.report:
            rate, to_come = logs["samples_per_second"], (state.max_steps - state.global_step) * self.samples
            self.report(Step(state.global_step, state.max_steps, logs["loss"], rate, to_come / rate))

    def rate(self, step: int) -> float:
        """Pictures a second until a step, since the start of this process."""
        return (step - self._first) * self.samples / max(time.monotonic() - self._began, 1e-9)


class Launched(TrainerCallback):
    """Ends a process whose launcher was killed: it would go on unseen, and keep the run's folder from being resumed."""

    def __init__(self) -> None:
        self._launcher = os.getppid()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Look whether the launcher is still there.

        Raises:
            InstructcirError: it is not.
        """
        if os.getppid() != self._launcher:
            raise InstructcirError(f"the launcher (process {self._launcher}) is gone; go on with --resume")


def last_checkpoint(folder: Path) -> str | None:
    """The newest whole checkpoint in a folder, or None."""
    whole = [file.parent for file in folder.glob(f"checkpoint-*/{_WHOLE}")]
    return str(max(whole, key=lambda one: int(one.name.rpartition("-")[2]))) if whole else None


def read_log(path: Path) -> list[dict[str, float]]:
    """Lines of a run's log; a last line that a killed run left half is left out."""
    if not path.exists():
        return []
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError:
            continue
    return lines


def make_trainer(
    recipe: Recipe,
    learner: nn.Module,
    lesson: Lesson,
    collate: Callable[[Sequence[Any]], dict[str, Any]],
    samples: Dataset[Any] | IterableDataset[Any],
    folder: Path,
    report: Report | None,
) -> LossTrainer:
    """A trainer for a recipe; its checkpoints go to `folder`/checkpoints, its log to `folder`/log.jsonl.

    Raises:
        InputError: the global batch cannot be split evenly over the processes that train together.
        DependencyError: event files are wanted and tensorboard is missing.
    """
    optimiser, running = recipe.optimiser, recipe.running
    count = together().num_processes
    if optimiser.global_batch % count:
        raise InputError(f"optimiser.global_batch {optimiser.global_batch} cannot be split over {count} processes")
    own = optimiser.global_batch // count
    warnings.filterwarnings("ignore", message="Grad strides do not match")  # of sides of length 1, where none are wrong
    disable_progress_bar()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    arguments = TrainingArguments(
        output_dir=str(folder / "checkpoints"),
        per_device_train_batch_size=own,
        max_steps=optimiser.steps,
        learning_rate=optimiser.learning_rate,
        warmup_steps=optimiser.warmup if optimiser.warmup < 1 else int(optimiser.warmup),
        lr_scheduler_type="cosine_with_min_lr" if optimiser.schedule == "cosine" else optimiser.schedule,
        lr_scheduler_kwargs={"min_lr_rate": optimiser.floor} if optimiser.schedule == "cosine" else {},
        weight_decay=optimiser.weight_decay,
        adam_beta2=optimiser.beta2,
        max_grad_norm=optimiser.clip,
        optim="adamw_torch_fused",
        seed=running.seed,
        save_strategy="steps",
        save_steps=running.save_every,
        save_total_limit=2,
        logging_steps=running.log_every,
        report_to=[],
        dataloader_num_workers=running.workers,
        dataloader_persistent_workers=running.workers > 0,
        dataloader_prefetch_factor=_ahead(optimiser, own) if running.workers else None,
        dataloader_drop_last=True,
        remove_unused_columns=False,
        accelerator_config={"dispatch_batches": False},
        train_sampling_strategy="sequential",
        ddp_find_unused_parameters=True,
        disable_tqdm=True,
        use_cpu=not torch.cuda.is_available(),
        bf16=in_bfloat16(running.mixed_precision),
    )
    muon = optimiser.kind == "muon"
    events = running.tensorboard and together().is_main_process
    trainer = LossTrainer(
        lesson,
        model=learner,
        args=arguments,
        train_dataset=samples,
        data_collator=collate,
        optimizers=(_muon(learner, recipe), None) if muon else (None, None),
        journal=Journal(folder / "log.jsonl", own * count, report),
        callbacks=[
            *([event_files(folder)] if events else []),
            *([Launched()] if "TORCHELASTIC_RUN_ID" in os.environ else []),
        ],
    )
    trainer.remove_callback(PrinterCallback)  # printing is the command line's
    return trainer


def _ahead(optimiser: Optimiser, own: int) -> int:
    """Batches that a worker lays out ahead: one of those in chunks, which are large, and last as long as they take."""
    return 1 if 0 < optimiser.micro_batch < own else 3


def event_files(folder: Path) -> TrainerCallback:
    """Writes what the log tells to `folder`/tensorboard. A resumed run's steps take the place of those that come again.

    Raises:
        DependencyError: tensorboard is missing.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise DependencyError("running.tensorboard needs tensorboard: pip install 'instructcir[tensorboard]'")
    from torch.utils.tensorboard import SummaryWriter
    from transformers.integrations.integration_utils import TensorBoardCallback

    checkpoint = last_checkpoint(folder / "checkpoints")
    again = int(checkpoint.rpartition("-")[2]) + 1 if checkpoint else None
    return TensorBoardCallback(SummaryWriter(str(folder / "tensorboard"), purge_step=again))


def _muon(learner: nn.Module, recipe: Recipe) -> Muon:
    optimiser = recipe.optimiser
    products = torch.bfloat16 if in_bfloat16(recipe.running.mixed_precision) else None
    betas = 0.9, optimiser.beta2
    rates = optimiser.matrix_rate, optimiser.learning_rate
    return Muon(learner, *rates, betas=betas, weight_decay=optimiser.weight_decay, products=products)

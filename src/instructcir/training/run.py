"""One training run: from a recipe to a folder with the model, its recipe, log and curve. Killed anywhere, it resumes.

RUN/recipe.json    the settings, written first
RUN/training.lock  which process trains here, while one does
RUN/start/         the fresh model that it began with, if the recipe asks for one
RUN/checkpoints/   the trainer's, while it goes on
RUN/log.jsonl      a line every few steps
RUN/tensorboard/   the same as event files, if running.tensorboard asks for them
RUN/telling.safetensors  the layer that told facts (objective.told), for a recipe that goes on from this one
RUN/model/         the result: the mark of completion
"""

from __future__ import annotations

import json
import math
import tempfile
from contextlib import nullcontext
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch.utils.data import Dataset, IterableDataset
from transformers import set_seed

from instructcir.errors import InputError
from instructcir.files import write_atomic
from instructcir.model.adapters import base_folder, is_adapter
from instructcir.model.backbone import Backbone
from instructcir.model.embedder import Embedder
from instructcir.model.loading import Checkpoint, find_folder, load_checkpoint
from instructcir.model.preparation import limit_pixels, prepare
from instructcir.model.prompts import KINDS, named
from instructcir.model.rendering import ChatRenderer
from instructcir.training.claiming import claim, only_training
from instructcir.training.closing import MEASURED_ON, check_closable, close_gap, gap_of
from instructcir.training.curve import draw_curve
from instructcir.training.drawn import DrawnSamples, Pool
from instructcir.training.facts import FactTable
from instructcir.training.fresh import SHAPES, write_fresh
from instructcir.training.gathering import together
from instructcir.training.learner import Learner
from instructcir.training.looking import LEVELLED_BY, LookCollator, Looker, Looks, looking_loss
from instructcir.training.recipe import Recipe
from instructcir.training.rough import Roughness
from instructcir.training.samples import Layout, Sample
from instructcir.training.stream import FileSamples, MixedSamples
from instructcir.training.subnormal import subnormal_as_zero
from instructcir.training.telling import Telling
from instructcir.training.trainer import (
    Collator,
    Report,
    contrast_and_answers,
    last_checkpoint,
    make_trainer,
    read_log,
)
from instructcir.training.tuned import add_adapters, freeze, save_adapters
from instructcir.worlds.registry import world

_TELLING = "telling.safetensors"


@subnormal_as_zero()
def train(recipe: Recipe, folder: Path, *, resume: bool = False, report: Report | None = None) -> Path:
    """Train as a recipe says.

    Args:
        recipe: the settings.
        folder: of the run; with `resume`, one that an interrupted run of the same recipe left.
        resume: go on from the last checkpoint; a run that was never started starts.
        report: called every few steps.

    Returns:
        The finished model's folder.

    Raises:
        InputError: the folder holds another run, is not to be resumed, or is trained in; settings that cannot be met.
        ModelError: the starting model cannot be loaded or saved.
    """
    model_folder = folder / ("adapter" if recipe.tune.mode == "lora" else "model")
    state = together()
    with state.main_process_first():
        claim(recipe, folder, resume or not state.is_main_process)
        if model_folder.exists():
            return model_folder
        set_seed(recipe.running.seed)
        start = _start_folder(recipe, folder)
    with only_training(folder) if state.is_main_process else nullcontext():
        made = _trained(recipe, folder, start, model_folder, report)
    state.wait_for_everyone()  # the first process writes the model; none returns before it is there
    return made


def _trained(recipe: Recipe, folder: Path, start: Path, model_folder: Path, report: Report | None) -> Path:
    """The finished model's folder, after training from `start` or from the last checkpoint on."""
    checkpoint, adapted = load_start(recipe, start)
    if recipe.tune.close_gap:
        check_closable(checkpoint.model)
    trainer = make_trainer(recipe, *_lesson(recipe, checkpoint, folder), folder, report)
    trainer.train(resume_from_checkpoint=last_checkpoint(folder / "checkpoints"))
    if trainer.is_world_process_zero():
        lines = read_log(folder / "log.jsonl")
        if lines:
            draw_curve(lines, folder / "loss.png", recipe.name)
        if isinstance(trainer.model, Learner) and trainer.model.telling is not None:
            save_file(trainer.model.telling.state_dict(), folder / _TELLING)
        if isinstance(trainer.model, Looker):
            trainer.model.level(_few(recipe, trainer, LEVELLED_BY)["pixels"])
        if recipe.tune.close_gap and isinstance(trainer.model, Learner):
            close_gap(checkpoint.model, gap_of(trainer.model, _few(recipe, trainer, MEASURED_ON)["chunks"]))
        _save(checkpoint, adapted, model_folder)
    return model_folder


def _few(recipe: Recipe, trainer: Any, most: int) -> dict[str, Any]:
    """The run's first samples as one batch."""
    samples = iter(trainer.train_dataset)
    batch: dict[str, Any] = trainer.data_collator(list(islice(samples, min(most, _length(recipe)))))
    return batch


def _start_folder(recipe: Recipe, folder: Path) -> Path:
    """The starting model's folder, made if it is to be fresh."""
    kind, _, name = recipe.start.model.partition(":")
    if kind == "recipe":
        for made in ("model", "adapter"):
            if (folder.parent / name / made).exists():
                return folder.parent / name / made
        raise InputError(f"{folder.parent / name}: recipe {recipe.name} goes on from there; train {name} first")
    if kind == "fresh":
        if name not in SHAPES:
            raise InputError(f"start.model {recipe.start.model!r}: fresh models are {', '.join(SHAPES)}")
        start = folder / "start"
        if not start.exists():
            worlds, prompts = recipe.data.worlds, recipe.start.prompts or "instructcir"
            write_fresh(start, name, recipe.running.seed, worlds, prompts)
        return start
    return find_folder(recipe.start.model)


def load_start(recipe: Recipe, start: Path) -> tuple[Checkpoint, Any]:
    """The starting model, made ready to learn what the recipe lets learn; and peft's wrapping of it, or None."""
    prompts = named(recipe.start.prompts) if recipe.start.prompts else None
    earlier = start if is_adapter(start) else None
    if earlier is not None and recipe.tune.mode != "lora":
        raise InputError(
            f"{start}: holds adapters, and recipe {recipe.name} tunes all weights; set tune.mode to 'lora'"
        )
    under = base_folder(start, None) if earlier is not None else start
    checkpoint = load_checkpoint(under, "auto", recipe.start.dtype, prompts)
    if recipe.start.max_pixels:
        limit_pixels(checkpoint.processor, recipe.start.max_pixels)
    freeze(checkpoint.model, recipe.tune.freeze)
    adapted = add_adapters(checkpoint.model, recipe.tune, earlier) if recipe.tune.mode == "lora" else None
    checkpoint.model.train()
    return checkpoint, adapted


def _lesson(recipe: Recipe, checkpoint: Checkpoint, folder: Path) -> tuple[Any, Any, Any, Any]:
    """What learns, its loss, how samples become batches, and the samples."""
    if recipe.objective.facts:
        tokens = int(checkpoint.model.config.image_seq_length)
        table, side = FactTable([world(name) for name in recipe.data.worlds]), math.isqrt(tokens)
        looker = Looker(_backbone(checkpoint), table, tokens)
        looks = Looks(_pools(recipe, folder), _length(recipe), recipe.running.seed, table, side)
        collate = LookCollator(partial(prepare, checkpoint.processor))
        return looker, partial(looking_loss, recipe.objective.facts), collate, looks
    learner, layout = prepare_learning(recipe, checkpoint)
    kind, _, name = recipe.start.model.partition(":")
    told = folder.parent / name / _TELLING
    if learner.telling is not None and kind == "recipe" and told.exists():
        learner.telling.load_state_dict(load_file(told))
    own = recipe.optimiser.global_batch // together().num_processes
    collator = Collator(layout, min(own, recipe.optimiser.micro_batch or own) or 1)
    return learner, partial(contrast_and_answers, recipe.objective), collator, samples_of(recipe, folder)


def _backbone(checkpoint: Checkpoint) -> Backbone:
    """The checkpoint's model, made for training."""
    tokenizer = checkpoint.tokenizer
    image_ids = [number for number in checkpoint.processor.image_token_ids if number is not None]
    pad_id = tokenizer.pad_token_id or tokenizer.eos_token_id or 0
    return Backbone(checkpoint.model, image_ids, pad_id, for_training=True)


def prepare_learning(recipe: Recipe, checkpoint: Checkpoint) -> tuple[Learner, Layout]:
    """The learner and what lays samples out for it."""
    tokenizer, processor = checkpoint.tokenizer, checkpoint.processor
    backbone = _backbone(checkpoint)
    token: str = processor.image_token  # type: ignore[attr-defined]
    renderer = ChatRenderer(tokenizer, checkpoint.chat_template, token, checkpoint.prompts)
    objective = recipe.objective
    table = _facts_of_vectors(recipe)
    telling = Telling(table, backbone.dimension) if table else None
    temperature = objective.temperature if objective.learnable_temperature else None
    learner = Learner(backbone, temperature, telling, objective.told_changes)
    own = {token for kind in KINDS for token in tokenizer.encode(renderer.show(kind), add_special_tokens=False)}
    data = recipe.data
    rough = Roughness.of(tokenizer, data.lost_words, data.split_words, data.stray_words, spared=own)
    layout = Layout(
        renderer,
        partial(prepare, processor),
        backbone.pad_id,
        pairs=bool(objective.pairs or objective.told or (objective.triplets and objective.reference_image_negatives)),
        triplets=_with_wishes(recipe),
        answers=bool(objective.answers),
        modified=bool(objective.triplets),
        rough=rough,
    )
    return learner, layout


def samples_of(recipe: Recipe, folder: Path) -> Dataset[Sample] | IterableDataset[Sample]:
    """What the recipe learns from."""
    data = recipe.data
    if data.source == "drawn":
        return _drawn(recipe, folder, data.wishes)
    if not data.path:
        raise InputError(f"recipe {recipe.name}: data.path names no file of {data.source} (--set data.path=FILE)")
    negatives = recipe.objective.triplets and recipe.objective.original_caption_negatives
    own = FileSamples(
        "triplets" if data.source == "triplets" else "pairs",
        data.path,
        recipe.running.seed,
        folder / "left_out.jsonl",
        needs_captions=bool(negatives),
        hard=data.hard_negatives,
        together=data.together,
    )
    return MixedSamples(own, _drawn(recipe, folder, data.together), data.drawn_share) if data.drawn_share else own


def _drawn(recipe: Recipe, folder: Path, wishes: int) -> DrawnSamples:
    data = recipe.data
    return DrawnSamples(
        _pools(recipe, folder),
        _length(recipe),
        recipe.running.seed,
        wishes=wishes if _with_wishes(recipe) else 0,
        hard=data.hard_negatives,
        details=data.caption_details,
        invented=data.invented_words,
        answers=data.answers if recipe.objective.answers else 0,
        share=data.share,
        table=_facts_of_vectors(recipe),
    )


def _with_wishes(recipe: Recipe) -> bool:
    """Triplets have wishes; facts are told of composed queries too, until pairs alone are asked for."""
    objective = recipe.objective
    return bool(objective.triplets or (objective.told and not objective.pairs))


def _facts_of_vectors(recipe: Recipe) -> FactTable | None:
    return FactTable([world(name) for name in recipe.data.worlds]) if recipe.objective.told else None


def _pools(recipe: Recipe, folder: Path) -> list[Pool]:
    data = recipe.data
    return [Pool(folder.parent / "pictures", name, data.pool, data.side) for name in data.worlds]


def _length(recipe: Recipe) -> int:
    return recipe.optimiser.steps * recipe.optimiser.global_batch


def _save(checkpoint: Checkpoint, adapted: Any, folder: Path) -> None:
    """Write the result; plain weights pass through an embedder, which checks them and keeps probe vectors."""
    if adapted is not None:
        save_adapters(adapted, folder, checkpoint.folder)
        return
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        plain = Path(temporary) / "plain"
        _save_plain(checkpoint, plain)
        trained_in: Any = str(checkpoint.placement.stored).removeprefix("torch.")  # "auto" would round float32 weights
        Embedder.load(plain, "cpu", prompts=checkpoint.prompts, dtype=trained_in).save(folder)


def _save_plain(checkpoint: Checkpoint, folder: Path) -> None:
    """The model as a hub repository would hold it."""
    model: Any = checkpoint.model
    with torch.no_grad():
        model.save_pretrained(folder)
    kept = checkpoint.tokenizer.chat_template
    checkpoint.tokenizer.chat_template = checkpoint.chat_template
    checkpoint.tokenizer.save_pretrained(folder)
    checkpoint.tokenizer.chat_template = kept
    checkpoint.processor.image_processor.save_pretrained(folder)
    settings = checkpoint.processor.to_dict()
    kept_settings = {name: value for name, value in settings.items() if name not in ("image_processor", "tokenizer")}
    write_atomic(folder / "processor_config.json", json.dumps(kept_settings, indent=2, default=str))

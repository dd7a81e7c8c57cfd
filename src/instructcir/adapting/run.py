"""A whole adaptation: from pictures with captions to a tuned adapter and the proof whether to use it.

Killed anywhere, the next call goes on.

FOLDER/pictures.json                 of which pictures the folder is (`begun`)
FOLDER/train.parquet, test.parquet   triplets of pictures for training, and of those that were held out
FOLDER/mined.parquet                 the first with hard negatives, if they are wanted
FOLDER/chosen.json                   the recipe, chosen at the first call
FOLDER/run/                          the training run; run/adapter is the result
FOLDER/report.json                   before and after, and whether to switch: the mark of completion
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from instructcir.adapting.begun import MINED, TEST, TRAIN, begin, check_recipe, placed
from instructcir.adapting.choosing import Machine, Material, chosen_recipe, this_machine
from instructcir.adapting.negatives import neighbourhood, says_it_too
from instructcir.adapting.old_worlds import worlds_learned
from instructcir.adapting.own_test import Embeds, own_test, score_own
from instructcir.adapting.verdict import Change, Verdict, changes, verdict
from instructcir.data.reading import read_triplets
from instructcir.data.writing import write_triplets
from instructcir.errors import InputError
from instructcir.evaluation.metrics import Floats
from instructcir.files import write_atomic
from instructcir.model.embedder import Embedder
from instructcir.synthesis.filters import all_filters
from instructcir.synthesis.inspected import picture_key
from instructcir.synthesis.rules import RuleWriter
from instructcir.synthesis.run import Options as Writing
from instructcir.synthesis.run import synthesise
from instructcir.synthesis.splitting import part_of
from instructcir.synthesis.stored import read_verdicts
from instructcir.synthesis.writer import Writer
from instructcir.synthesis.written import Source
from instructcir.training.forecast import forecast
from instructcir.training.hard_negatives import mine
from instructcir.training.recipe import Recipe, from_dict
from instructcir.training.run import train
from instructcir.training.trainer import Report

Guard: TypeAlias = Callable[[Embeds], Mapping[str, Floats]]
"""Scores something that the model could do before: metric -> (Q,) from 0 to 1."""
Tell: TypeAlias = Callable[[str], None]
_SALT = "adapt"
_ENOUGH = 0.5
"""Share of triplets that must have hard negatives for a training with them."""


@dataclass(frozen=True, slots=True)
class Options:
    """How an adaptation goes.

    Attributes:
        held_out: share of the pictures that only test.
        per_source: triplets that are asked for from each picture.
        hard_negatives: captions that the model mistakes for a triplet's, of each; 0 for none.
        index: of the pictures, made by the base: hard negatives are looked for among its vectors; None computes them.
        steps: of the training; None lets the number of pictures decide.
        seed: of the writer.
    """

    held_out: float = 0.2
    per_source: int = 4
    hard_negatives: int = 1
    index: str | None = None
    steps: int | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    Attributes:
        adapter: the tuned adapter's folder; the base is as it was, so that leaving the adapter off undoes all.
        deciding: the measure that the verdict rests on.
        changes: every metric before and after.
        verdict: whether to switch.
        about: counts: pictures and triplets for training and for the test.
    """

    adapter: Path
    deciding: str
    changes: list[Change]
    verdict: Verdict
    about: dict[str, int] = field(default_factory=dict)


def parted(sources: Sequence[Source], held_out: float) -> tuple[list[Source], list[Source]]:
    """Sources for training, and those that are held out, by their picture's content.

    Raises:
        InputError: a share that leaves none for one of the two, a source without a picture, or one that cannot be read.
    """
    if not 0 < held_out < 1:
        raise InputError(f"held_out is {held_out}; it is a share above 0 and below 1")
    shares = {"test": held_out, "train": 1 - held_out}
    parts: dict[str, list[Source]] = {"train": [], "test": []}
    for source in sources:
        if source.image is None:
            raise InputError(f"{source.id}: has no picture")
        parts[part_of(source.image, shares, _SALT)].append(source)
    if not parts["train"] or not parts["test"]:
        raise InputError(f"{len(sources)} pictures cannot be parted into some to learn from and some to test with")
    return parts["train"], parts["test"]


def recipe_for(base: Embedder, material: Material, steps: int | None, machine: Machine | None = None) -> Recipe:
    """The recipe for a model and what there is to learn from, on this machine.

    Args:
        base: the model.
        material: the triplets; their file need not be there yet.
        steps: of the training; None lets the number of pictures decide.
        machine: another one than this.

    Raises:
        InputError: as `chosen_recipe`.
    """
    text = base.checkpoint.model.config.get_text_config(decoder=True)
    width, layers = text.hidden_size, text.num_hidden_layers
    return chosen_recipe(_folder_of(base), material, machine or this_machine(), width=width, layers=layers, steps=steps)


def _folder_of(base: Embedder) -> Path:
    return base.adapter.folder if base.adapter else base.checkpoint.folder


def adapt(
    sources: Sequence[Source],
    base: Embedder,
    writer: Writer,
    folder: Path,
    options: Options | None = None,
    *,
    guards: Mapping[str, Guard] | None = None,
    tell: Tell | None = None,
    report: Report | None = None,
) -> Outcome:
    """Tune a model to pictures, and test it before and after on pictures that were held out.

    Args:
        sources: pictures with captions, in an order that is the same every time.
        base: the model to tune; it is not changed.
        writer: of triplets.
        folder: of all that is made; one that an interrupted call of the same arguments left is gone on with.
        options: how it goes.
        guards: what the model could do before and must not lose, by name.
        tell: told what comes next.
        report: called every few steps of the training.

    Raises:
        InputError: too few pictures or triplets, or the folder holds something else.
        ModelError: the model cannot be tuned.
        ImageError: a picture cannot be used.
    """
    options, say = options or Options(), tell or (lambda _: None)
    folder.mkdir(parents=True, exist_ok=True)
    learn_from, test_on = parted(placed(sources), options.held_out)
    parts = {"train": learn_from, "test": test_on}
    begin(folder, parts, say)
    writing = Writing(per_source=options.per_source, seed=options.seed)
    say(f"writing triplets of {len(learn_from):,} pictures, and of {len(test_on):,} for the test")
    fitting = _fitting(writer, learn_from)
    written = {
        name: synthesise(parts[name], fitting, all_filters, folder / file, writing)
        for name, file in (("train", TRAIN), ("test", TEST))
    }
    test = own_test(test_on, read_verdicts(written["test"].kept))  # before the training: it may not be possible at all
    triplets, hard = _mined(base, written["train"].kept, folder, learn_from, options, say)
    recipe = _kept_recipe(base, triplets, hard, folder, options)
    say(_told_of(recipe, folder))
    adapter = train(recipe, folder / "run", resume=True, report=report)
    say("testing before and after")
    tuned = Embedder.load(adapter, str(base.backbone.device))
    scores = [_scores(model, test, guards or {}) for model in (base, tuned)]
    found = changes(scores[0], scores[1])
    about = {
        "pictures to learn from": len(learn_from),
        "pictures held out": len(test_on),
        "triplets to learn from": written["train"].counts.kept,
        "triplets of the test": len(test.queries),
    }
    outcome = Outcome(adapter, test.deciding, found, verdict(found, test.deciding), about)
    write_atomic(folder / "report.json", json.dumps(_plain(outcome), indent=1) + "\n")
    return outcome


def _fitting(writer: Writer, learn_from: Sequence[Source]) -> Writer:
    """Rules are told what captions of the catalogue say, so that edits ask for what it can show; a model knows.

    The test's captions are not among them: no word of theirs comes into the training.
    """
    return writer.keeping_to(one.caption for one in learn_from) if isinstance(writer, RuleWriter) else writer


def _mined(
    base: Embedder, kept: Path, folder: Path, sources: Sequence[Source], options: Options, say: Tell
) -> tuple[Path, int]:
    """The file to learn from, and how many hard negatives of each triplet.

    Training leaves out triplets without any. Where most have none, since the model tells few captions apart clearly
    enough, it goes without.
    """
    wanted = options.hard_negatives
    if not wanted:
        return kept, 0
    made = folder / MINED
    if not made.exists():
        say("looking for captions that the model mistakes for the right ones")
        among = neighbourhood(base, sources, options.index)
        triplets, _ = mine(base, list(read_triplets(kept)), count=wanted, among=among, is_right=says_it_too)
        write_triplets(made, triplets)
    having = [bool(triplet.hard_negatives) for triplet in read_triplets(made)]
    if sum(having) < _ENOUGH * len(having):
        say(f"hard negatives were found for {sum(having):,} of {len(having):,} triplets only: it goes without them")
        return kept, 0
    return made, wanted


def _kept_recipe(base: Embedder, triplets: Path, hard: int, folder: Path, options: Options) -> Recipe:
    """The recipe of the first call: free memory differs from call to call, and a run goes on with its settings only."""
    place = folder / "chosen.json"
    if place.exists():
        chosen = from_dict(json.loads(place.read_text(encoding="utf-8")), str(place))
        check_recipe(chosen, _folder_of(base), options.steps, folder)
        return chosen
    found = [one for one in read_triplets(triplets) if one.hard_negatives or not hard]
    pictures = len({picture_key(one.image) for one in found if isinstance(one.image, str | bytes)})
    material = Material(triplets.resolve(), len(found), pictures, hard, worlds_learned(base.checkpoint.folder))
    recipe = recipe_for(base, material, options.steps)
    write_atomic(place, json.dumps(recipe.to_dict(), indent=1) + "\n")
    return recipe


def _told_of(recipe: Recipe, folder: Path) -> str:
    """What the training is about to take, in one line."""
    found, data = forecast(recipe, folder / "run"), recipe.data
    old = f", {data.drawn_share:.0%} of them drawn, of {' and '.join(data.worlds)}" if data.drawn_share else ""
    return (
        f"training for {found.steps:,} steps of {recipe.optimiser.global_batch} pictures{old}; "
        f"about {60 * found.hours:,.0f} minutes and {found.memory / 2**30:.1f} GiB on this machine"
    )


def _scores(model: Embeds, test: Any, guards: Mapping[str, Guard]) -> dict[str, Mapping[str, Floats]]:
    return {**score_own(model, test), **{name: guard(model) for name, guard in guards.items()}}


def _plain(outcome: Outcome) -> dict[str, Any]:
    return {
        "adapter": str(outcome.adapter),
        "deciding": outcome.deciding,
        "switch": outcome.verdict.switch,
        "line": outcome.verdict.line,
        "changes": [asdict(one) for one in outcome.changes],
        "about": outcome.about,
    }

"""A recipe: everything that decides what one training run does, read from TOML, checked, saved beside the weights."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal, cast

from instructcir.errors import InputError
from instructcir.training.batch_loss import Objective
from instructcir.training.settings import build, plain


@dataclass(frozen=True, slots=True)
class Start:
    """What the training starts from.

    Attributes:
        model: a model folder, the name of a hub repository, "recipe:NAME" for what another recipe made beside this
            run's folder, or "fresh:tiny" for a small model with random weights.
        prompts: prompt set, or "" for the model's own.
        dtype: "auto", "float32" or "bfloat16".
        max_pixels: pixel budget of models that take pictures at their own size; 0 leaves it.
    """

    model: str
    prompts: str = ""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    max_pixels: int = 0


@dataclass(frozen=True, slots=True)
class Tune:
    """Which weights learn.

    Attributes:
        mode: "full", or "lora": low-rank adapters on the decoder's linear layers.
        freeze: parts that stay as they are: "vision", "projector", "decoder", "embeddings".
        rank: of the adapters.
        alpha: their scale.
        dropout: within them.
        close_gap: at the end, take the direction in which pictures differ from queries out of all vectors (`closing`).
    """

    mode: Literal["full", "lora"] = "full"
    freeze: tuple[str, ...] = ()
    rank: int = 64
    alpha: int = 128
    dropout: float = 0.0
    close_gap: bool = False


@dataclass(frozen=True, slots=True)
class Data:
    """Where samples come from.

    Attributes:
        source: "drawn" worlds, or files of "pairs" or "triplets".
        path: the files (Parquet, JSONL, WebDataset tars; a file, folder or pattern); relative to the working folder.
        worlds: which drawn worlds.
        pool: pictures drawn of each world.
        side: pixels a side of drawn pictures.
        wishes: modifications of each drawn picture in a batch.
        answers: things to say of each drawn picture, up to 3, where objective.answers asks for any.
        share: part of the drawn samples that differ; the rest repeat them.
        hard_negatives: captions easily mistaken for a triplet's: of drawn pictures made to be so, of files those that
            were mined (`instructcir mine`); 0 for none.
        caption_details: how often captions of drawn pictures tell everything, some of it, little: three weights;
            modified captions are not meant. Empty for always everything beside hard negatives, and 8, 1, 1 without.
        together: triplets of one picture in a sample of files, so that the picture is computed once for all of them.
        drawn_share: of the samples of files' stream those that are drawn of `worlds` instead: what a model knew before.
        lost_words: probability that a text loses a word, or has it replaced by one that means nothing (`rough`).
        split_words: probability of a text's token to be written as the two that a byte-pair tokenizer made it of.
        stray_words: probability of a text's word to have one before it that means nothing.
        invented_words: probability of a thing's or value's name in a drawn modification to be a word without meaning.
    """

    source: Literal["drawn", "pairs", "triplets"]
    path: str = ""
    worlds: tuple[str, ...] = ("wardrobe", "landscapes")
    pool: int = 60_000
    side: int = 112
    wishes: int = 2
    answers: int = 3
    share: float = 1.0
    hard_negatives: int = 0
    caption_details: tuple[float, ...] = ()
    together: int = 1
    drawn_share: float = 0.0
    lost_words: float = 0.0
    split_words: float = 0.0
    stray_words: float = 0.0
    invented_words: float = 0.0


@dataclass(frozen=True, slots=True)
class Optimiser:
    """How weights move.

    Attributes:
        kind: "adamw", or "muon", which moves matrices by orthogonal steps (`muon`) and all else by AdamW.
        global_batch: pictures of a step, over all processes: the one number that decides how many negatives there are.
        micro_batch: pictures that go through the model at once; 0 lets the machine's memory decide.
        steps: how many.
        learning_rate: its peak, reached after `warmup` (share of all steps), falling as `schedule` says.
        matrix_rate: learning rate of the matrices that Muon moves.
        floor: where the schedule ends, as a share of the peak.
        clip: largest norm of a step's gradient.
    """

    global_batch: int
    steps: int
    learning_rate: float
    kind: Literal["adamw", "muon"] = "adamw"
    matrix_rate: float = 0.02
    micro_batch: int = 0
    warmup: float = 0.05
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    floor: float = 0.0
    weight_decay: float = 0.01
    beta2: float = 0.98
    clip: float = 1.0


@dataclass(frozen=True, slots=True)
class Running:
    """How the run goes.

    Attributes:
        seed: of weights, order and words.
        save_every: steps between checkpoints.
        log_every: steps between lines of the log.
        workers: processes that draw, read and prepare.
        tensorboard: whether to write event files.
        mixed_precision: "bf16" for products in bfloat16 while weights stay in float32, "auto" for that where the GPU or
            the processor multiplies bfloat16 natively, "no" for products in the weights' own type.
    """

    seed: int = 0
    save_every: int = 500
    log_every: int = 10
    workers: int = 1
    tensorboard: bool = False
    mixed_precision: Literal["no", "bf16", "auto"] = "no"


@dataclass(frozen=True, slots=True)
class Recipe:
    """One training run's settings.

    Attributes:
        about: what it is for, and which settings are ours because the paper does not tell them.
        notes: further remarks by name.
    """

    name: str
    about: str
    start: Start
    data: Data
    objective: Objective
    optimiser: Optimiser
    tune: Tune = field(default_factory=Tune)
    running: Running = field(default_factory=Running)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as in TOML; `from_dict` reads them back."""
        return cast(dict[str, Any], plain(asdict(self)))


def from_dict(values: Mapping[str, Any], where: str = "recipe") -> Recipe:
    """Check plain values.

    Raises:
        InputError: an unknown key (the nearest known one is named), a missing one, or a value of another type.
    """
    recipe = build(Recipe, values, where)
    _check_objective(recipe, where)
    _check_mixture(recipe, where)
    optimiser = recipe.optimiser
    if optimiser.global_batch < 1 or optimiser.steps < 1 or recipe.objective.temperature <= 0:
        raise InputError(f"{where}: optimiser.global_batch, optimiser.steps and objective.temperature must be positive")
    return recipe


def _check_objective(recipe: Recipe, where: str) -> None:
    objective = recipe.objective
    learned = objective.answers + objective.told + objective.pairs + objective.triplets
    if objective.facts and (learned or recipe.data.source != "drawn" or recipe.tune.mode != "full"):
        raise InputError(f"{where}: objective.facts stands alone and needs data.source 'drawn' and tune.mode 'full'")
    if objective.facts + learned <= 0:
        raise InputError(f"{where}: objective: all weights are 0, so there is nothing to learn; set pairs or triplets")
    if recipe.data.source == "pairs" and objective.triplets:
        raise InputError(f"{where}: objective.triplets needs triplets; data.source is 'pairs'")
    both = objective.pairs and objective.triplets and not objective.matryoshka
    if recipe.tune.close_gap and not (both and recipe.tune.mode == "full"):
        reason = "needs objective.pairs, objective.triplets and tune.mode 'full', and no objective.matryoshka"
        raise InputError(f"{where}: tune.close_gap {reason}")
    if recipe.data.hard_negatives and not objective.triplets:
        raise InputError(f"{where}: data.hard_negatives needs objective.triplets")
    if objective.hard_negatives_of_pairs and not (recipe.data.source == "drawn" and recipe.data.hard_negatives):
        reason = "needs data.source 'drawn' and data.hard_negatives: mined captions may be right for the picture"
        raise InputError(f"{where}: objective.hard_negatives_of_pairs {reason}")
    for name in ("answers", "told"):
        if recipe.data.source != "drawn" and getattr(objective, name):
            raise InputError(f"{where}: objective.{name} needs data.source 'drawn'; set it to 0")


def _check_mixture(recipe: Recipe, where: str) -> None:
    data = recipe.data
    if not 1 <= data.answers <= 3:
        raise InputError(f"{where}: data.answers must be 1, 2 or 3")
    details = data.caption_details
    if details and not (len(details) == 3 and min(details) >= 0 and sum(details) > 0):
        reason = "three weights of 0 or more, of captions that tell all, some, little"
        raise InputError(f"{where}: data.caption_details is {reason}")
    if (details or data.invented_words) and not (data.source == "drawn" or data.drawn_share):
        raise InputError(f"{where}: data.caption_details and data.invented_words need drawn samples: data.drawn_share")
    if data.together < 1 or (data.together > 1 and data.source != "triplets"):
        raise InputError(f"{where}: data.together is 1 or, with data.source 'triplets', more")
    for name in ("lost_words", "split_words", "stray_words", "invented_words"):
        if not 0 <= getattr(data, name) < 1:
            raise InputError(f"{where}: data.{name} is a probability from 0 to below 1")
    if not 0 <= data.drawn_share < 1 or (data.drawn_share and data.source == "drawn"):
        raise InputError(f"{where}: data.drawn_share is 0 or, beside files, more and below 1")


def names() -> list[str]:
    """Recipes that come with the package."""
    folder = resources.files("instructcir.training").joinpath("recipes")
    return sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))


def load(name_or_path: str, settings: Sequence[str] = ()) -> Recipe:
    """A recipe by name or from a TOML file, with settings such as "optimiser.steps=100" put over it.

    Raises:
        InputError: there is no such recipe, it is not TOML, or something in it is wrong.
    """
    if name_or_path in names():
        text = resources.files("instructcir.training").joinpath("recipes", f"{name_or_path}.toml").read_text("utf-8")
    else:
        try:
            text = Path(name_or_path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = f"no recipe of that name (there are: {', '.join(names())}), and no readable file"
            raise InputError(f"{name_or_path}: {reason}") from error
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{name_or_path}: not TOML ({error})") from error
    for setting in settings:
        _put(values, setting)
    return from_dict(values, name_or_path)


def _put(values: dict[str, Any], setting: str) -> None:
    """Set one dotted key; the value is read as TOML, or taken as text if it is none."""
    key, equals, text = setting.partition("=")
    if not equals:
        raise InputError(f"--set {setting}: write it as section.key=value")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *sections, last = key.strip().split(".")
    table = values
    for section in sections:
        table = table.setdefault(section, {})
        if not isinstance(table, dict):
            raise InputError(f"--set {setting}: {section!r} is no section")
    table[last] = value

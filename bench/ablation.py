"""The paper's ablation on the drawn worlds: every row trained and scored, then a table and a picture of all.

    python bench/ablation.py                # the rows, and the commands that make them; nothing is started
    python bench/ablation.py --make         # train and score what is missing: some four hours of one core
    python bench/ablation.py --make --only strict-stage1 strict-stage12
    python bench/ablation.py --report docs/ablation.png  # from the scores that are there

The folder (`--runs`) must hold tiny-tower2/model, the taught tower (`instructcir train tiny-tower`, then tiny-tower2).
A row that was interrupted is gone on with; one that has scores is not done again, so that two calls with other rows may
share a folder.

"Bundled" rows are the recipes of the bundled model; "strict" rows are the paper's objective and nothing else: stage 0
speaks only and tells no facts from vectors, stage 1 is pairs alone, stage 2 triplets alone.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

WORLDS = ("wardrobe", "landscapes")
THEN = ("data.pool=40000", "data.stray_words=0.0", "running.mixed_precision=no")
"""As the recipes were when the paper's rows were trained; what else has changed since is set with each stage."""
SPEAKS = (
    *THEN,
    "data.wishes=2",
    "optimiser.floor=0.2",
    "objective.told=0.0",
    "objective.answers=1.0",
    "data.answers=3",
    "optimiser.steps=900",
    "optimiser.global_batch=32",
)
ALONE = (
    *THEN,
    "optimiser.learning_rate=2e-3",
    "objective.told=0.0",
    "objective.both_directions=false",
    "objective.equal_texts_are_right=false",
)
PAIRS = (*ALONE, "optimiser.matrix_rate=0.003", "optimiser.steps=100")
TRIPLETS = (
    *ALONE,
    "optimiser.matrix_rate=0.004",
    "objective.pairs=0.0",
    "objective.reference_image_negatives=false",
    "objective.learnable_temperature=false",
    "objective.temperature=0.05",
    "objective.told_changes=1.0",
    "data.hard_negatives=0",
    "optimiser.steps=100",
)
OTHER_WORDS = "start.prompts=qwen3-vl-embedding"


@dataclass(frozen=True)
class Row:
    """One training.

    Attributes:
        folder: of its run.
        label: what is told of it; empty for one that only others start from.
        recipe: that it is a variant of.
        start: folder of the run that it starts from; empty for the recipe's own.
        settings: put over the recipe.
    """

    folder: str
    label: str
    recipe: str
    start: str = ""
    settings: tuple[str, ...] = ()

    def commands(self, runs: Path) -> list[list[str]]:
        """Training and scoring, as arguments of `instructcir`."""
        start = [f"start.model={runs / self.start / 'model'}"] if self.start else []
        settings = [word for setting in (*start, *self.settings) for word in ("--set", setting)]
        train = ["train", self.recipe, "--into", str(runs / self.folder), "--resume", *settings]
        score = ["world", "score", str(runs / self.folder / "model"), "--test", "test", "--out", str(self.scores(runs))]
        return [train, score] if self.label else [train]

    def scores(self, runs: Path) -> Path:
        """Where its scores are written, when all is done."""
        return runs / self.folder / "scores.json"

    def is_done(self, runs: Path) -> bool:
        """Whether nothing of it is missing."""
        return self.scores(runs).exists() if self.label else (runs / self.folder / "model").is_dir()


BUNDLED = (
    Row("tiny-stage0", "stage 0", "tiny-stage0"),
    Row("tiny-stage1", "stages 0, 1", "tiny-stage1"),
    Row("tiny-stage02", "stages 0, 2", "tiny-stage2", "tiny-stage0"),
    Row("tiny-stage2", "stages 0, 1, 2", "tiny-stage2"),
    Row("tiny-closed", "stages 0, 1, 2, gap closed", "tiny-stage2", "", ("tune.close_gap=true",)),
    Row("tiny-finish", "stages 0, 1, 2, finish (shipped)", "tiny-finish"),
)
STRICT = (
    Row("strict-stage0", "stage 0, speaks only", "tiny-stage0", "", SPEAKS),
    Row("strict-stage1", "stages 0, 1", "tiny-stage1", "strict-stage0", PAIRS),
    Row("strict-stage02", "stages 0, 2", "tiny-stage2", "strict-stage0", TRIPLETS),
    Row("strict-stage12", "stages 0, 1, 2", "tiny-stage2", "strict-stage1", TRIPLETS),
)
VARIANTS = (
    Row(
        "strict-noorig",
        "without original captions as negatives",
        "tiny-stage2",
        "strict-stage1",
        (*TRIPLETS, "objective.original_caption_negatives=false"),
    ),
    Row(
        "strict-ref",
        "with reference pictures as negatives",
        "tiny-stage2",
        "strict-stage1",
        (*TRIPLETS, "objective.reference_image_negatives=true"),
    ),
    Row("strict-words1", "", "tiny-stage1", "strict-stage0", (*PAIRS, OTHER_WORDS)),
    Row("strict-words2", 'prompts without "in one word"', "tiny-stage2", "strict-words1", (*TRIPLETS, OTHER_WORDS)),
)
SHARES = tuple(
    Row(
        f"strict-share{part}",
        f"1/{part} of the triplets",
        "tiny-stage2",
        "strict-stage1",
        (*TRIPLETS, f"data.share={1 / part}"),
    )
    for part in (16, 4)
)
GROUPS = {"the bundled model's recipes": BUNDLED, "the paper's objective alone": STRICT,
          "stages 0, 1, 2 of these, but": (*VARIANTS, *SHARES)}  # fmt: skip
ROWS = tuple(row for rows in GROUPS.values() for row in rows)


def make(rows: Sequence[Row], runs: Path) -> None:
    """Train and score what is missing of the rows, in order."""
    for row in rows:
        if row.is_done(runs):
            continue
        for command in row.commands(runs):
            print("instructcir", shlex.join(command), flush=True)
            subprocess.run([sys.executable, "-m", "instructcir", *command], check=True)


def scored(rows: Sequence[Row], runs: Path) -> Iterator[tuple[Row, dict[str, Any]]]:
    """The rows that have scores, with these."""
    for row in rows:
        if row.label and row.is_done(runs):
            yield row, json.loads(row.scores(runs).read_text(encoding="utf-8"))


def table(rows: Sequence[Row], runs: Path) -> Iterator[str]:
    """Lines of Markdown."""
    ways = ("composed", "text to image")
    yield "| | " + " | ".join(f"{world}, {way}" for way in ways for world in WORLDS) + " |"
    yield "|---" * (1 + len(ways) * len(WORLDS)) + "|"
    for row, found in scored(rows, runs):
        cells = [cell(found[world]["test"][way], way == "composed") for way in ways for world in WORLDS]
        yield f"| {row.label} | " + " | ".join(cells) + " |"


def cell(score: dict[str, Any], with_interval: bool) -> str:
    """recall@1 / recall@10, and the interval of the first."""
    first, low, high = score["recall@1"]
    interval = f" ({low:.1f} to {high:.1f})" if with_interval else ""
    return f"{first:.1f} / {score['recall@10'][0]:.1f}{interval}"


def with_reach(scores: Sequence[dict[str, Any]], world: str) -> tuple[list[float], list[list[float]]]:
    """Composed recall@1 of runs, and how far its interval reaches below and above, as `errorbar` takes them."""
    values = [one[world]["test"]["composed"]["recall@1"] for one in scores]
    below, above = [mean - low for mean, low, _ in values], [high - mean for mean, _, high in values]
    return [mean for mean, _, _ in values], [below, above]


def drawn(runs: Path) -> Figure:
    """Composed recall@1 of every row with its interval, and over the amount of triplets."""
    figure = Figure(figsize=(11, 5.2), layout="constrained")
    rows, amounts = figure.subplots(1, 2, width_ratios=(1.7, 1))
    found = list(scored(ROWS, runs))
    for shift, world in zip((-0.17, 0.17), WORLDS, strict=True):
        places = [number + shift for number in range(len(found))]
        middles, reach = with_reach([scores for _, scores in found], world)
        rows.errorbar(middles, places, xerr=reach, fmt="o", capsize=3, label=world)
    rows.set(xlabel="composed recall@1, %, with 95 % interval")
    bundled = [row.folder for row in BUNDLED]
    names = [f"{'bundled: ' if row.folder in bundled else ''}{row.label}" for row, _ in found]
    rows.set_yticks(range(len(found)), names)
    rows.invert_yaxis()
    whole = next(row for row in STRICT if row.folder == "strict-stage12")
    parts = {1 / 16: SHARES[0], 1 / 4: SHARES[1], 1.0: whole}
    there = {share: next(scored([row], runs))[1] for share, row in parts.items() if row.is_done(runs)}
    for world in WORLDS:
        shares = sorted(there)
        middles, reach = with_reach([there[share] for share in shares], world)
        amounts.errorbar(shares, middles, yerr=reach, fmt="o-", capsize=3, label=world)
    amounts.set(xlabel="share of the triplets that differ", ylabel="composed recall@1, %", xscale="log")
    amounts.set_xticks(sorted(there), [f"1/{round(1 / share)}" if share < 1 else "all" for share in sorted(there)])
    amounts.minorticks_off()
    for panel in (rows, amounts):
        panel.grid(alpha=0.25)
        panel.legend(frameon=False, loc="lower right")
    return figure


def main() -> None:
    """Do what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the runs (default: %(default)s)")
    parser.add_argument("--only", nargs="+", choices=[row.folder for row in ROWS], help="these rows")
    todo = parser.add_mutually_exclusive_group()
    todo.add_argument("--make", action="store_true", help="train and score what is missing")
    todo.add_argument("--report", type=Path, metavar="PNG", help="print tables and draw the picture")
    options = parser.parse_args()
    chosen = [row for row in ROWS if not options.only or row.folder in options.only]
    if options.make:
        make(chosen, options.runs)
    elif options.report:
        for title, rows in GROUPS.items():
            print("\n".join([f"\n{title}\n", *table(rows, options.runs)]))
        drawn(options.runs).savefig(options.report, dpi=110)
    else:
        for row in chosen:
            for command in row.commands(options.runs):
                print("instructcir", shlex.join(command))


if __name__ == "__main__":
    main()

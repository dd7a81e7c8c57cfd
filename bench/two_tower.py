"""A CLIP-shaped two-tower model of our tiny model's size on the same pairs: what InfoNCE alone gives, queries averaged.

    python bench/two_tower.py                                        # 20 steps, small gallery: shows that it runs
    python bench/two_tower.py --minutes 60 --queries 500 --gallery 2000 --start runs/tiny-tower/start \\
        --tower runs/tiny-tower/model --pool 20000 --pictures runs/pictures --out two_tower.json   # the comparison

A composed query is the normalised mean of the picture's and the modification's vectors. The default run's scores are
those of a model that has seen next to nothing; only a run as long as ours (its log.jsonl tells), from the same taught
tower, is to be compared.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import transformers
from PIL import Image
from torch.nn import functional as F
from torch.utils.data import DataLoader
from transformers import (
    AutoModelForImageTextToText,
    CLIPTextConfig,
    CLIPTextModel,
    PreTrainedTokenizerFast,
    VisionTextDualEncoderModel,
)
from transformers.utils.logging import disable_progress_bar

from instructcir.evaluation.drawn import score_drawn
from instructcir.evaluation.table import lines, plain
from instructcir.files import write_atomic
from instructcir.images import open_rgb
from instructcir.items import ComposedQuery, ImageLike
from instructcir.model.untrained import outline
from instructcir.training.drawn import DrawnSamples, Pool
from instructcir.training.fresh import SHAPES, write_fresh
from instructcir.training.objective import contrastive
from instructcir.training.samples import Sample
from instructcir.worlds.galleries import composed_test
from instructcir.worlds.registry import NAMES, world

# shapes: N inputs, T tokens of the longest text, S pixels a side, D dimensions

Vectors = npt.NDArray[np.float32]
OURS = SHAPES["tiny"]
TEXT_LAYERS, TEXT_INNER = 6, 576
"""With our tower, together about as many weights as ours has."""
LONGEST = 128
BETAS, DECAY, CLIP, WARMUP = (0.9, 0.98), 0.02, 1.0, 0.05  # as our recipes for the tiny model
MOST_SCALE = math.log(100)  # CLIP's bound of the learned inverse temperature
ENOUGH = 10**8
"""Samples of a run that the clock ends."""


class Inputs:
    """Pictures and texts as the model takes them: the pixels and the vocabulary of our tiny model."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self.tokenizer = tokenizer

    def pixels(self, images: Sequence[ImageLike]) -> torch.Tensor:
        """(N, 3, S, S) from -1 to 1."""
        size = (OURS.side, OURS.side)
        found = [open_rgb(image).resize(size, Image.Resampling.BICUBIC) for image in images]
        stacked = torch.from_numpy(np.stack([np.asarray(image) for image in found]))
        return stacked.permute(0, 3, 1, 2).float().div(127.5).sub(1)

    def texts(self, texts: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids and attention mask (N, T), each text between its marks."""
        first, last = self.tokenizer.bos_token_id, self.tokenizer.eos_token_id
        rows = [[first, *self.tokenizer.encode(text, add_special_tokens=False)[: LONGEST - 2], last] for text in texts]
        width = max(map(len, rows))
        ids = torch.tensor([row + [self.tokenizer.pad_token_id] * (width - len(row)) for row in rows])
        return ids, torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])

    def __call__(self, samples: Sequence[Sample]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """A batch: pixels, ids, mask, and (N, N) where two captions are equal."""
        captions = [sample.caption for sample in samples]
        same = torch.tensor([[one == other for other in captions] for one in captions])
        return self.pixels([sample.image for sample in samples]), *self.texts(captions), same


class TwoTower:
    """The model with the embedder's methods."""

    def __init__(self, model: Any, inputs: Inputs, device: str, batch: int = 64) -> None:
        self.model, self.inputs, self.device, self.batch = model.to(device), inputs, device, batch

    def images_of(self, pixels: torch.Tensor) -> torch.Tensor:
        """Unit vectors (N, D) of pictures."""
        seen = self.model.vision_model(pixel_values=pixels.to(self.device)).pooler_output
        return F.normalize(self.model.visual_projection(seen), dim=-1)

    def texts_of(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Unit vectors (N, D) of texts."""
        read = self.model.text_model(input_ids=ids.to(self.device), attention_mask=mask.to(self.device)).pooler_output
        return F.normalize(self.model.text_projection(read), dim=-1)

    @torch.inference_mode()
    def embed_images(self, images: Sequence[ImageLike]) -> Vectors:
        """Gallery vectors."""
        parts = [self.images_of(self.inputs.pixels(part)).cpu() for part in self._parts(images)]
        return torch.cat(parts).numpy()

    @torch.inference_mode()
    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Text vectors."""
        return torch.cat([self.texts_of(*self.inputs.texts(part)).cpu() for part in self._parts(texts)]).numpy()

    def embed_mixed(self, images: Sequence[ImageLike], queries: Sequence[ComposedQuery]) -> tuple[Vectors, Vectors]:
        """Gallery vectors, and composed queries as means of both modalities."""
        asked = self.embed_images([query.reference for query in queries])
        mean = asked + self.embed_texts([query.modification for query in queries])
        return self.embed_images(images), mean / np.linalg.norm(mean, axis=1, keepdims=True)

    def _parts(self, items: Sequence[Any]) -> Iterator[Sequence[Any]]:
        for start in range(0, len(items), self.batch):
            yield items[start : start + self.batch]


def fresh_model(tokenizer: PreTrainedTokenizerFast, seed: int, taught: Path | None = None) -> Any:
    """A tower of our tiny model's kind and a text encoder of its width; about as many weights as ours has.

    Args:
        tokenizer: our tiny model's.
        seed: of the random weights.
        taught: a folder that tiny-tower made, whose tower is taken instead of a random one.
    """
    torch.manual_seed(seed)
    config: Any = CLIPTextConfig
    text = CLIPTextModel(
        config(
            hidden_size=OURS.width,
            intermediate_size=TEXT_INNER,
            num_attention_heads=OURS.heads,
            vocab_size=len(tokenizer),
            max_position_embeddings=LONGEST,
            num_hidden_layers=TEXT_LAYERS,
            projection_dim=OURS.width,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    made = (
        AutoModelForImageTextToText.from_pretrained(taught)
        if taught
        else AutoModelForImageTextToText.from_config(outline(OURS).config)
    )
    dual: Any = VisionTextDualEncoderModel(vision_model=made.base_model.vision_tower, text_model=text)
    return dual


def weights(model: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


class Progress:
    """How much of the run is done, by steps or by the clock, from 0 to 1."""

    def __init__(self, steps: int, minutes: float) -> None:
        self.steps, self.seconds, self.began = steps, 60 * minutes, time.monotonic()

    def at(self, step: int) -> float:
        """Part done before this step, counted from 0."""
        passed = self.elapsed() / self.seconds if self.seconds else step / self.steps
        return min(1.0, passed)

    def elapsed(self) -> float:
        return time.monotonic() - self.began


def rate_at(done: float) -> float:
    """Share of the peak learning rate: a short rise, then half a cosine."""
    return min((done + 1e-4) / WARMUP, 0.5 + 0.5 * math.cos(math.pi * done))


def train(tower: TwoTower, batches: DataLoader[Any], progress: Progress, learning_rate: float) -> int:
    """Symmetric InfoNCE until the steps or the time are used up; the steps done."""
    model = tower.model.train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=learning_rate, betas=BETAS, weight_decay=DECAY, fused=True)
    step, recent = 0, []
    for pixels, ids, mask, same in batches:
        done = progress.at(step)
        if done >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = learning_rate * rate_at(done)
        temperature = (-model.logit_scale).exp()
        images, texts = tower.images_of(pixels), tower.texts_of(ids, mask)
        same = same.to(images.device)
        loss = contrastive(images, texts, temperature=temperature, both_directions=True, same_QQ=same)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimiser.step()
        with torch.no_grad():
            model.logit_scale.clamp_(max=MOST_SCALE)
        step += 1
        recent.append(float(loss.detach()))
        if step % 10 == 0:
            speed = step * len(pixels) / progress.elapsed()
            print(f"step {step}, {done:4.0%}, loss {sum(recent) / len(recent):.3f}, "
                  f"temperature {float(temperature.detach()):.3f}, {speed:.1f} pictures/s", flush=True)  # fmt: skip
            recent.clear()
    model.eval()
    return step


def pairs(options: argparse.Namespace, pictures: Path, inputs: Inputs) -> DataLoader[Any]:
    """Batches of the drawn pairs that stage 1 learns from, made in another process meanwhile."""
    pools = [Pool(pictures, name, options.pool, OURS.side) for name in options.worlds]
    count = ENOUGH if options.minutes else options.steps * options.batch
    drawn = DrawnSamples(pools, count, options.seed, wishes=0)
    return DataLoader(drawn, options.batch, collate_fn=inputs, num_workers=1, prefetch_factor=3, drop_last=True)


def score(tower: TwoTower, options: argparse.Namespace) -> dict[str, Any]:
    """Scores on each world's test set."""
    found: dict[str, Any] = {}
    for name in options.worlds:
        test = composed_test(world(name), "test", queries=options.queries, gallery=options.gallery)
        result = score_drawn(tower, test)
        print("\n".join([f"\n## {name}, test: {options.gallery:,} pictures", *lines(result)]))
        found[name] = {"test": plain(result)}
    return found


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=float, default=0.0, help="train so long by the clock")
    length.add_argument("--steps", type=int, default=20, help="train so many steps (default: %(default)s)")
    parser.add_argument("--start", type=Path, help="model folder whose tokenizer is taken; default: one made for it")
    parser.add_argument("--tower", type=Path, help="model folder whose vision tower is taken; default: random weights")
    parser.add_argument("--pictures", type=Path, help="folder of the drawn pictures; default: a temporary one")
    parser.add_argument("--pool", type=int, default=20_000, help="pictures drawn of each world, as data.pool")
    parser.add_argument("--worlds", nargs="+", choices=list(NAMES), default=list(NAMES))
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=2, help="default: that of tiny-stage1, so the same pairs")
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--gallery", type=int, default=200)
    parser.add_argument("--out", type=Path, help="write all scores to this JSON file")
    return parser.parse_args()


def main() -> None:
    """Train, score, write."""
    options = parsed()
    transformers.logging.set_verbosity_error()
    disable_progress_bar()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # it stands still in forked processes, and says so
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with ExitStack() as stack:
        temporary = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if options.start is None:
            write_fresh(temporary / "start", "tiny", options.seed, options.worlds)
        tokenizer = PreTrainedTokenizerFast.from_pretrained(options.start or temporary / "start", local_files_only=True)
        inputs = Inputs(tokenizer)
        tower = TwoTower(fresh_model(tokenizer, options.seed, options.tower), inputs, device)
        count, ours = weights(tower.model), weights(outline(OURS))
        print(
            f"{device}, {torch.get_num_threads()} threads; {count:,} weights, ours has {ours:,} ({count / ours:.2f} x)"
        )
        batches = pairs(options, options.pictures or temporary / "pictures", inputs)
        progress = Progress(options.steps, options.minutes)
        steps = train(tower, batches, progress, options.learning_rate)
        minutes = progress.elapsed() / 60
        print(f"{steps} steps of {options.batch} pairs in {minutes:.1f} minutes")
        if not options.minutes:
            print("a short run to show that it runs; compare only one as long as ours (--minutes)")
        scores = score(tower, options)
    if options.out:
        run = {"steps": steps, "batch": options.batch, "minutes": round(minutes, 2), "weights": count}
        write_atomic(options.out, json.dumps({"two tower": run, **scores}, indent=1) + "\n")


if __name__ == "__main__":
    main()

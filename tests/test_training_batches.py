"""What a chunk of samples gives: the embedder's vectors, the naive answers' loss, and in chunks what one pass gives."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from instructcir.items import ComposedQuery
from instructcir.model.backbone import Backbone
from instructcir.model.embedder import Embedder
from instructcir.model.loading import load_checkpoint
from instructcir.model.preparation import prepare
from instructcir.model.rendering import ChatRenderer
from instructcir.training.batch_loss import Objective, contrasts, in_chunks, one_pass
from instructcir.training.facts import UNASKED, FactTable
from instructcir.training.learner import Learner
from instructcir.training.samples import Chunk, Layout, Sample
from instructcir.training.telling import Telling
from instructcir.worlds.registry import world

EVERYTHING = Objective(
    answers=0.7, told=0.3, pairs=0.5, triplets=1.0, reference_image_negatives=True, both_directions=True,
    equal_texts_are_right=True, hard_negatives_of_pairs=True, same_kind_negatives=True, matryoshka=(16, 64),
)  # fmt: skip
TABLE = FactTable([world("wardrobe")])


def samples(count: int, wishes: int = 2) -> list[Sample]:
    rng = np.random.default_rng(0)
    made = []
    for n in range(count):
        image = Image.fromarray(rng.integers(0, 255, (40, 50 + n, 3), dtype=np.uint8))
        asked = tuple((f'make it "{k}" longer' * (k + 1), f"picture {n % 3} changed {k}") for k in range(wishes))
        answers = (("what is it?", f"thing number {n}"),)
        labels = torch.from_numpy(rng.integers(0, 3, (1 + wishes, len(TABLE.names))))
        labels[0, n % 5] = UNASKED
        made.append(Sample(str(n), image, f"picture {n % 3}", asked, answers, (f"never {n}", "picture 1"), labels))
    return made


def _labels(sample: Sample) -> torch.Tensor:
    assert sample.labels is not None
    return sample.labels


def learner_of(folder: Path, **wanted: bool) -> tuple[Learner, Layout, Embedder]:
    checkpoint = load_checkpoint(folder, "cpu", "float32", None)
    processor: Any = checkpoint.processor
    ids = [number for number in processor.image_token_ids if number is not None]
    pad = checkpoint.tokenizer.pad_token_id or 0
    backbone = Backbone(checkpoint.model, ids, pad, for_training=True)
    renderer = ChatRenderer(checkpoint.tokenizer, checkpoint.chat_template, processor.image_token, checkpoint.prompts)
    chosen = {"pairs": True, "triplets": True, "answers": True} | wanted
    return (
        Learner(backbone, telling=Telling(TABLE, backbone.dimension)),
        Layout(renderer, partial(prepare, processor), pad, **chosen),
        Embedder.load(folder, "cpu"),
    )


@pytest.mark.parametrize("family", ["llava-clip-llama", "qwen2-vl"])
def test_vectors_are_the_embedders(family: str, built: Callable[..., Path]) -> None:
    learner, layout, embedder = learner_of(built(family))
    made = samples(5)
    with torch.no_grad():
        vectors, _ = learner(layout(made))
    queries = [ComposedQuery(sample.image, text) for sample in made for text, _ in sample.wishes]
    gallery, composed = embedder.embed_mixed([sample.image for sample in made], queries)
    captions = embedder.embed_texts([sample.caption for sample in made])
    modified = embedder.embed_texts([caption for sample in made for _, caption in sample.wishes])
    for own, other in zip(vectors.all()[:4], (gallery, composed, captions, modified), strict=True):
        assert np.abs(own.numpy() - other).max() < 1e-5


def test_captions_of_what_modifications_make_are_left_out_where_nothing_is_held_against_them(
    built: Callable[..., Path],
) -> None:
    made = samples(4)
    learner, layout, _ = learner_of(built("llava-clip-llama"))
    _, without, _ = learner_of(built("llava-clip-llama"), modified=False)
    with torch.no_grad():
        vectors, _ = learner(layout(made))
        fewer, own = learner(without(made))
    assert len(fewer.modified) == 0
    assert not {caption for sample in made for _, caption in sample.wishes} & set(without(made).text_ids)
    for name in ("gallery", "composed", "captions", "hard"):
        assert torch.allclose(getattr(vectors, name), getattr(fewer, name), atol=1e-5)
    assert own.told > 0


def test_answers_are_the_models_own_language_loss(built: Callable[..., Path]) -> None:
    learner, layout, _ = learner_of(built("llava-clip-llama"), pairs=False, triplets=False)
    made = samples(3)
    chunk = layout(made)
    loss = learner(chunk)[1].answers
    total, count = 0.0, 0
    for sample in made:
        alone = layout([sample]).pictures.passes[0]
        row = alone.rows[0]
        ids = torch.tensor([[*row.prefix, *row.suffixes[0]]])
        image = alone.images[0].whole().tensors["pixel_values"]
        with torch.no_grad():
            logits = learner.model(input_ids=ids, pixel_values=image).logits[0]
        answer = layout([sample]).says
        said = logits[-len(answer) - 1 : -1]
        total += float(F.cross_entropy(said, answer, reduction="sum"))
        count += len(answer)
    assert loss.item() == pytest.approx(total / count, rel=1e-4)


def gradients(learner: Learner, run: Callable[[], torch.Tensor]) -> tuple[float, dict[str, torch.Tensor]]:
    learner.zero_grad()
    loss = run()
    loss.backward()  # type: ignore[no-untyped-call]
    return loss.item(), {n: p.grad.clone() for n, p in learner.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("objective", [Objective(triplets=1.0), Objective(pairs=1.0), EVERYTHING])
@pytest.mark.parametrize("micro", [1, 3])
def test_chunks_have_the_loss_and_gradients_of_one_pass(
    objective: Objective, micro: int, built: Callable[..., Path]
) -> None:
    wanted = {"pairs": bool(objective.pairs), "answers": bool(objective.answers), "triplets": bool(objective.triplets)}
    learner, layout, _ = learner_of(built("llava-clip-llama"), **wanted)
    made = samples(7)
    whole = layout(made)
    chunks = [layout(made[start : start + micro]) for start in range(0, 7, micro)]
    first, expected = gradients(learner, lambda: one_pass(objective, learner, whole, 0.05)[0])
    second, found = gradients(learner, lambda: in_chunks(objective, learner, chunks, 0.05)[0])
    assert second == pytest.approx(first, rel=1e-5)
    assert found.keys() == expected.keys()
    largest = max(float(gradient.abs().max()) for gradient in expected.values())
    assert all((found[name] - expected[name]).abs().max() < 1e-5 * largest for name in expected)


def test_facts_told_from_equal_vectors_are_as_likely_as_they_are_many(built: Callable[..., Path]) -> None:
    learner, layout, _ = learner_of(built("llava-clip-llama"), answers=False)
    assert learner.telling is not None
    torch.nn.init.zeros_(learner.telling.value)
    made = samples(4)
    with torch.no_grad():
        told = learner(layout(made))[1].told.item()
    sizes = torch.tensor([len(values) for values in TABLE.values]).float().log()
    each = [float(sizes[row != UNASKED].sum()) for sample in made for row in _labels(sample)]
    assert told == pytest.approx(sum(each) / len(each), rel=1e-5)


def test_a_learned_temperature_has_the_same_gradient_in_chunks(built: Callable[..., Path]) -> None:
    learner, layout, _ = learner_of(built("llava-clip-llama"), answers=False)
    learner.log_scale = torch.nn.Parameter(torch.tensor(3.0))
    objective, made = Objective(pairs=1.0, triplets=1.0), samples(4)
    scale = learner.log_scale

    def both(run: Callable[[Any], torch.Tensor]) -> torch.Tensor:
        scale.grad = None
        run((-scale).exp()).backward()  # type: ignore[no-untyped-call]
        assert scale.grad is not None
        return scale.grad

    whole, chunks = layout(made), [layout(made[:2]), layout(made[2:])]
    one = both(lambda t: one_pass(objective, learner, whole, t)[0])
    two = both(lambda t: in_chunks(objective, learner, chunks, t)[0])
    assert one.item() == pytest.approx(two.item(), rel=1e-4)
    assert abs(one.item()) > 0


def test_equal_captions_are_no_mistakes_of_each_other(built: Callable[..., Path]) -> None:
    learner, layout, _ = learner_of(built("llava-clip-llama"), answers=False)
    chunk: Chunk = layout(samples(6))  # captions come twice each
    with torch.no_grad():
        vectors, _ = learner(chunk)
    strict = contrasts(Objective(pairs=1.0, triplets=1.0), vectors, [chunk], 0.05)
    fair = contrasts(Objective(pairs=1.0, triplets=1.0, equal_texts_are_right=True), vectors, [chunk], 0.05)
    assert fair["pairs"] < strict["pairs"]
    assert fair["triplets"] < strict["triplets"]


def test_hard_negatives_are_wrong_for_pictures_only_if_asked_and_never_if_equal(built: Callable[..., Path]) -> None:
    learner, layout, _ = learner_of(built("llava-clip-llama"), answers=False)
    chunk: Chunk = layout(samples(3))
    with torch.no_grad():
        vectors, _ = learner(chunk)

    def pairs(**more: bool) -> float:
        return contrasts(Objective(pairs=1.0, **more), vectors, [chunk], 0.05)["pairs"].item()

    similar = torch.cat([vectors.gallery @ vectors.captions.T, vectors.gallery @ vectors.hard.T], dim=1) / 0.05
    expected = torch.nn.functional.cross_entropy(similar, torch.arange(3)).item()
    assert pairs(hard_negatives_of_pairs=True) == pytest.approx(expected, rel=1e-5)
    equal = [3 + place for place, text in enumerate(t for s in samples(3) for t in s.hard) if text == "picture 1"]
    similar[1, equal] = -torch.inf
    fair = torch.nn.functional.cross_entropy(similar, torch.arange(3)).item()
    found = pairs(hard_negatives_of_pairs=True, equal_texts_are_right=True)
    assert found == pytest.approx(fair, rel=1e-5)
    assert pairs() < expected

"""The benches of training compare equal work: the plain loop learns what ours learns, the two towers are sound."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import PreTrainedTokenizerFast

from instructcir.items import ComposedQuery
from instructcir.model.loading import load_checkpoint
from instructcir.model.prompts import named
from instructcir.model.untrained import Shape, write_untrained
from instructcir.training.run import prepare_learning
from instructcir.training.samples import Sample

BENCH = Path(__file__).parents[1] / "bench"
SMALL = Shape(side=32, vision_width=32, vision_inner=64, vision_layers=2, width=48, inner=64, layers=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("bench") / "start"
    write_untrained(made, 0, SMALL)
    return made


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCH))
    import training

    return training


def picture(seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (32, 32, 3), dtype=np.uint8))


SAMPLES = [
    Sample(
        "a", picture(1), "a red dress", (("make it blue", "a blue dress"), ("longer, with a pocket", "a long dress"))
    ),
    Sample(
        "b", picture(2), "a purple hat and two dogs on a beach", (("darker", "a dark hat"), ("plain", "a plain hat"))
    ),
    Sample("c", picture(3), "a bag", (("orange", "an orange bag with buttons"), ("smaller", "a small bag"))),
]


@pytest.mark.parametrize("stage", ["pairs", "triplets"])
@pytest.mark.parametrize("count", [1, 2])
def test_the_plain_loop_learns_what_ours_learns(bench: Any, folder: Path, stage: str, count: int) -> None:
    from common.training_peers import PlainLoop, columns

    given = [Sample(one.id, one.image, one.caption, one.wishes[:count]) for one in SAMPLES]
    objective = bench.STAGES[stage]
    checkpoint = load_checkpoint(folder, "cpu", "float32", named("instructcir"))
    plain = PlainLoop(copy.deepcopy(checkpoint.model), objective.temperature, bench.LEARNING_RATE)
    learner, layout = prepare_learning(bench.recipe(objective), checkpoint)
    ours = bench.Ours(learner, objective)
    rows, chunk = columns(layout, given), layout(given)
    for _ in range(3):
        assert plain.step(rows) == pytest.approx(ours.step([chunk]), abs=1e-4)
    assert bench.gradient_norm(plain.model) == pytest.approx(bench.gradient_norm(learner), rel=1e-3)


def test_needed_products_are_six_a_weight_and_token(bench: Any, folder: Path) -> None:
    learner, layout = prepare_learning(
        bench.recipe(bench.STAGES["pairs"]), load_checkpoint(folder, "cpu", "float32", named("instructcir"))
    )
    chunk = layout(SAMPLES)
    tower, decoder = bench.needed_flops(learner, chunk)
    layer, projector, patch = 4 * 32 * 32 + 2 * 32 * 64, 32 * 48 + 48 * 48, 3 * 16 * 16 * 32
    assert tower == 6 * 3 * (1 * 5 * layer + 4 * projector + 4 * patch)  # the last layer of two is never read
    tokens = sum(row.length for laid in (chunk.pictures, chunk.texts) for part in laid.passes for row in part.rows)
    whole, keys = 4 * 48 * 48 + 3 * 48 * 64, 2 * 48 * 48
    assert decoder == 6 * ((2 * whole + keys) * tokens + (whole - keys) * 6)


def test_the_two_towers_compose_by_the_mean(bench: Any, folder: Path) -> None:
    import two_tower

    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    inputs = two_tower.Inputs(tokenizer)
    tower = two_tower.TwoTower(two_tower.fresh_model(tokenizer, 0).eval(), inputs, "cpu", batch=2)
    texts = [text for sample in SAMPLES for text, _ in sample.wishes]
    images = [sample.image for sample in SAMPLES]
    gallery, composed = tower.embed_mixed(images, [ComposedQuery(images[1], text) for text in texts])
    alone = np.concatenate([tower.embed_texts([text]) for text in texts])
    np.testing.assert_allclose(tower.embed_texts(texts), alone, atol=1e-5)  # padding changes nothing
    assert len({tuple(row.round(3)) for row in alone}) == len(texts)
    mean = gallery[1] + alone
    np.testing.assert_allclose(composed, mean / np.linalg.norm(mean, axis=1, keepdims=True), atol=1e-5)
    assert np.allclose(np.linalg.norm(gallery, axis=1), 1)


def test_equal_captions_are_marked(bench: Any, folder: Path) -> None:
    import two_tower

    inputs = two_tower.Inputs(PreTrainedTokenizerFast.from_pretrained(folder))
    pixels, ids, mask, same = inputs([SAMPLES[0], SAMPLES[1], SAMPLES[0]])
    assert same.tolist() == [[True, False, True], [False, True, False], [True, False, True]]
    assert pixels.shape == (3, 3, 112, 112)
    assert ids.shape == mask.shape
    assert int(ids[0, 0]) == inputs.tokenizer.bos_token_id
    assert torch.equal(ids[0], ids[2])
    assert [int(row[int(kept) - 1]) for row, kept in zip(ids, mask.sum(1), strict=True)] == [
        inputs.tokenizer.eos_token_id
    ] * 3

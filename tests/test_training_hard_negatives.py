"""Hard negatives: the highest wrong captions below the ceiling, never a right one; used in training."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cli_runs import json_lines, run
from instructcir.data.reading import read_triplets
from instructcir.data.records import Triplet
from instructcir.data.writing import write_triplets
from instructcir.errors import InputError
from instructcir.items import ComposedQuery
from instructcir.model.embedder import Embedder
from instructcir.training.hard_negatives import Neighbourhood, mine
from instructcir.training.recipe import from_dict
from instructcir.training.run import train


@pytest.fixture
def triplets(tmp_path: Path) -> list[Triplet]:
    rng = np.random.default_rng(0)
    made = []
    for number in range(9):
        path = str(tmp_path / f"{number}.png")
        Image.fromarray(rng.integers(0, 255, (20, 20, 3), dtype=np.uint8)).save(path)
        made.append(Triplet(path, f"make it {number}", f"a thing of {number % 4}", "a thing", str(number)))
    return made


def test_they_are_the_highest_below_the_ceiling_and_never_the_own_ones(
    loaded: Callable[..., Embedder], triplets: list[Triplet]
) -> None:
    embedder = loaded("llava-clip-llama")
    mined, left_out = mine(embedder, triplets, count=2, ceiling=1.0)
    assert not left_out
    captions = sorted({triplet.modified_caption for triplet in triplets} | {"a thing"})
    vectors = dict(zip(captions, embedder.embed_texts(captions), strict=True))
    for triplet in mined:
        (query,) = embedder.embed_queries([ComposedQuery(triplet.image, triplet.instruction)])
        right = float(query @ vectors[triplet.modified_caption])
        others = [text for text in captions if text not in (triplet.modified_caption, triplet.caption)]
        expected = sorted((t for t in others if query @ vectors[t] <= right), key=lambda t: -float(query @ vectors[t]))
        assert list(triplet.hard_negatives) == expected[:2]
    strict, _ = mine(embedder, triplets, count=2, ceiling=0.01)
    assert not any(triplet.hard_negatives for triplet in strict)
    with pytest.raises(InputError, match="mining needs"):
        mine(embedder, [])


def test_among_pictures_it_is_their_captions_and_never_a_false_negative(
    loaded: Callable[..., Embedder], triplets: list[Triplet]
) -> None:
    embedder = loaded("llava-clip-llama")
    shown = [str(triplet.image) for triplet in triplets]
    captions = tuple(f"a thing like {number}" for number in range(len(shown)))
    among = Neighbourhood(embedder.embed_images(shown), captions)
    asked: list[tuple[str, str]] = []

    def is_right(right: str, candidate: str) -> bool:
        asked.append((right, candidate))
        return candidate.endswith(("2", "5"))

    mined, _ = mine(embedder, triplets, count=9, ceiling=1.0, among=among, is_right=is_right)
    for triplet in mined:
        (query,) = embedder.embed_queries([ComposedQuery(triplet.image, triplet.instruction)])
        right = float(query @ embedder.embed_texts([triplet.modified_caption])[0])
        scores = embedder.embed_texts(list(captions)) @ query
        order = sorted(range(9), key=lambda n: -float(query @ among.vectors_GD[n]))
        expected = [captions[n] for n in order if scores[n] <= right and n not in (2, 5)]
        assert list(triplet.hard_negatives) == expected
    assert any(triplet.hard_negatives for triplet in mined)
    assert {right for right, _ in asked} <= {triplet.modified_caption for triplet in triplets}


@pytest.mark.parametrize("name", ["mined.jsonl", "mined.parquet"])
def test_mined_by_command_stored_and_trained_with(
    name: str, built: Callable[..., Path], triplets: list[Triplet], tmp_path: Path
) -> None:
    write_triplets(tmp_path / "triplets.jsonl", triplets)
    with (tmp_path / "triplets.jsonl").open("a") as file:
        file.write(json.dumps({"image": "none.png", "instruction": "x", "modified_caption": "y"}) + "\n")
    model = built("llava-clip-llama")
    result = run("mine", model, tmp_path / "triplets.jsonl", "--out", tmp_path / name, "--ceiling", 1, "--json")
    (told,) = json_lines(result)
    assert (told["triplets"], told["left_out"]) == (9, 1)
    stored = list(read_triplets(tmp_path / name))
    assert sum(len(triplet.hard_negatives) for triplet in stored) == told["hard_negatives"] > 0
    recipe = from_dict(
        {
            "name": "hard", "about": "", "start": {"model": str(model), "prompts": "instructcir", "dtype": "float32"},
            "data": {"source": "triplets", "path": str(tmp_path / name), "hard_negatives": 2},
            "objective": {"triplets": 1.0, "equal_texts_are_right": True},
            "optimiser": {"global_batch": 4, "micro_batch": 3, "steps": 2, "learning_rate": 1e-3},
            "running": {"workers": 0, "log_every": 1},
        }
    )  # fmt: skip
    assert train(recipe, tmp_path / "run").exists()

"""The gap between pictures and queries is closed by turning weights: vectors lose one direction, nothing else moves."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch.nn import functional as F

from instructcir.errors import InputError
from instructcir.items import ComposedQuery
from instructcir.model import placement
from instructcir.model.embedder import Embedder
from instructcir.model.loading import OWN_FILE, load_checkpoint
from instructcir.model.untrained import Shape
from instructcir.training import fresh
from instructcir.training.closing import LEFT, check_closable, close_gap
from instructcir.training.fresh import write_fresh
from instructcir.training.recipe import from_dict
from instructcir.training.run import train
from instructcir.worlds.rasterise import rasterise
from instructcir.worlds.registry import world
from instructcir.worlds.splits import drawing_of

SMALL = Shape(side=32, patch=16, stages=((16, 1), (24, 1), (32, 1)), width=32, inner=48, layers=2, heads=2)


def with_uneven_norms(model: Any) -> Any:
    """The model with norms as training leaves them: no weight is 1."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, weight in model.base_model.get_decoder().named_parameters():
            if "norm" in name:
                weight.copy_(0.5 + torch.rand(weight.shape, generator=generator))
    return model


def all_vectors(embedder: Embedder) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(0)
    pictures = [Image.fromarray(rng.integers(0, 255, (40, 48 + n, 3), dtype=np.uint8)) for n in range(3)]
    queries = [ComposedQuery(picture, "in red and without sleeves") for picture in pictures]
    blocks = embedder.embed_images(pictures), embedder.embed_queries(queries), embedder.embed_texts(["a red dress"])
    return np.concatenate(blocks)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(fresh.SHAPES, "tiny", SMALL)
    monkeypatch.setattr(fresh, "_PICTURES", 40)


@pytest.mark.parametrize("family", ["fresh", "llava-clip-llama", "llava-clip-phi3", "llava-siglip-qwen2"])
@pytest.mark.usefixtures("small")
def test_vectors_lose_the_direction_and_what_is_said_stays(
    family: str, built: Callable[..., Path], tmp_path: Path
) -> None:
    folder = tmp_path / "fresh"
    if family == "fresh":
        write_fresh(folder, "tiny", 1, ["wardrobe"])
    else:
        folder = built(family)
    checkpoint = load_checkpoint(folder, "cpu", "float32", None)
    model: Any = with_uneven_norms(checkpoint.model)
    shutil.copytree(folder, tmp_path / "uneven")
    (tmp_path / "uneven" / OWN_FILE).unlink(missing_ok=True)  # its probes are of the weights as they were
    model.save_pretrained(tmp_path / "uneven")
    before = all_vectors(Embedder.load(tmp_path / "uneven", "cpu", dtype="float32", prompts="instructcir"))
    tokens = torch.tensor([[5, 9, 12, 30, 7]])
    with torch.no_grad():
        said = model(input_ids=tokens).logits
        direction = F.normalize(torch.randn(before.shape[1], generator=torch.Generator().manual_seed(5)), dim=0)
        close_gap(model, direction)
        assert torch.allclose(model(input_ids=tokens).logits, said, atol=1e-3 * float(said.abs().max()))
    model.save_pretrained(tmp_path / "uneven")
    after = all_vectors(Embedder.load(tmp_path / "uneven", "cpu", dtype="float32", prompts="instructcir"))
    along = before @ direction.numpy()
    expected = before - (1 - LEFT) * np.outer(along, direction.numpy())
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert np.abs(after @ after.T - expected @ expected.T).max() < 1e-4
    assert np.abs(before @ before.T - expected @ expected.T).max() > 1e-3


def test_a_decoder_of_another_kind_is_refused_by_name(built: Callable[..., Path]) -> None:
    model = load_checkpoint(built("gemma3"), "cpu", "float32", None).model
    with pytest.raises(InputError, match="not for decoders of Gemma3DecoderLayer"):
        check_closable(model)


@pytest.mark.usefixtures("small")
def test_a_run_ends_with_the_gap_closed_and_in_the_type_it_was_trained_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "_SMALL", 0)  # as if it were large, on a processor that "auto" takes bfloat16 for
    monkeypatch.setattr(placement, "processor_multiplies_bfloat16", lambda: True)

    def trained(name: str, closed: bool) -> Embedder:
        settings: dict[str, Any] = {
            "name": name,
            "about": "a test",
            "start": {"model": "fresh:tiny", "prompts": "instructcir", "dtype": "float32"},
            "tune": {"close_gap": closed},
            "data": {"source": "drawn", "pool": 24, "side": 32},
            "objective": {"pairs": 1.0, "triplets": 1.0, "same_kind_negatives": True},
            "optimiser": {"global_batch": 8, "steps": 2, "learning_rate": 1e-3},
            "running": {"workers": 0},
        }
        made = train(from_dict(settings), tmp_path / name)
        assert {weight.dtype for weight in load_file(made / "model.safetensors").values()} == {torch.float32}
        return Embedder.load(made, "cpu", dtype="float32")

    def gap(embedder: Embedder) -> float:
        drawn = [rasterise(world("wardrobe").svg(drawing_of(world("wardrobe"), "train", n)), 32) for n in range(24)]
        pictures, queries = embedder.embed_mixed(drawn, [ComposedQuery(one, "make it red") for one in drawn])
        return float(np.linalg.norm(pictures.mean(axis=0) - queries.mean(axis=0)))

    opened, closed = trained("open", False), trained("closed", True)
    assert gap(closed) < 0.6 * gap(opened)  # what is left becomes longer: vectors are of length one again
    head, read = (closed.checkpoint.model.get_output_embeddings(), closed.checkpoint.model.get_input_embeddings())
    assert not torch.equal(head.weight, read.weight)  # type: ignore[union-attr]

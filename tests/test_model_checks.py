"""What is proved of a model at its load: a broken one is refused in words, a doubtful shortcut is not taken."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from instructcir.errors import ModelError
from instructcir.items import ComposedQuery
from instructcir.model import checks
from instructcir.model.backbone import Backbone
from instructcir.model.embedder import Embedder
from tiny_models import build_lora, pictures

FAMILY = "llava-siglip-qwen2"
CLOSE = {"atol": 1e-5, "rtol": 0}


@pytest.fixture
def folder(built: Callable[..., Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(built(FAMILY), tmp_path / "model"))


@pytest.fixture(scope="module")
def saved(built: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model saved by this package, with its probe vectors."""
    folder = tmp_path_factory.mktemp("saved") / "model"
    Embedder.load(built(FAMILY), device="cpu").save(folder)
    return folder


def change_weight(folder: Path, part: str, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
    tensors = load_file(folder / "model.safetensors")
    name = next(name for name in sorted(tensors) if part in name)
    tensors[name] = change(tensors[name])
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def named(found: list[checks.Check]) -> dict[str, checks.Check]:
    return {check.name: check for check in found}


def test_vectors_that_are_not_finite_are_refused_with_a_remedy(folder: Path) -> None:
    change_weight(folder, "layers.1.mlp.down_proj", lambda weight: weight * float("nan"))
    with pytest.raises(ModelError, match=r"model: vectors are not finite in torch\.float32; load with dtype="):
        Embedder.load(folder, device="cpu")


def test_weights_that_were_changed_after_saving_are_refused_with_the_cosine(saved: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(saved, tmp_path / "model"))
    assert Embedder.load(copy, device="cpu").warnings == []
    change_weight(copy, "layers.1.mlp.down_proj", lambda weight: weight + 0.05)
    with pytest.raises(ModelError, match=r"does not reproduce the vector saved with it \(cosine -?0\.\d{4}\)"):
        Embedder.load(copy, device="cpu")


def test_a_changed_vision_tower_is_found_by_the_full_examination(saved: Path, tmp_path: Path) -> None:
    sound = named(checks.examine(Embedder.load(saved, device="cpu")))["probe vectors reproduced"]
    assert sound.passed
    copy = Path(shutil.copytree(saved, tmp_path / "model"))
    change_weight(copy, "multi_modal_projector.linear_1.weight", lambda weight: weight + 0.05)
    found = named(checks.examine(Embedder.load(copy, device="cpu")))["probe vectors reproduced"]
    assert not found.passed
    assert "differ" in found.detail


def test_probe_vectors_are_those_of_the_probe_inputs(loaded: Callable[..., Embedder]) -> None:
    embedder = loaded("sentence-transformers")  # whose gallery and query prompts begin differently
    probes = checks.probe_vectors(embedder)
    picture = checks.probe_picture()
    query = ComposedQuery(picture, checks.PROBE_MODIFICATION)
    np.testing.assert_allclose(probes["gallery"], embedder.embed_images([picture])[0], **CLOSE)
    np.testing.assert_allclose(probes["query"], embedder.embed_queries([query])[0], **CLOSE)
    np.testing.assert_allclose(probes["texts"], embedder.embed_texts(checks.PROBE_TEXTS), **CLOSE)


def last_place(self: Backbone, rows: Any, images: Any) -> list[torch.Tensor]:
    """The classic mistake: the state at the last place is read, padding or not."""
    width = max(row.length for row in rows)
    ids = torch.tensor([[*row.prefix, *row.suffixes[0]] + [self.pad_id] * (width - row.length) for row in rows])
    with torch.inference_mode():
        states = self.base(input_ids=ids, use_cache=False).last_hidden_state
    return [torch.nn.functional.normalize(state[-1:], dim=-1) for state in states]


def test_a_family_whose_batches_are_wrong_is_refused_with_the_cosine(
    built: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Backbone, "embed_cold", last_place)
    monkeypatch.setattr(Backbone, "embed", last_place)
    with pytest.raises(ModelError, match=r"changes with its batch \(cosine -?0\.\d{4}\): padding is broken"):
        Embedder.load(built(FAMILY), device="cpu")


def test_a_family_that_cannot_share_is_checked_for_padding_too(
    built: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Backbone, "embed_cold", last_place)
    with pytest.raises(ModelError, match=r"padding is broken"):
        Embedder.load(built("gemma3"), device="cpu")


def test_packed_rows_that_are_wrong_are_not_used(built: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    sound = Embedder.load(built(FAMILY), device="cpu").embed_texts(["a red dress"])
    monkeypatch.setattr(Backbone, "embed", last_place)
    embedder = Embedder.load(built(FAMILY), device="cpu")
    assert not embedder.planner.shares
    assert len(embedder.warnings) == 1
    np.testing.assert_allclose(embedder.embed_texts(["a red dress"]), sound, **CLOSE)


def test_sharing_is_tried_on_unknown_families_and_turned_off_where_it_is_wrong(
    built: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Backbone, "may_share", True)
    wide = built("gemma3", text={"sliding_window": 4096})  # its pictures' tokens see each other both ways
    embedder = Embedder.load(wide, device="cpu")
    assert not embedder.planner.shares
    assert checks.prefix_difference(embedder) > 1e-3


def test_sharing_is_tried_on_unknown_families_and_kept_where_it_is_right(
    built: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "_CAUSAL", set())
    embedder = Embedder.load(built(FAMILY), device="cpu")
    assert embedder.planner.shares
    assert checks.prefix_difference(embedder) < 1e-5


def test_a_saved_decision_against_sharing_is_kept(saved: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(saved, tmp_path / "model"))
    own = json.loads((copy / "instructcir.json").read_text())
    assert own["shares_prefix"] is True
    (copy / "instructcir.json").write_text(json.dumps(own | {"shares_prefix": False}))
    assert not Embedder.load(copy, device="cpu").planner.shares


@pytest.mark.parametrize("name", [FAMILY, "gemma3", "released", "sentence-transformers"])
def test_the_examination_of_a_sound_model_passes(name: str, loaded: Callable[..., Embedder]) -> None:
    found = checks.examine(loaded(name))
    assert [check.name for check in found if not check.passed] == []
    names = set(named(found))
    assert {"device", "padded = single", "probe vectors"} < names
    assert ("shared image work = whole" in names) == (name != "gemma3")
    assert all(check.detail for check in found)


def test_the_examination_finds_a_shared_pass_that_went_wrong(
    loaded: Callable[..., Embedder], monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = loaded(FAMILY)
    whole = Backbone.go_on
    monkeypatch.setattr(Backbone, "go_on", lambda *args: whole(*args).flip(0))
    assert not named(checks.examine(embedder))["shared image work = whole"].passed
    monkeypatch.setattr(Backbone, "embed", last_place)
    assert not checks.examine(embedder)[1].passed


def test_an_adapters_effect_is_measured_and_in_every_vector(built: Callable[..., Path], tmp_path: Path) -> None:
    base = Embedder.load(built(FAMILY), device="cpu")
    adapted = Embedder.load(build_lora(built(FAMILY), tmp_path / "lora"), device="cpu")
    assert adapted.adapter is not None
    image = checks.probe_picture()
    text = [checks.PROBE_MODIFICATION]
    before, after = base.reference(image).embed(text), adapted.reference(image).embed(text)
    query = ComposedQuery(image, text[0])
    # nothing that was computed before the adapter came is used after it
    np.testing.assert_allclose(after, adapted.embed_queries([query]), **CLOSE)
    assert adapted.adapter.vector_change >= 0.99 * (1 - float((before * after).sum())) > 1e-4
    check = named(checks.examine(adapted))["adapter applied"]
    assert f"{adapted.adapter.vector_change:.2g}" in check.detail


def test_an_adapter_that_changes_vectors_by_less_than_a_product_shows_is_accepted(
    built: Callable[..., Path], tmp_path: Path
) -> None:
    lora = build_lora(built(FAMILY), tmp_path / "lora")
    tensors = load_file(lora / "adapter_model.safetensors")
    small = {name: tensor * (2e-6 if "lora_B" in name else 1) for name, tensor in tensors.items()}
    save_file(small, lora / "adapter_model.safetensors", metadata={"format": "pt"})
    effect = Embedder.load(lora, device="cpu").adapter
    assert effect is not None
    assert 0 < effect.vector_change < 1e-8


def test_an_adapter_that_reaches_no_vector_is_refused(
    built: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lora = build_lora(built(FAMILY), tmp_path / "lora")
    monkeypatch.setattr(checks, "apply_adapter", lambda *_: (4, 0.1))  # merged into something that is not used
    with pytest.raises(ModelError, match="no vector changed"):
        Embedder.load(lora, device="cpu")


def test_an_adapter_that_breaks_the_numbers_is_refused(built: Callable[..., Path], tmp_path: Path) -> None:
    lora = build_lora(built(FAMILY), tmp_path / "lora")
    tensors = load_file(lora / "adapter_model.safetensors")
    huge = {name: tensor * 1e25 for name, tensor in tensors.items()}
    save_file(huge, lora / "adapter_model.safetensors", metadata={"format": "pt"})
    with pytest.raises((ModelError, ValueError), match=r"finite|NaN|adapter"):
        Embedder.load(lora, device="cpu")


def test_the_probe_picture_is_the_same_everywhere() -> None:
    picture = checks.probe_picture()
    assert (picture.size, picture.mode) == ((96, 64), "RGB")
    assert picture.getpixel((30, 20)) == (220, 30, 40)
    assert picture.getpixel((95, 63)) == (190, 189, (95 ^ 63) * 2)
    assert len({image.tobytes() for image in [picture, *pictures()]}) == 11

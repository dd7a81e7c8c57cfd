"""LoRA adapters: put on their base, merged, proved to change it, and equal to what peft itself computes unmerged."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import PeftModel
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors.torch import load_file, save_file
from torch.nn.functional import normalize
from transformers import AutoModel, AutoModelForImageTextToText

from instructcir.errors import DependencyError, InstructcirError, ModelError
from instructcir.items import ComposedQuery
from instructcir.model.embedder import Embedder
from tiny_models import build_lora, pictures

Built = Callable[..., Path]
Loaded = Callable[..., Embedder]
FAMILY = "llava-siglip-qwen2"
TEXTS = ["a small dog", "two cats on a red sofa at night"]


@pytest.fixture(scope="module")
def adapters(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """An adapter's folder; not to be changed."""
    folders: dict[Any, Path] = {}

    def make(family: str, head: bool) -> Path:
        key = family, head
        if key not in folders:
            folders[key] = build_lora(built(family), tmp_path_factory.mktemp("adapter"), head=head)
        return folders[key]

    return make


@pytest.fixture
def adapter(adapters: Callable[..., Path], tmp_path: Path) -> Path:
    """An adapter of one's own, to be broken."""
    return Path(shutil.copytree(adapters(FAMILY, True), tmp_path / "adapter"))


def load(folder: Path | str, **options: Any) -> Embedder:
    return Embedder.load(folder, device="cpu", dtype="float32", **options)


def refused(folder: Path, kind: type[InstructcirError] = ModelError, **options: Any) -> str:
    with pytest.raises(kind) as error:
        load(folder, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def change_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    tensors = load_file(folder / "adapter_model.safetensors")
    change(tensors)
    save_file(tensors, folder / "adapter_model.safetensors")


def change_json(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | values), encoding="utf-8")


@torch.no_grad()
def unmerged(base: Path, adapter: Path, head: bool, embedder: Embedder) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Vectors of the texts and of one composed query by peft's own pass; in float64, since in float32 it is off."""
    kind = AutoModelForImageTextToText if head else AutoModel
    adapted = PeftModel.from_pretrained(kind.from_pretrained(base), adapter).double().eval()
    bare = adapted.base_model.model.model if head else adapted.base_model.model
    texts = [bare(input_ids=torch.tensor([embedder.renderer.text(text)])).last_hidden_state[0, -1] for text in TEXTS]
    image = embedder.planner.prepare(pictures()[0])
    prefix = embedder.renderer.prefix("query", image.expansion)
    ids = torch.tensor([[*prefix.ids, *embedder.renderer.suffix("query", prefix, TEXTS[0])]])
    query = bare(input_ids=ids, pixel_values=image.tensors["pixel_values"].double()).last_hidden_state[0, -1]
    return normalize(torch.stack(texts)).numpy(), normalize(query, dim=0).numpy()


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
@pytest.mark.parametrize("head", [True, False])
@pytest.mark.parametrize("family", [FAMILY, "llava-clip-phi3", "llava-clip-llama"])
def test_a_merged_adapter_equals_pefts_own_unmerged_forward(
    family: str, head: bool, adapters: Callable[..., Path], built: Built, loaded: Loaded
) -> None:
    embedder = load(adapters(family, head))
    texts, query = unmerged(built(family), adapters(family, head), head, embedder)
    np.testing.assert_allclose(embedder.embed_texts(TEXTS), texts, rtol=0, atol=1e-5)
    asked = [ComposedQuery(pictures()[0], TEXTS[0])]
    np.testing.assert_allclose(embedder.embed_queries(asked)[0], query, rtol=0, atol=1e-5)
    np.testing.assert_allclose(embedder.reference(pictures()[0]).embed(TEXTS[:1])[0], query, rtol=0, atol=1e-5)
    assert np.abs(embedder.embed_texts(TEXTS) - loaded(family).embed_texts(TEXTS)).max() > 1e-2


@pytest.mark.parametrize("family", ["qwen3-vl", "idefics3", "gemma3", "internvl"])
def test_an_adapter_goes_on_any_family(family: str, adapters: Callable[..., Path], loaded: Loaded) -> None:
    embedder = load(adapters(family, True))
    assert np.abs(embedder.embed_texts(TEXTS) - loaded(family).embed_texts(TEXTS)).max() > 1e-3


def test_what_an_adapter_did_is_reported(adapters: Callable[..., Path], built: Built, loaded: Loaded) -> None:
    effect = load(adapters(FAMILY, True)).adapter
    assert effect is not None
    assert (effect.folder, effect.base) == (adapters(FAMILY, True), built(FAMILY))
    assert effect.tensors == len(load_file(effect.folder / "adapter_model.safetensors")) == 12
    assert effect.largest_change > 0.01
    assert 0.001 < effect.vector_change <= 2
    assert loaded(FAMILY).adapter is None


def test_nothing_of_peft_stays_in_the_model(adapters: Callable[..., Path], loaded: Loaded) -> None:
    adapted, plain = load(adapters(FAMILY, True)).checkpoint.model, loaded(FAMILY).checkpoint.model
    assert not any(isinstance(module, BaseTunerLayer) for module in adapted.modules())
    assert adapted.state_dict().keys() == plain.state_dict().keys()
    changed = [name for name, value in plain.state_dict().items() if not value.equal(adapted.state_dict()[name])]
    assert {name.split(".")[-2] for name in changed} == {"q_proj", "v_proj"}
    assert len(changed) == 6


@pytest.mark.parametrize("head", [True, False])
def test_an_adapter_goes_on_a_saved_model(
    head: bool, adapters: Callable[..., Path], loaded: Loaded, tmp_path: Path
) -> None:
    loaded(FAMILY).save(tmp_path / "base")
    embedder = load(adapters(FAMILY, head), base=tmp_path / "base")
    assert embedder.adapter is not None
    assert embedder.adapter.base == tmp_path / "base"
    assert embedder.checkpoint.layout == "instructcir"
    np.testing.assert_array_equal(embedder.embed_texts(TEXTS), load(adapters(FAMILY, head)).embed_texts(TEXTS))
    embedder.save(tmp_path / "merged")
    np.testing.assert_array_equal(load(tmp_path / "merged").embed_texts(TEXTS), embedder.embed_texts(TEXTS))


def test_an_adapter_on_the_released_layout_is_applied(
    adapters: Callable[..., Path], built: Built, loaded: Loaded
) -> None:
    embedder = load(adapters("llava-clip-llama", True), base=built("released"))
    assert np.abs(embedder.embed_texts(TEXTS) - loaded("released").embed_texts(TEXTS)).max() > 1e-3


def test_an_adapter_whose_products_are_zero_is_refused(adapter: Path) -> None:
    change_weights(adapter, lambda tensors: tensors.update({k: v * 0 for k, v in tensors.items() if "lora_B" in k}))
    assert "the adapter changes nothing" in refused(adapter)


def test_an_adapter_for_another_model_is_refused(adapters: Callable[..., Path], built: Built) -> None:
    message = refused(adapters("qwen3-vl", True), base=built("llava-clip-phi3"))
    assert "no place in this base model" in message or "does not fit its base model" in message
    assert str(adapters("qwen3-vl", True)) in message


def test_an_adapter_for_the_same_family_in_another_size_is_refused(adapter: Path, built: Built) -> None:
    message = refused(adapter, base=built(FAMILY, text={"hidden_size": 96, "num_attention_heads": 4}))
    assert "does not fit its base model" in message
    assert "size mismatch for model.language_model.layers.0.self_attn" in message


def test_an_adapter_that_lacks_a_weight_is_refused_by_its_name(adapter: Path) -> None:
    change_weights(adapter, lambda tensors: tensors.pop(next(name for name in tensors if "layers.1" in name)))
    assert "lacks 1 weights that its settings ask for" in (message := refused(adapter))
    assert "layers.1." in message


def test_an_adapter_that_brings_whole_modules_is_refused(adapter: Path) -> None:
    name = "base_model.model.lm_head.weight"
    change_weights(adapter, lambda tensors: tensors.update({name: torch.ones(4, 4)}))
    assert f"only LoRA pairs are understood; this adapter brings ['{name}']" in refused(adapter)


def test_an_adapter_without_weights_is_refused(adapter: Path) -> None:
    change_weights(adapter, lambda tensors: tensors.clear())
    assert "this adapter brings nothing" in refused(adapter)
    (adapter / "adapter_model.safetensors").unlink()
    assert "the adapter cannot be read" in refused(adapter)


@pytest.mark.parametrize("content", ["{", "[]", ""])
def test_a_broken_adapter_configuration_is_refused(content: str, adapter: Path) -> None:
    (adapter / "adapter_config.json").write_text(content)
    assert "adapter_config.json" in refused(adapter)


def test_an_adapter_of_another_kind_is_refused(adapter: Path) -> None:
    change_json(adapter / "adapter_config.json", peft_type="NONESUCH")
    assert str(adapter) in refused(adapter)


def test_a_base_that_is_not_there_is_refused(adapter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    change_json(adapter / "adapter_config.json", base_model_name_or_path="/no/such/base")
    assert "/no/such/base: no such folder" in refused(adapter)
    change_json(adapter / "adapter_config.json", base_model_name_or_path=None)
    assert "names no base model; pass base=" in refused(adapter)


def test_a_base_beside_the_adapter_is_found(adapter: Path, built: Built) -> None:
    shutil.copytree(built(FAMILY), adapter.parent / "base")
    change_json(adapter / "adapter_config.json", base_model_name_or_path="../base")
    effect = load(adapter).adapter
    assert effect is not None
    assert effect.base.resolve() == (adapter.parent / "base").resolve()


def test_without_peft_the_extra_to_install_is_named(
    adapters: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    assert "pip install 'instructcir[lora]'" in refused(adapters(FAMILY, True), DependencyError)

"""Loading: every layout is understood, and every broken folder is refused in one line that names what is broken."""

import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

from instructcir.errors import DependencyError, InputError, InstructcirError, ModelError, PromptError
from instructcir.model.embedder import Embedder
from instructcir.model.loading import find_folder, load_checkpoint
from tiny_models import build, build_released, build_sentence_transformers, pictures

Built = Callable[..., Path]
Loaded = Callable[..., Embedder]
FAMILY = "llava-siglip-qwen2"


@pytest.fixture
def folder(built: Built, tmp_path: Path) -> Path:
    """A whole model folder of one's own, to be broken."""
    return Path(shutil.copytree(built(FAMILY), tmp_path / "model"))


@pytest.fixture
def released(built: Built, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built("released"), tmp_path / "released"))


def refused(folder: Path | str, kind: type[InstructcirError] = ModelError, **options: Any) -> str:
    """The message that a folder is refused with: one line that names the folder."""
    with pytest.raises(kind) as error:
        Embedder.load(folder, device="cpu", **options)
    assert "\n" not in str(error.value)
    assert str(folder) in str(error.value)
    return str(error.value)


def change_json(path: Path, **values: Any) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(content | values), encoding="utf-8")


def change_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def as_bin(folder: Path) -> dict[str, torch.Tensor]:
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    return tensors


@pytest.mark.parametrize(
    ("family", "layout", "prompts"),
    [
        (FAMILY, "transformers", "instructcir"),
        ("released", "released", "instructcir"),
        ("sentence-transformers", "sentence-transformers", "sentence-transformers"),
    ],
)
def test_a_layout_is_recognised_with_its_prompts(family: str, layout: str, prompts: str, loaded: Loaded) -> None:
    embedder = loaded(family)
    assert embedder.checkpoint.layout == layout
    assert embedder.prompts.name == prompts
    assert embedder.checkpoint.own == {}
    assert not embedder.checkpoint.model.training
    vectors = embedder.embed_images(pictures()[:2])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[1] < 0.999


def test_an_embedders_own_system_turns_become_its_prompts(loaded: Loaded) -> None:
    renderer = loaded("sentence-transformers").renderer
    assert renderer.show("gallery").startswith("<|im_start|>system\nRepresent the user's input.<|im_end|>")
    assert "\nRetrieve the image that the user's input asks for.<" in renderer.show("query", "red")
    assert renderer.show("text", "red").endswith("<|im_start|>user\nred<|im_end|>\n<|im_start|>assistant\n")


def test_prompts_are_those_asked_for_by_name_or_by_value(loaded: Loaded, built: Built) -> None:
    asked = Embedder.load(built(FAMILY), device="cpu", prompts="e5-v")
    assert asked.prompts.name == "e5-v"
    assert asked.renderer.show("gallery") != loaded(FAMILY).renderer.show("gallery")
    again = Embedder.load(built(FAMILY), device="cpu", prompts=asked.prompts)
    assert again.renderer.show("gallery") == asked.renderer.show("gallery")
    with pytest.raises(PromptError, match="no prompt set 'nonesuch'; there are: instructcir"):
        Embedder.load(built(FAMILY), prompts="nonesuch")


def test_a_folder_without_config_json_is_refused(folder: Path) -> None:
    (folder / "config.json").unlink()
    assert "has no config.json" in refused(folder)


@pytest.mark.parametrize("file", ["config.json", "processor_config.json", "instructcir.json", "modules.json"])
@pytest.mark.parametrize("content", ["{", "", "[1]", "\xff"])
def test_a_broken_json_file_is_refused_by_its_name(file: str, content: str, folder: Path) -> None:
    (folder / file).write_bytes(content.encode("latin-1"))
    assert file in refused(folder)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"model_type": "nonesuch"}, "nonesuch"),
        ({"text_config": {"model_type": "nonesuch"}}, "nonesuch"),
        ({"text_config": "qwen2"}, "config.json"),
    ],
)
def test_a_configuration_that_transformers_does_not_know_is_refused(
    change: dict[str, Any], named: str, folder: Path
) -> None:
    change_json(folder / "config.json", **change)
    assert named in refused(folder)


@pytest.mark.parametrize("change", [{"text_config": None}, {"vision_config": 3}, {"text_config": {"rope_scaling": 5}}])
def test_a_released_configuration_that_lacks_a_part_is_refused(change: dict[str, Any], released: Path) -> None:
    change_json(released / "config.json", **change)
    assert "config.json" in refused(released)


NORM = "language_model.model.layers.1.input_layernorm.weight"


@pytest.mark.parametrize("name", [NORM, "vision_tower.vision_model.encoder.layers.0.mlp.fc1.bias"])
def test_a_missing_weight_is_refused_by_its_name(name: str, folder: Path) -> None:
    change_weights(folder, lambda tensors: tensors.pop(name))
    message = refused(folder)
    assert "1 weights are missing" in message
    assert name.split(".layers.")[1] in message


def test_a_mis_shaped_weight_is_refused_by_its_name_with_both_shapes(folder: Path) -> None:
    change_weights(folder, lambda tensors: tensors.update({NORM: torch.ones(63)}))
    message = refused(folder)
    assert "layers.1.input_layernorm.weight is (63,), must be (64,)" in message


def test_a_weight_without_a_place_is_refused_by_its_name(folder: Path) -> None:
    change_weights(folder, lambda tensors: tensors.update({"model.surprise.weight": torch.ones(3)}))
    message = refused(folder)
    assert "1 weights have no place" in message
    assert "surprise.weight" in message


def test_many_missing_weights_are_counted_and_three_are_named(folder: Path) -> None:
    change_weights(folder, lambda tensors: [tensors.pop(name) for name in list(tensors) if ".layers.1." in name])
    assert " and " in (message := refused(folder))
    assert message.endswith(" more")


@pytest.mark.parametrize(
    "name",
    [
        "language_model.model.layers.2.self_attn.k_proj.weight",
        "multi_modal_projector.linear_2.bias",
        "vision_tower.vision_model.embeddings.position_embedding.weight",
        "language_model.model.norm.weight",
    ],
)
def test_released_weights_that_are_missing_or_mis_shaped_are_refused_by_name(name: str, released: Path) -> None:
    end = ".".join(name.split(".")[-2:])
    tensors = load_file(released / "model.safetensors")
    whole = tensors.pop(name)
    save_file(tensors, released / "model.safetensors", metadata={"format": "pt"})
    assert "1 weights are missing" in (message := refused(released))
    assert end in message
    save_file(tensors | {name: whole[1:].clone()}, released / "model.safetensors", metadata={"format": "pt"})
    assert "1 weights have the wrong shape" in (message := refused(released))
    assert end in message


def test_a_shard_that_is_missing_is_refused_by_its_name(tmp_path: Path) -> None:
    build_released(tmp_path / "model", shards=3)
    (tmp_path / "model" / "model-00002-of-00003.safetensors").unlink()
    assert "model-00002-of-00003.safetensors" in refused(tmp_path / "model")


@pytest.mark.parametrize("size", [0, 100, 5000])
def test_a_weights_file_that_was_cut_off_is_refused(size: int, folder: Path) -> None:
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[:size])
    assert "weights cannot be loaded" in refused(folder)


def test_a_folder_without_weights_is_refused(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    assert "weights cannot be loaded" in refused(folder)


def in_fresh_memory(embedder: Embedder) -> Embedder:
    """The same weights where torch would put them: products of unaligned ones may differ in the last bit."""
    for weight in embedder.checkpoint.model.parameters():
        weight.data = weight.data.clone(memory_format=torch.contiguous_format)
    return embedder


def test_a_bin_of_tensors_alone_loads_as_safetensors_do(folder: Path, built: Built) -> None:
    torch.save(as_bin(folder), folder / "pytorch_model.bin")
    vectors = [
        in_fresh_memory(Embedder.load(one, device="cpu")).embed_texts(["a red dress"])
        for one in (folder, built(FAMILY))
    ]
    np.testing.assert_array_equal(*vectors)


class Malicious:
    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("legacy", [False, True])
def test_code_in_a_bin_is_never_run(legacy: bool, folder: Path, tmp_path: Path) -> None:
    trap = tmp_path / "executed"
    content = {**as_bin(folder), "extra": Malicious(trap)}
    torch.save(content, folder / "pytorch_model.bin", _use_new_zipfile_serialization=not legacy)
    assert "weights cannot be loaded" in refused(folder)
    assert not trap.exists()
    torch.load(folder / "pytorch_model.bin", weights_only=False)  # the trap does work
    assert trap.exists()


def test_a_plain_pickle_as_bin_is_never_run(folder: Path, tmp_path: Path) -> None:
    as_bin(folder)
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Malicious(tmp_path / "executed"), protocol=2))
    assert "weights cannot be loaded" in refused(folder)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("model_type", [FAMILY, "own_type"])
def test_code_in_a_folder_is_never_run(model_type: str, folder: Path, tmp_path: Path, monkeypatch: Any) -> None:
    trap = tmp_path / "executed"
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked whether to trust the code"))
    names = ["Config", "Model", "Tokenizer", "ImageProcessor", "Processor"]
    classes = "".join(f"class Own{name}:\n    pass\n" for name in names)
    (folder / "own.py").write_text(f"import os\nos.mkdir({str(trap)!r})\n{classes}", encoding="utf-8")
    own = {name: f"own.Own{name.removeprefix('Auto')}" for name in ("AutoConfig", "AutoModel", "AutoImageProcessor")}
    own["AutoModelForImageTextToText"] = "own.OwnModel"
    change_json(folder / "config.json", auto_map=own)
    change_json(folder / "preprocessor_config.json", auto_map=own)
    change_json(folder / "processor_config.json", auto_map={"AutoProcessor": "own.OwnProcessor"})
    change_json(folder / "tokenizer_config.json", auto_map={"AutoTokenizer": [None, "own.OwnTokenizer"]})
    if model_type == FAMILY:
        Embedder.load(folder, device="cpu")  # transformers' own classes are there and are used
    else:
        change_json(folder / "config.json", model_type=model_type)
        assert "config.json" in refused(folder)
    assert not trap.exists()


def test_a_folder_without_a_tokenizer_is_refused(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    assert "has no tokenizer (tokenizer.json)" in refused(folder)


@pytest.mark.parametrize("family", [FAMILY, "released"])
def test_a_broken_tokenizer_is_refused(family: str, built: Built, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(built(family), tmp_path / "model"))
    (folder / "tokenizer.json").write_text('{"model": 3}', encoding="utf-8")
    assert "its tokenizer cannot be read" in refused(folder)


def test_a_model_without_a_chat_template_is_refused(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink()
    assert "has no chat template" in refused(folder)


def test_a_model_without_an_image_processor_is_refused(folder: Path) -> None:
    (folder / "preprocessor_config.json").unlink()
    assert "no usable image processor" in refused(folder)


def test_an_unknown_image_processor_is_refused(folder: Path) -> None:
    change_json(folder / "preprocessor_config.json", image_processor_type="NoSuchImageProcessor")
    assert "no usable image processor" in refused(folder)


def test_a_processor_that_needs_a_missing_package_is_named(built: Built) -> None:
    with pytest.raises(DependencyError, match=r"PixtralProcessor needs a package that is missing .*torchvision"):
        Embedder.load(built("mistral3"), device="cpu")


def test_a_text_only_model_is_refused(folder: Path) -> None:
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    for name in ("preprocessor_config.json", "processor_config.json", "model.safetensors"):
        (folder / name).unlink()
    LlamaForCausalLM(LlamaConfig(vocab_size=448, **sizes)).save_pretrained(folder)
    change_json(folder / "tokenizer_config.json", processor_class=None)
    assert "no processor for pictures and text of model type 'llama'" in refused(folder)


@pytest.mark.parametrize("name", ["instructcir/no-such-model", "no-such-folder", "./no/such/folder", "~/no such"])
def test_an_unknown_name_offline_is_refused_at_once_in_one_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("went to the network"))
    message = refused(name)
    assert "no such folder, and not to be had from the hub" in message


def test_an_empty_name_is_refused_and_is_not_the_working_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert "the model's name is empty" in refused("")


def test_a_file_in_place_of_a_folder_is_refused(folder: Path) -> None:
    assert "is a file; give the folder" in refused(folder / "model.safetensors")


def test_a_home_folder_is_found(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    assert find_folder("~/model") == folder


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pooling_mode": "mean"}, "pools otherwise than by the last token"),
        ({"pooling_mode": "cls"}, "pools otherwise than by the last token"),
    ],
)
def test_an_embedder_that_pools_otherwise_is_refused(change: dict[str, str], message: str, tmp_path: Path) -> None:
    build_sentence_transformers(tmp_path / "model", FAMILY)
    change_json(tmp_path / "model" / "1_Pooling" / "config.json", **change)
    assert message in refused(tmp_path / "model")


def test_an_embedder_with_other_modules_is_refused(tmp_path: Path) -> None:
    folder = build_sentence_transformers(tmp_path / "model", FAMILY)
    modules = json.loads((folder / "modules.json").read_text())
    (folder / "modules.json").write_text(json.dumps(modules[:2]))
    assert "modules Transformer + Pooling; only Transformer + Pooling + Normalize are understood" in refused(folder)
    modules[0]["path"] = "0_Transformer"
    (folder / "modules.json").write_text(json.dumps(modules))
    assert "its Transformer lies in 0_Transformer/" in refused(folder)
    (folder / "modules.json").write_text("[1]")
    assert "modules.json" in refused(folder)


def test_an_embedder_saved_by_an_older_version_names_its_pooling_otherwise(tmp_path: Path) -> None:
    folder = build_sentence_transformers(tmp_path / "model", FAMILY)
    old = {"word_embedding_dimension": 64, "pooling_mode_mean_tokens": False, "pooling_mode_lasttoken": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(old))
    assert Embedder.load(folder, device="cpu").checkpoint.layout == "sentence-transformers"


@pytest.mark.parametrize("prompts", [None, 5, {"name": "mine"}])
def test_a_saved_model_without_its_prompts_is_refused(prompts: Any, folder: Path) -> None:
    (folder / "instructcir.json").write_text(json.dumps({"prompts": prompts}))
    assert "instructcir.json" in refused(folder)


def test_an_unknown_device_or_number_type_is_refused(built: Built) -> None:
    with pytest.raises(InputError, match="dtype 'int8' is unknown; use auto, float32, bfloat16, float16"):
        Embedder.load(built(FAMILY), device="cpu", dtype="int8")
    with pytest.raises(InputError, match="device 'abacus' cannot be used") as error:
        Embedder.load(built(FAMILY), device="abacus")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_weights_are_kept_in_the_type_asked_for(dtype: str, built: Built) -> None:
    checkpoint = load_checkpoint(built(FAMILY), "cpu", dtype, None)
    assert {str(parameter.dtype) for parameter in checkpoint.model.parameters()} == {f"torch.{dtype}"}
    assert checkpoint.placement.stored == getattr(torch, dtype)


def test_a_bare_model_without_its_head_gives_the_same_vectors(loaded: Loaded, folder: Path) -> None:
    change_weights(folder, lambda tensors: tensors.pop("language_model.lm_head.weight", None))
    np.testing.assert_array_equal(
        Embedder.load(folder, device="cpu").embed_texts(["a red dress"]),
        loaded(FAMILY).embed_texts(["a red dress"]),
    )


def test_settings_left_to_the_models_configuration_are_filled_in(tmp_path: Path, loaded: Loaded) -> None:
    folder = build("llava-clip-llama", tmp_path / "model")
    (folder / "processor_config.json").unlink()
    image = pictures()[0]
    np.testing.assert_array_equal(
        Embedder.load(folder, device="cpu").embed_images([image]), loaded("llava-clip-llama").embed_images([image])
    )

"""Saved models: the same vectors after loading, here bit for bit and in plain sentence-transformers."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer

from instructcir.errors import InputError, ModelError
from instructcir.items import ComposedQuery
from instructcir.model import checks, prompts, saving
from instructcir.model.embedder import Embedder
from instructcir.model.prompts import PromptSet
from instructcir.version import __version__
from tiny_models import FAMILIES, build_lora, pictures

Built = Callable[..., Path]
Loaded = Callable[..., Embedder]
SAVEABLE = [*(name for name in FAMILIES if name != "mistral3"), "released", "sentence-transformers"]
IN_PLAIN = ["llava-clip-llama", "llava-clip-phi3", "llava-siglip-qwen2", "idefics3", "gemma3", "released"]
OTHER = PromptSet(
    name="awkward",
    gallery="Look:\n\"<image>\"\n{% raw %} {{ x }} \\ 'quoted' é日本",
    query="Look:\n\"<image>\" & <b>{modification}</b>, {{modification}}, again: {modification} 'so' \\n",
    text="{text}\n in one {word}:",
    system="Be 'brief', \"please\" {{ now }}\\",
)
FAMILY = "llava-siglip-qwen2"
TEXTS = ["a small dog", "", 'two "cats" {on} a sofa\nat night, seen from above by nobody at all']
MODIFICATIONS = ["make it red", "", "a much longer modification, that needs padding, with {braces} and 'quotes'"]


def vectors(embedder: Embedder) -> list[np.ndarray[Any, Any]]:
    queries = [ComposedQuery(image, text) for image in pictures()[:2] for text in MODIFICATIONS]
    return [embedder.embed_images(pictures()[:5]), embedder.embed_queries(queries), embedder.embed_texts(TEXTS)]


def assert_same(first: list[np.ndarray[Any, Any]], second: list[np.ndarray[Any, Any]]) -> None:
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture(scope="module")
def saved(loaded: Loaded, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder that a family was saved to; not to be changed."""
    folders: dict[str, Path] = {}

    def save_once(name: str) -> Path:
        if name not in folders:
            folders[name] = tmp_path_factory.mktemp("saved") / name
            loaded(name).save(folders[name])
        return folders[name]

    return save_once


@pytest.fixture
def own_copy(saved: Callable[[str], Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved(FAMILY), tmp_path / "copy"))


def load(folder: Path, **options: Any) -> Embedder:
    return Embedder.load(folder, device="cpu", **options)


@pytest.mark.parametrize("family", SAVEABLE)
def test_a_saved_model_gives_the_same_vectors_bit_for_bit(family: str, saved: Any, loaded: Loaded) -> None:
    again = load(saved(family))
    assert again.checkpoint.layout == "instructcir"
    assert again.prompts == loaded(family).prompts
    assert again.planner.shares == loaded(family).planner.shares
    assert_same(vectors(again), vectors(loaded(family)))


@pytest.mark.parametrize("family", [FAMILY, "qwen3-vl", "gemma3"])
def test_a_model_saved_in_half_precision_gives_the_same_vectors(family: str, built: Built, tmp_path: Path) -> None:
    half = load(built(family), dtype="bfloat16")
    half.save(tmp_path / "half")
    assert {tensor.dtype for tensor in load_file(tmp_path / "half" / "model.safetensors").values()} == {torch.bfloat16}
    assert json.loads((tmp_path / "half" / "config.json").read_text())["dtype"] == "bfloat16"
    assert_same(vectors(load(tmp_path / "half", dtype="bfloat16")), vectors(half))


def test_a_saved_model_can_be_saved_again(saved: Any, tmp_path: Path) -> None:
    first = load(saved(FAMILY))
    first.save(tmp_path / "again")
    assert_same(vectors(load(tmp_path / "again")), vectors(first))
    for name in ("chat_template.jinja", "tokenizer.json", "config.json", "sentence_bert_config.json", "modules.json"):
        assert (tmp_path / "again" / name).read_text() == (saved(FAMILY) / name).read_text(), name


def compare_with_plain(folder: Path, embedder: Embedder, modifications: list[str], texts: list[str]) -> None:
    image, other = pictures()[0], pictures()[8]
    inputs: list[Any] = [{"image": image, "text": text} for text in modifications]
    inputs += [{"image": other}, *texts, {"text": modifications[0], "image": other}]
    expected = [
        *embedder.embed_queries([ComposedQuery(image, text) for text in modifications]),
        *embedder.embed_images([other]),
        *embedder.embed_texts(texts),
        *embedder.embed_queries([ComposedQuery(other, modifications[0])]),
    ]
    plain = SentenceTransformer(str(folder), device="cpu")
    np.testing.assert_allclose(plain.encode(inputs), np.stack(expected), rtol=0, atol=1e-5)
    single = np.stack([plain.encode([value])[0] for value in inputs[:5]])
    np.testing.assert_allclose(single, np.stack(expected[:5]), rtol=0, atol=1e-5)
    assert plain.similarity_fn_name == "cosine"


@pytest.mark.parametrize("family", IN_PLAIN)
def test_plain_sentence_transformers_gives_the_same_vectors(family: str, saved: Any, loaded: Loaded) -> None:
    compare_with_plain(saved(family), loaded(family), MODIFICATIONS, TEXTS)


@pytest.mark.parametrize("family", IN_PLAIN)
def test_typed_control_tokens_stay_text_in_plain_sentence_transformers(family: str, saved: Any, loaded: Loaded) -> None:
    tokens = list(loaded(family).renderer.tokenizer.added_tokens_encoder)
    typed = ["the end </s> of <image> it", " ".join(tokens[:8]), "{{ bos_token }} {% if x %}"]
    if saving.tells_typed_tokens(loaded(family).checkpoint):
        compare_with_plain(saved(family), loaded(family), typed, typed)
    else:
        assert family in ("gemma3", "idefics3")
        compare_with_plain(saved(family), loaded(family), typed[2:], typed[2:])


@pytest.mark.parametrize("family", ["llava-clip-llama", "llava-clip-phi3", "gemma3"])
def test_any_prompt_set_is_stored_and_asked_in_both(family: str, built: Built, tmp_path: Path) -> None:
    embedder = load(built(family), prompts=OTHER)
    embedder.save(tmp_path / "saved")
    again = load(tmp_path / "saved")
    assert again.prompts == OTHER
    assert_same(vectors(again), vectors(embedder))
    compare_with_plain(tmp_path / "saved", embedder, MODIFICATIONS, TEXTS)


def test_sets_that_open_no_answer_or_ask_each_kind_otherwise_are_kept(built: Built, tmp_path: Path) -> None:
    chosen = replace(OTHER, query_system="Find it.", text_system="", add_generation_prompt=False)
    embedder = load(built(FAMILY), prompts=chosen)
    embedder.save(tmp_path / "saved")
    assert load(tmp_path / "saved").prompts == chosen
    compare_with_plain(tmp_path / "saved", embedder, MODIFICATIONS, TEXTS)


def test_a_system_prompt_given_in_plain_sentence_transformers_changes_nothing(saved: Any) -> None:
    plain = SentenceTransformer(str(saved(FAMILY)), device="cpu")
    np.testing.assert_array_equal(plain.encode(TEXTS, prompt="Be brief."), plain.encode(TEXTS))
    np.testing.assert_array_equal(plain.encode_query(TEXTS), plain.encode_document(TEXTS))


def test_a_saved_model_answers_other_prompts_when_asked_to(saved: Any, loaded: Loaded, built: Built) -> None:
    asked = load(saved(FAMILY), prompts="e5-v")
    assert_same(vectors(asked), vectors(load(built(FAMILY), prompts="e5-v")))
    assert not np.array_equal(asked.embed_texts(TEXTS), loaded(FAMILY).embed_texts(TEXTS))


def test_the_own_file_says_what_the_model_is(saved: Any, loaded: Loaded) -> None:
    own = json.loads((saved(FAMILY) / "instructcir.json").read_text(encoding="utf-8"))
    embedder = loaded(FAMILY)
    assert own["format"] == 1
    assert own["version"] == __version__
    assert PromptSet.from_dict(own["prompts"]) == prompts.named("instructcir")
    assert own["chat_template"] == embedder.checkpoint.chat_template
    assert own["pixels"]["size"] == {"height": 56, "width": 56}
    assert own["shares_prefix"] is True
    np.testing.assert_array_equal(np.float32(own["probes"]["texts"]), embedder.embed_texts(checks.PROBE_TEXTS))
    picture = checks.probe_picture()
    asked = [ComposedQuery(picture, checks.PROBE_MODIFICATION)]
    np.testing.assert_allclose(own["probes"]["gallery"], embedder.embed_images([picture])[0], atol=1e-5)
    np.testing.assert_allclose(own["probes"]["query"], embedder.embed_queries(asked)[0], atol=1e-5)


def test_nothing_of_this_machine_or_of_this_run_is_written(saved: Any, built: Built) -> None:
    places = [str(built(FAMILY)), str(saved(FAMILY)), str(Path.home() / "")]
    for path in saved(FAMILY).rglob("*.js*"):
        content = path.read_text(encoding="utf-8")
        for word in (*places[:2], "instructcir_sdpa", "local_files_only", "trust_remote_code"):
            assert word not in content, (path.name, word)


def test_an_adapter_is_merged_into_what_is_saved(built: Built, loaded: Loaded, tmp_path: Path) -> None:
    adapter = build_lora(built(FAMILY), tmp_path / "adapter")
    adapted = load(adapter)
    adapted.save(tmp_path / "saved")
    assert not (tmp_path / "saved" / "adapter_config.json").exists()
    again = load(tmp_path / "saved")
    assert again.adapter is None
    assert_same(vectors(again), vectors(adapted))
    assert np.abs(again.embed_texts(TEXTS) - loaded(FAMILY).embed_texts(TEXTS)).max() > 1e-3
    compare_with_plain(tmp_path / "saved", adapted, MODIFICATIONS, TEXTS)


def test_saved_where_bfloat16_is_native_a_model_loads_in_float32(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for native in (True, False):
        monkeypatch.setattr("instructcir.model.placement.processor_multiplies_bfloat16", lambda answer=native: answer)
        folder = tmp_path / str(native)
        Embedder.load(built(FAMILY), "cpu", "bfloat16").save(folder)
        probes = json.loads((folder / "instructcir.json").read_text(encoding="utf-8"))["probes"]
        assert probes["exact"] is not native
        exact = Embedder.load(folder, "cpu", "float32").embed_texts(checks.PROBE_TEXTS)
        assert bool(np.abs(exact - np.float32(probes["texts"])).max() < 1e-5) is not native
        assert all(check.passed for check in checks.examine(Embedder.load(folder, "cpu", "float32")))


def test_a_folder_that_holds_something_is_refused_and_left_alone(loaded: Loaded, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="exists and is not empty"):
        loaded(FAMILY).save(tmp_path / "model")
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "notes.txt"]


def test_an_empty_folder_is_filled(loaded: Loaded, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    loaded(FAMILY).save(tmp_path / "model")
    assert load(tmp_path / "model").checkpoint.layout == "instructcir"


@pytest.mark.parametrize("step", ["_save_processor", "_save_modules", "_write"])
def test_an_error_leaves_nothing_behind_and_the_model_as_it_was(
    step: str, loaded: Loaded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = loaded(FAMILY).checkpoint.tokenizer
    before = tokenizer.chat_template, tokenizer.padding_side, loaded(FAMILY).embed_texts(TEXTS)

    def fail(*_: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(saving, step, fail)
    with pytest.raises((OSError, InputError), match="disk full"):
        loaded(FAMILY).save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []
    assert (tokenizer.chat_template, tokenizer.padding_side) == before[:2]
    np.testing.assert_array_equal(loaded(FAMILY).embed_texts(TEXTS), before[2])


def test_saving_leaves_the_embedder_as_it_was(loaded: Loaded, saved: Any) -> None:
    tokenizer = loaded(FAMILY).checkpoint.tokenizer
    before = tokenizer.chat_template, tokenizer.padding_side, tokenizer.chat_control_tokens
    expected = vectors(loaded(FAMILY))
    saved(FAMILY)
    assert (tokenizer.chat_template, tokenizer.padding_side, tokenizer.chat_control_tokens) == before
    assert_same(vectors(loaded(FAMILY)), expected)


def change_weight(folder: Path, part: str) -> None:
    tensors = load_file(folder / "model.safetensors")
    name = next(name for name in tensors if part in name)
    tensors[name] = tensors[name] + 0.1 * torch.randn(tensors[name].shape, generator=torch.Generator().manual_seed(0))
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def test_a_folder_whose_decoder_was_changed_is_refused(own_copy: Path) -> None:
    change_weight(own_copy, "layers.1.mlp.down_proj")
    with pytest.raises(ModelError, match="does not reproduce the vector saved with it") as error:
        load(own_copy)
    assert str(own_copy) in str(error.value)


def test_the_doctor_sees_a_vision_tower_that_was_changed(own_copy: Path, saved: Any) -> None:
    assert all(check.passed for check in checks.examine(load(saved(FAMILY))))
    change_weight(own_copy, "multi_modal_projector.linear_1.weight")
    failed = [check.name for check in checks.examine(load(own_copy)) if not check.passed]
    assert failed == ["probe vectors reproduced"]


def test_a_folder_with_another_tokenizer_is_refused(own_copy: Path) -> None:
    path = own_copy / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    vocabulary = content["model"]["vocab"]
    vocabulary["a"], vocabulary["e"] = vocabulary["e"], vocabulary["a"]
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ModelError, match="does not reproduce the vector saved with it"):
        load(own_copy)


def test_a_pixel_budget_is_kept_with_the_model(built: Any, tmp_path: Path) -> None:
    wide = Image.new("RGB", (400, 300), "red")
    full = Embedder.load(built("qwen2-vl"))
    small = Embedder.load(built("qwen2-vl"), max_pixels=56 * 56 * 2)
    small.save(tmp_path / "small")
    again = Embedder.load(tmp_path / "small")
    assert len(small.planner.prepare(wide).tensors["pixel_values"]) < len(
        full.planner.prepare(wide).tensors["pixel_values"]
    )
    np.testing.assert_array_equal(again.embed_images([wide]), small.embed_images([wide]))
    assert np.abs(full.embed_images([wide]) - small.embed_images([wide])).max() > 1e-3


def test_a_pixel_budget_is_refused_where_there_is_none(built: Any) -> None:
    with pytest.raises(InputError, match="no pixel budget"):
        Embedder.load(built("llava-clip-llama"), max_pixels=10_000)
    with pytest.raises(InputError, match="below the model's least"):
        Embedder.load(built("qwen2-vl"), max_pixels=1)

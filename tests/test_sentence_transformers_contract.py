"""What this package leans on in sentence-transformers, one behaviour a test: a new version says which it breaks."""

import importlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules.normalize import Normalize
from sentence_transformers.base.modules.transformer import Transformer
from sentence_transformers.sentence_transformer.modules.pooling import Pooling

from tiny_models import build_sentence_transformers, pictures


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_sentence_transformers(tmp_path_factory.mktemp("plain"), "llava-siglip-qwen2")


@pytest.fixture(scope="module")
def plain(folder: Path) -> SentenceTransformer:
    return SentenceTransformer(str(folder), device="cpu")


Calls = list[dict[str, Any]]


@pytest.fixture
def watched(plain: SentenceTransformer, monkeypatch: pytest.MonkeyPatch) -> Calls:
    """What reaches the processor's apply_chat_template: its messages and options."""
    calls: Calls = []
    render: Callable[..., Any] = plain[0].processor.apply_chat_template

    def record(messages: Any, **options: Any) -> Any:
        calls.append({"messages": messages, **options})
        return render(messages, **options)

    monkeypatch.setattr(plain[0].processor, "apply_chat_template", record)
    return calls


def kinds(call: dict[str, Any]) -> list[str]:
    return [part["type"] for part in call["messages"][0][-1]["content"]]


def test_the_order_of_a_dicts_keys_is_the_order_of_the_prompts_parts(plain: Any, watched: Calls) -> None:
    image = pictures()[0]
    plain.preprocess([{"image": image, "text": "make it red"}])
    plain.preprocess([{"text": "make it red", "image": image}])
    assert [kinds(call) for call in watched] == [["image", "text"], ["text", "image"]]


def test_a_picture_alone_a_text_alone_and_a_bare_string_are_one_user_message_each(plain: Any, watched: Calls) -> None:
    image = pictures()[0]
    for value in ({"image": image}, image, {"text": "red"}, "red"):
        plain.preprocess([value])
    assert [kinds(call) for call in watched] == [["image"], ["image"], ["text"], ["text"]]
    assert all([turn["role"] for turn in call["messages"][0]] == ["user"] for call in watched)


def test_a_prompt_becomes_a_system_message(plain: Any, watched: Calls) -> None:
    plain.preprocess(["red"], prompt="Be brief.")
    assert [turn["role"] for turn in watched[0]["messages"][0]] == ["system", "user"]


def test_chat_template_options_of_the_folder_reach_the_processor(folder: Path, tmp_path: Path) -> None:
    path = Path(shutil.copytree(folder, tmp_path / "model")) / "sentence_bert_config.json"
    options = {"add_generation_prompt": False, "sanitize_control_tokens": True}
    given = {"processing_kwargs": {"chat_template": options, "text": {"truncation": False}}}
    path.write_text(json.dumps(json.loads(path.read_text()) | given))
    model = SentenceTransformer(str(path.parent), device="cpu")
    seen: Calls = []
    render = model[0].processor.apply_chat_template
    model[0].processor.apply_chat_template = lambda messages, **kw: seen.append(kw) or render(messages, **kw)
    features = model.preprocess(["a <|im_end|> b"])
    assert seen[0]["add_generation_prompt"] is False
    assert seen[0]["sanitize_control_tokens"] is True
    assert seen[0]["processor_kwargs"]["text_kwargs"]["truncation"] is False
    end = model.tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert features["input_ids"].tolist()[0].count(end) == 1


@pytest.mark.parametrize("side", ["left", "right"])
def test_lasttoken_pooling_reads_the_last_real_token_on_either_side(side: str) -> None:
    states = torch.arange(24.0).reshape(2, 4, 3)
    mask = torch.tensor([[1, 1, 1, 1], [0, 0, 1, 1] if side == "left" else [1, 1, 0, 0]])
    pooling = Pooling(embedding_dimension=3, pooling_mode="lasttoken")
    pooled = pooling({"token_embeddings": states, "attention_mask": mask})["sentence_embedding"]
    last = 3 if side == "left" else 1
    assert pooled.tolist() == [states[0, 3].tolist(), states[1, last].tolist()]


def test_normalize_gives_unit_length() -> None:
    unit = Normalize()({"sentence_embedding": torch.tensor([[3.0, 4.0]])})["sentence_embedding"]
    np.testing.assert_allclose(unit, [[0.6, 0.8]], rtol=1e-6)


def test_the_modules_lie_where_modules_json_says(folder: Path) -> None:
    listed = [module["type"] for module in json.loads((folder / "modules.json").read_text())]
    found = [getattr(importlib.import_module(name.rpartition(".")[0]), name.rpartition(".")[2]) for name in listed]
    assert found == [Transformer, Pooling, Normalize]
    assert [f"{cls.__module__}.{cls.__qualname__}" for cls in found] == listed


def test_a_modules_own_settings_survive_saving(tmp_path: Path) -> None:
    Pooling(embedding_dimension=8, pooling_mode="lasttoken").save(str(tmp_path))
    assert json.loads((tmp_path / "config.json").read_text())["pooling_mode"] == "lasttoken"


def test_mixed_kinds_in_one_call_keep_their_order_and_equal_single_ones(plain: Any) -> None:
    image = pictures()[0]
    inputs = ["red", {"image": image, "text": "make it red and much longer than the others"}, {"image": image}, ""]
    together = plain.encode(inputs)
    alone = np.stack([plain.encode([value])[0] for value in inputs])
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-5)


def test_a_folder_without_modules_gets_mean_pooling_which_is_why_ours_lists_them(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        if path.is_file() and path.name not in ("modules.json", "sentence_bert_config.json"):
            (tmp_path / path.name).symlink_to(path)
    (tmp_path / "config_sentence_transformers.json").unlink()
    modules = list(SentenceTransformer(str(tmp_path), device="cpu"))
    assert [type(module) for module in modules] == [Transformer, Pooling]
    assert modules[1].pooling_mode == "mean"

"""`instructcir prompt` shows exactly what the model is fed, without reading a weight."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from cli_runs import json_lines, refused, run
from instructcir.cli.prompt import _abridged
from instructcir.model.prompts import names

Built = Callable[..., Path]


@pytest.fixture
def weightless(built: Built, tmp_path: Path) -> Path:
    """A LLaVA folder whose weights are gone."""
    folder = shutil.copytree(built("llava-clip-phi3"), tmp_path / "model")
    (folder / "model.safetensors").unlink()
    return folder


def test_list_names_every_set_with_its_wording() -> None:
    records = json_lines(run("prompt", "list", "--json"))
    assert [record["name"] for record in records] == names()
    shown = run("prompt", "list").stdout
    for record in records:
        assert f"{record['name']}: {record['about']}\n" in shown
        assert repr(record["query"]) in shown


def test_show_needs_no_weights(weightless: Path) -> None:
    shown = run("prompt", "show", weightless).stdout
    assert "prompt set: instructcir (the default: this model stores none)" in shown
    assert "gallery: 30 tokens, 16 of them patches of the picture" in shown
    assert r"'<s><|user|>\n<image>\n Describe this image in one word:<|end|>\n<|assistant|>\n'" in shown
    assert "prefix   18 ids: 1 486 487 x 16" in shown


@pytest.mark.parametrize("family", ["llava-clip-phi3", "qwen2-vl", "idefics3"])
def test_the_ids_shown_are_the_ids_fed(
    family: str, built: Built, loaded: Callable[..., object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from instructcir.items import ComposedQuery
    from instructcir.model.embedder import Embedder

    picture = Image.effect_noise((150, 90), 60).convert("RGB")
    picture.save(tmp_path / "a.png")
    text = "blue <image> </s> ü"
    arguments = ("prompt", "show", built(family), "--text", text, "--image", tmp_path / "a.png", "--json")
    records = {record["kind"]: record for record in json_lines(run(*arguments))}

    embedder = loaded(family)
    assert isinstance(embedder, Embedder)
    fed: list[tuple[int, ...]] = []
    for name in ("embed", "embed_cold"):
        monkeypatch.setattr(embedder.backbone, name, _spy(getattr(embedder.backbone, name), fed))
    embedder.embed_images([picture])
    embedder.embed_queries([ComposedQuery(picture, text)])
    embedder.embed_texts([text])
    for kind, ids in zip(("gallery", "query", "text"), fed, strict=True):
        assert tuple(records[kind]["prefix"] + records[kind]["suffix"]) == ids
        assert records[kind]["tokens"] == len(ids)
    assert records["gallery"]["image_tokens"] == records["query"]["image_tokens"] > 0
    assert records["query"]["size"] == "150 x 90"
    assert text in records["query"]["rendered"]


def _spy(whole: Callable[..., object], fed: list[tuple[int, ...]]) -> Callable[..., object]:
    def embed(rows: list, images: list) -> object:  # type: ignore[type-arg]
        fed.append(rows[0].prefix + rows[0].suffixes[0])
        return whole(rows, images)

    return embed


def test_show_says_where_the_prompts_come_from(built: Built, tmp_path: Path) -> None:
    run("save", built("qwen2-vl"), tmp_path / "saved", "--prompts", "e5-v")
    [first, *_] = json_lines(run("prompt", "show", tmp_path / "saved", "--json"))
    assert (first["prompts"], first["source"]) == ("e5-v", f"stored in {tmp_path / 'saved' / 'instructcir.json'}")
    [first, *_] = json_lines(run("prompt", "show", built("qwen2-vl"), "--prompts", "e5-v", "--json"))
    assert first["source"] == "named by --prompts"
    [first, *_] = json_lines(run("prompt", "show", built("sentence-transformers"), "--json"))
    assert first["source"].endswith("config_sentence_transformers.json")


def test_show_of_an_adapter_is_its_models(built: Built, tmp_path: Path) -> None:
    from tiny_models import build_lora

    adapter = build_lora(built("qwen2-vl"), tmp_path / "adapter")
    records = json_lines(run("prompt", "show", adapter, "--json"))
    plain = json_lines(run("prompt", "show", built("qwen2-vl"), "--json"))
    assert [record["suffix"] for record in records] == [record["suffix"] for record in plain]
    assert str(adapter) in records[0]["source"]


def test_what_cannot_be_shown_is_one_line(weightless: Path, tmp_path: Path) -> None:
    assert "no prompt set 'nonsense'" in refused("prompt", "show", weightless, "--prompts", "nonsense")
    assert "has no config.json" in refused("prompt", "show", tmp_path)
    assert refused("prompt", "show", weightless, "--image", tmp_path / "no.png").startswith(str(tmp_path / "no.png"))


def test_a_run_of_ids_is_abridged() -> None:
    assert _abridged([1, *[7] * 9, 2, 2]) == "1 7 x 9 2 2"
    assert _abridged([]) == ""

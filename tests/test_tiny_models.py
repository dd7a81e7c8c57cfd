import hashlib
import json
from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, AutoModelForImageTextToText, AutoTokenizer, LlavaForConditionalGeneration

from tiny_models import FAMILIES, build, build_lora, build_released, build_sentence_transformers, pictures

REPORT = ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs")


def load(folder: Path) -> torch.nn.Module:
    model, report = AutoModelForImageTextToText.from_pretrained(folder, output_loading_info=True)
    assert {name: report[name] for name in REPORT if report.get(name)} == {}
    return model.eval()


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_builds_and_loads_without_a_missing_or_an_unexpected_key(name: str, tmp_path: Path) -> None:
    FAMILIES[name](tmp_path)
    config = AutoConfig.from_pretrained(tmp_path)
    assert config.architectures == [type(load(tmp_path)).__name__]


@pytest.mark.parametrize("name", FAMILIES)
def test_building_twice_gives_the_same_bytes_and_another_seed_other_weights(name: str, tmp_path: Path) -> None:
    first, second = build(name, tmp_path / "a"), build(name, tmp_path / "b")
    other = build(name, tmp_path / "c", seed=1)
    assert digests(first) == digests(second)
    assert digests(first)["model.safetensors"] != digests(other)["model.safetensors"]


@pytest.mark.parametrize("name", FAMILIES)
def test_the_tokenizer_fits_the_model(name: str, tmp_path: Path) -> None:
    build(name, tmp_path)
    config = AutoConfig.from_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    vocabulary = config.get_text_config().vocab_size
    assert len(tokenizer) <= vocabulary < 700
    assert config.image_token_id in tokenizer.all_special_ids + list(tokenizer.added_tokens_decoder)
    text = 'Modify this image with "naïve\n日本", in one word:'
    assert tokenizer.decode(tokenizer(text, add_special_tokens=False).input_ids) == text


def test_settings_replace_those_of_one_part(tmp_path: Path) -> None:
    build("qwen3-vl", tmp_path, text={"num_hidden_layers": 2}, tokenizer={"padding_side": "right"})
    assert len(load(tmp_path).model.language_model.layers) == 2
    assert AutoTokenizer.from_pretrained(tmp_path).padding_side == "right"


def as_llava(folder: Path) -> torch.nn.Module:
    """The released layout under stock transformers, as the parity notes describe the mapping."""
    config = json.loads((folder / "config.json").read_text())
    config.update(model_type="llava", architectures=["LlavaForConditionalGeneration"])
    config["text_config"]["model_type"] = "llama"
    (folder / "config.json").write_text(json.dumps(config))
    model, report = LlavaForConditionalGeneration.from_pretrained(folder, output_loading_info=True)
    assert not report["missing_keys"]
    assert {name.split(".")[0] for name in report["unexpected_keys"]} <= {"ret_proj"}
    return model.eval()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"kv_heads": 2, "ret_proj": True},
        {"shards": 3},
        {"weights": "bin"},
        {"weights": "bin", "shards": 2, "long_limit": 96},
        {"hidden": 96, "heads": 6, "kv_heads": 3, "vision_hidden": 32, "layers": 2, "vision_layers": 4},
    ],
    ids=str,
)
def test_the_released_layout_holds_every_weight(options: dict[str, object], tmp_path: Path) -> None:
    model = as_llava(build_released(tmp_path, **options))
    rotary = model.model.language_model.rotary_emb
    assert rotary.config.rope_parameters["rope_type"] == "longrope"


def test_the_released_rope_changes_where_its_limit_is_crossed(tmp_path: Path) -> None:
    short = as_llava(build_released(tmp_path / "short", long_limit=96)).model
    long = as_llava(build_released(tmp_path / "long")).model
    ids = torch.arange(3, 103)[None] % 256 + 3
    with torch.no_grad():
        same = [model(input_ids=ids[:, :96]).last_hidden_state for model in (short, long)]
        far = [model(input_ids=ids).last_hidden_state for model in (short, long)]
    # The longrope attention factor depends on the limit too, so the two agree nowhere exactly.
    drift = [torch.cosine_similarity(a[0, 50], b[0, 50], dim=0) for a, b in (same, far)]
    assert drift[1] < drift[0]


def test_the_sentence_transformers_folder_lists_its_modules(tmp_path: Path) -> None:
    build_sentence_transformers(tmp_path)
    load(tmp_path)
    modules = json.loads((tmp_path / "modules.json").read_text())
    assert [module["type"].rsplit(".", 1)[1] for module in modules] == ["Transformer", "Pooling", "Normalize"]
    assert json.loads((tmp_path / "1_Pooling/config.json").read_text())["pooling_mode"] == "lasttoken"


@pytest.mark.parametrize("name", ["llava-clip-llama", "llava-clip-phi3", "llava-siglip-qwen2", "gemma3", "idefics3"])
def test_plain_sentence_transformers_loads_the_families_that_need_no_torchvision(name: str, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    build_sentence_transformers(tmp_path, name)
    model = SentenceTransformer(str(tmp_path), device="cpu")
    image = pictures()[0]
    texts = torch.from_numpy(model.encode(["a red dress", "two dogs at night"]))
    images = torch.from_numpy(model.encode([image, pictures()[3]])) if name != "llava-clip-phi3" else texts
    for vectors in (texts, images):
        assert torch.allclose(vectors.norm(dim=1), torch.ones(2), atol=1e-5)
        assert vectors[0] @ vectors[1] < 0.99


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
@pytest.mark.parametrize("name", ["qwen3-vl", "llava-clip-phi3", "idefics3"])
def test_a_lora_adapter_changes_the_model_it_was_made_for(name: str, tmp_path: Path) -> None:
    from peft import PeftModel

    base = build(name, tmp_path / "base")
    adapter = build_lora(base, tmp_path / "adapter")
    again = build_lora(base, tmp_path / "again")
    assert digests(adapter)["adapter_model.safetensors"] == digests(again)["adapter_model.safetensors"]
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.no_grad():
        before = load(base)(input_ids=ids).logits
        after = PeftModel.from_pretrained(load(base), adapter)(input_ids=ids).logits
    assert (before - after).abs().max() > 0.1


def test_the_pictures_are_always_the_same_and_all_rgb() -> None:
    first, second = pictures(), pictures()
    assert [image.tobytes() for image in first] == [image.tobytes() for image in second]
    assert {image.mode for image in first} == {"RGB"}
    assert (1, 1) in {image.size for image in first}

"""What this package leans on in transformers, one behaviour a test: a new version that breaks one says which."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModelForImageTextToText,
    AutoProcessor,
    AutoTokenizer,
    PreTrainedTokenizerFast,
)
from transformers.models.auto.auto_mappings import PROCESSOR_MAPPING_NAMES
from transformers.models.auto.configuration_auto import model_type_to_module_name
from transformers.utils.chat_template_utils import encode_marked_chat, mark_control_tokens

from tiny_models import FAMILIES, pictures

Built = Callable[..., Path]
FAMILY = "llava-clip-phi3"
CONTROL = re.compile(re.escape("<|end|>") + "|" + re.escape("<image>"))


@pytest.fixture(scope="module")
def tokenizer(built: Built) -> Any:
    return AutoTokenizer.from_pretrained(built(FAMILY))


def test_marks_go_around_control_tokens_and_cannot_be_typed() -> None:
    assert mark_control_tokens("a <|end|> b", CONTROL) == "a \U000f0000<|end|>\U000f0001 b"
    assert mark_control_tokens("\U000f0000x\U000f0001", CONTROL) == "x"
    assert mark_control_tokens("<im\U000f0001age>", CONTROL) == "\U000f0000<image>\U000f0001"
    assert mark_control_tokens("nothing {{ here }}", CONTROL) == "nothing {{ here }}"


def test_a_marked_token_is_encoded_as_text_and_an_unmarked_one_as_itself(tokenizer: Any) -> None:
    end = tokenizer.convert_tokens_to_ids("<|end|>")
    marked = encode_marked_chat(tokenizer, "a " + mark_control_tokens("<|end|>", CONTROL) + " b<|end|>")
    assert marked.count(end) == 1
    assert marked[-1] == end
    assert tokenizer.decode(marked) == "a <|end|> b<|end|>"
    assert tokenizer.bos_token_id not in marked


def test_text_without_marks_is_encoded_as_ever(tokenizer: Any) -> None:
    for text in ("<|user|>\n<image>make it red<|end|>\n", "  spaced  ", "", "日本"):
        assert encode_marked_chat(tokenizer, text) == tokenizer(text, add_special_tokens=False)["input_ids"]


def test_a_token_that_plain_text_itself_makes_is_an_error(built: Built) -> None:
    own = AutoTokenizer.from_pretrained(built("llava-siglip-qwen2"))
    piece = own.decode(own("red dress", add_special_tokens=False)["input_ids"][:1])
    own.add_tokens([piece], special_tokens=True)
    with pytest.raises(ValueError, match="Can't sanitize"):
        encode_marked_chat(own, mark_control_tokens(piece, re.compile(re.escape(piece))))


def test_a_loading_report_names_missing_unexpected_and_mis_shaped_weights(built: Built, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(built(FAMILY), tmp_path / "model"))
    tensors = load_file(folder / "model.safetensors")
    norm = "model.layers.1.input_layernorm.weight"
    key = next(name for name in tensors if name.endswith(norm))
    tensors[key] = torch.ones(63)
    del tensors[next(name for name in tensors if name.endswith("layers.0.input_layernorm.weight"))]
    tensors["model.surprise.weight"] = torch.ones(2)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    _, report = AutoModelForImageTextToText.from_pretrained(
        folder, output_loading_info=True, ignore_mismatched_sizes=True, weights_only=True, trust_remote_code=False
    )
    assert [name.split(".", 1)[1] for name in report["missing_keys"]] == [
        "language_model.layers.0.input_layernorm.weight"
    ]
    [(name, found, wanted)] = report["mismatched_keys"]
    assert name.endswith("layers.1.input_layernorm.weight")
    assert (tuple(found), tuple(wanted)) == ((63,), (64,))
    assert [name for name in report["unexpected_keys"] if "surprise" in name]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_pillow_image_processor_is_had_for_every_family(family: str, built: Built) -> None:
    processor = AutoImageProcessor.from_pretrained(built(family), backend="pil")
    assert type(processor).__name__.endswith("Pil")


@pytest.mark.parametrize("family", ["llava-clip-llama", "llava-clip-phi3", "llava-siglip-qwen2", "gemma3", "idefics3"])
def test_a_processor_says_what_its_placeholder_becomes(family: str, built: Built) -> None:
    processor = AutoProcessor.from_pretrained(built(family), backend="pil")
    batch = processor(
        images=[pictures()[0]],
        text=[processor.image_token],
        return_tensors="pt",
        add_special_tokens=False,
        return_text_replacement_offsets=True,
    )
    expansion = batch["text_replacement_offsets"][0][0]["replacement"]
    ids = processor.tokenizer(expansion, add_special_tokens=False)["input_ids"]
    assert ids == batch["input_ids"].tolist()[0]
    assert set(processor.image_token_ids) & set(ids)
    without = processor(images=[pictures()[0]], text=[processor.image_token])
    assert "text_replacement_offsets" not in without


def test_a_processor_class_lists_its_parts_and_its_settings(built: Built) -> None:
    processor = AutoProcessor.from_pretrained(built(FAMILY), backend="pil")
    assert {"image_processor", "tokenizer"} <= set(type(processor).get_attributes())
    settings, _ = type(processor).get_processor_dict(str(built(FAMILY)), local_files_only=True)
    assert settings["patch_size"] == 14
    parts = [getattr(processor, name) for name in type(processor).get_attributes()]
    again = type(processor).from_args_and_dict(parts, {"chat_template": None, **settings})
    assert (again.patch_size, again.tokenizer) == (14, processor.tokenizer)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_tables_of_processors_know_every_family(family: str, built: Built) -> None:
    kind = AutoConfig.from_pretrained(built(family)).model_type
    assert PROCESSOR_MAPPING_NAMES[kind].endswith("Processor")
    assert (Path(str(torch.__file__)).parents[1] / "transformers" / "models" / model_type_to_module_name(kind)).is_dir()


def test_auto_tokenizer_still_gives_the_released_folder_other_ids(built: Built) -> None:
    text = "<|user|>\n<image>\n Describe this image in one word:<|end|>\n<|assistant|>\n"
    as_it_is, rebuilt = (
        cls.from_pretrained(built("released"))(text)["input_ids"] for cls in (PreTrainedTokenizerFast, AutoTokenizer)
    )
    assert as_it_is == [1, *as_it_is[1:]]
    assert as_it_is != rebuilt  # else the special case in loading.py may go


def test_control_tokens_named_by_a_tokenizer_are_saved_with_it(tmp_path: Path, built: Built) -> None:
    own = AutoTokenizer.from_pretrained(built(FAMILY))
    own.chat_control_tokens = ["</s>", "<image>"]
    own.save_pretrained(tmp_path)
    assert AutoTokenizer.from_pretrained(tmp_path).chat_control_tokens == ["</s>", "<image>"]

"""A saved model: an ordinary sentence-transformers folder whose chat template asks this model's own prompts.

Loaded there, {"image": ..., "text": modification}, {"image": ...} and a bare string give the vectors that composed
queries, gallery images and texts have here. What this package needs beyond that lies in `instructcir.json`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from instructcir.files import atomic_folder
from instructcir.model.loading import OWN_FILE, Checkpoint
from instructcir.model.prompts import IMAGE, Kind
from instructcir.model.reading import read_json
from instructcir.model.rendering import ChatRenderer, plain_added_tokens
from instructcir.version import __version__

_FORMAT = 1


def save_folder(folder: Path, checkpoint: Checkpoint, probes: dict[str, Any], shares_prefix: bool) -> None:
    """Write a model folder; it appears complete or not at all.

    Args:
        folder: must not exist, or be empty.
        checkpoint: what to write.
        probes: inputs and the vectors that the model gave for them.
        shares_prefix: whether prompts on one picture were found to share its work rightly.

    Raises:
        InputError: the folder holds other files, or cannot be written.
    """
    with atomic_folder(folder) as target:
        _save_weights(target, checkpoint)
        _save_processor(target, checkpoint)
        _save_modules(target, checkpoint)
        own = {
            "format": _FORMAT,
            "version": __version__,
            "prompts": checkpoint.prompts.to_dict(),
            "chat_template": checkpoint.chat_template,
            "pixels": _plain(checkpoint.processor.image_processor.to_dict()),
            "shares_prefix": shares_prefix,
            "probes": probes,
        }
        _write(target / OWN_FILE, own)


def _save_weights(folder: Path, checkpoint: Checkpoint) -> None:
    """Weights in the type they were loaded in: on some processors the backbone keeps part of them in a wider one."""
    stored, kept = checkpoint.placement.stored, {}
    converted: dict[int, torch.Tensor] = {}  # weights that are shared stay shared
    for name, tensor in checkpoint.model.state_dict().items():
        kept[name] = tensor
        if tensor.is_floating_point() and tensor.dtype != stored:
            kept[name] = converted.setdefault(tensor.data_ptr(), tensor.to(stored))
    checkpoint.model.save_pretrained(folder, state_dict=kept)
    config = read_json(folder / "config.json")
    _write(folder / "config.json", config | {"dtype": str(stored).removeprefix("torch.")})


def _save_processor(folder: Path, checkpoint: Checkpoint) -> None:
    tokenizer, processor = checkpoint.tokenizer, checkpoint.processor
    template = wrapping_template(checkpoint)
    kept = tokenizer.chat_template, tokenizer.padding_side, getattr(tokenizer, "chat_control_tokens", None)
    # right padding leaves every token in its place; all added tokens are control tokens, so that typed ones are text
    tokenizer.chat_template, tokenizer.padding_side = template, "right"
    tokenizer.chat_control_tokens = plain_added_tokens(tokenizer)
    try:
        tokenizer.save_pretrained(folder)
    finally:
        tokenizer.chat_template, tokenizer.padding_side, tokenizer.chat_control_tokens = kept
    processor.image_processor.save_pretrained(folder)
    settings = {key: value for key, value in processor.to_dict().items() if key in processor_settings(processor)}
    _write(folder / "processor_config.json", {"processor_class": type(processor).__name__, **_plain(settings)})
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    for name in ("video_preprocessor_config.json", "generation_config.json"):
        if (checkpoint.folder / name).exists() and not (folder / name).exists():
            (folder / name).write_bytes((checkpoint.folder / name).read_bytes())


def processor_settings(processor: Any) -> set[str]:
    """Names of a processor's own settings: its constructor's parameters that are no parts of it."""
    code = type(processor).__init__.__code__
    parameters = set(code.co_varnames[: code.co_argcount]) - {"self", "chat_template"}
    return parameters - set(type(processor).get_attributes())


def tells_typed_tokens(checkpoint: Checkpoint) -> bool:
    """Whether the processor itself can tell control tokens that a user typed from the template's own.

    Some look up characters in the tokenizer's output, which that way of encoding does not keep; in plain
    sentence-transformers such a model reads a typed control token as one.
    """
    processor: Any = checkpoint.processor
    try:
        processor(
            images=[Image.new("RGB", (64, 64))],
            text=[processor.image_token],
            add_special_tokens=False,
            sanitize_control_tokens=True,
        )
    except ValueError:
        return False
    return True


def _save_modules(folder: Path, checkpoint: Checkpoint) -> None:
    # Here, since a fifth of a search's start would go into importing it, and only saving needs it.
    from sentence_transformers.base.modules.normalize import Normalize
    from sentence_transformers.sentence_transformer.modules.pooling import Pooling

    way = {"method": "forward", "method_output_name": "last_hidden_state"}
    chat = {
        "add_generation_prompt": checkpoint.prompts.add_generation_prompt,
        "sanitize_control_tokens": tells_typed_tokens(checkpoint),
    }
    transformer = {
        "transformer_task": "feature-extraction",
        "processor_kwargs": {"backend": "pil"},  # torchvision resizes otherwise, and would give other pixels
        "modality_config": {"text": way, "image": way, "image+text": way, "message": {**way, "format": "structured"}},
        "module_output_name": "token_embeddings",
        "processing_kwargs": {"chat_template": chat, "text": {"truncation": False}},
    }
    _write(folder / "sentence_bert_config.json", transformer)
    _write(
        folder / "config_sentence_transformers.json",
        {"model_type": "SentenceTransformer", "similarity_fn_name": "cosine"},
    )
    width = checkpoint.model.config.get_text_config(decoder=True).hidden_size
    modules = [("", "sentence_transformers.base.modules.transformer.Transformer")]
    for module in (Pooling(embedding_dimension=width, pooling_mode="lasttoken"), Normalize()):
        name = f"{len(modules)}_{type(module).__name__}"
        (folder / name).mkdir()
        module.save(str(folder / name))
        modules.append((name, f"{type(module).__module__}.{type(module).__qualname__}"))
    _write(
        folder / "modules.json",
        [{"idx": i, "name": str(i), "path": path, "type": kind} for i, (path, kind) in enumerate(modules)],
    )


def wrapping_template(checkpoint: Checkpoint) -> str:
    """A chat template that turns one user message into this model's prompt, and then into the model's own chat.

    A message with a picture and a text part becomes a composed query, with a picture alone a gallery image, with text
    alone a text. The model's own template follows unchanged.
    """
    renderer = ChatRenderer(
        checkpoint.tokenizer,
        checkpoint.chat_template,
        checkpoint.processor.image_token,  # type: ignore[attr-defined]
        checkpoint.prompts,
    )
    lines = [
        "{%- set said = namespace(image=false, written=false, text='') -%}",
        "{%- for part in (messages[-1]['content'] if messages[-1]['content'] is not string else "
        "[{'type': 'text', 'text': messages[-1]['content']}]) -%}",
        "{%- if part['type'] == 'image' -%}{%- set said.image = true -%}{%- endif -%}",
        "{%- if part['type'] == 'text' -%}{%- set said.written = true -%}"
        "{%- set said.text = said.text + part['text'] -%}{%- endif -%}",
        "{%- endfor -%}",
        "{%- if said.image and said.written -%}" + _messages(renderer, "query") + "{%- elif said.image -%}",
        _messages(renderer, "gallery") + "{%- else -%}" + _messages(renderer, "text") + "{%- endif -%}",
    ]
    if renderer.adds_special_ids:
        # the tokenizer's own leading token, written out: typed control tokens are only told apart in a whole chat
        lines.append("{{- bos_token -}}")
    return "".join(lines) + "{{- '' }}" + checkpoint.chat_template


def _messages(renderer: ChatRenderer, kind: Kind) -> str:
    """Jinja that sets `messages` to the prompt of one kind of input."""
    prompts = renderer.prompts
    text = " ~ said.text ~ ".join(json.dumps(piece, ensure_ascii=False) for piece in prompts.pieces(kind))
    if renderer.takes_only_strings:
        content = text.replace(IMAGE, renderer.image_token)
    elif kind == "text":
        content = "[{'type': 'text', 'text': " + text + "}]"
    else:
        before, _, after = text.partition(IMAGE)
        parts = [f"{{'type': 'text', 'text': {before}\"}}" if before != '"' else "", "{'type': 'image'}"]
        parts.append(f"{{'type': 'text', 'text': \"{after}}}" if after != '"' else "")
        content = "[" + ", ".join(part for part in parts if part) + "]"
    turns = ["{'role': 'user', 'content': " + content + "}"]
    if system := prompts.system_turn(kind):
        quoted = json.dumps(system, ensure_ascii=False)
        said = quoted if renderer.takes_only_strings else "[{'type': 'text', 'text': " + quoted + "}]"
        turns.insert(0, "{'role': 'system', 'content': " + said + "}")
    return "{%- set messages = [" + ", ".join(turns) + "] -%}"


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Only what JSON can hold."""
    return json.loads(json.dumps(values, default=str))  # type: ignore[no-any-return]


def _write(path: Path, values: Any) -> None:
    path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

"""What turns a model folder into an embedder: sentence-transformers' files, a LoRA adapter."""

import json
import warnings
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModel, AutoModelForImageTextToText

from tiny_weights import random_tensor, write_json

PROMPTS = {
    "query": "Retrieve the image that the user's input asks for.",
    "document": "Represent the user's input.",
}
DECODER_ATTENTION = r".*(language_model|text_model)\.layers\.\d+\.self_attn\.(q_proj|v_proj|qkv_proj)"


def _hidden_size(folder: Path) -> int:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    size: int = config.get("text_config", config)["hidden_size"]
    return size


def write_sentence_transformers(folder: Path) -> None:
    """Add to a model folder the files that `SentenceTransformer(folder)` reads.

    A template in `tokenizer_config.json` alone is not seen by a processor, so then there is no "message" modality.
    """
    modules = {
        "": "sentence_transformers.base.modules.transformer.Transformer",
        "1_Pooling": "sentence_transformers.sentence_transformer.modules.pooling.Pooling",
        "2_Normalize": "sentence_transformers.base.modules.normalize.Normalize",
    }
    write_json(
        folder / "modules.json",
        [
            {"idx": index, "name": str(index), "path": path, "type": kind}
            for index, (path, kind) in enumerate(modules.items())
        ],
    )
    way = {"method": "forward", "method_output_name": "last_hidden_state"}
    modalities: dict[str, Any] = {"text": way, "image": way}
    if any(folder.glob("chat_template.*")):
        modalities["message"] = {**way, "format": "structured"}
    write_json(
        folder / "sentence_bert_config.json",
        {
            "transformer_task": "feature-extraction",
            "modality_config": modalities,
            "module_output_name": "token_embeddings",
            "processing_kwargs": {"chat_template": {"add_generation_prompt": True}},
            "unpad_inputs": False,
        },
    )
    write_json(
        folder / "config_sentence_transformers.json",
        {
            "__version__": {"pytorch": "2.13.0", "sentence_transformers": "6.2.0", "transformers": "5.23.0"},
            "default_prompt_name": "document",
            "model_type": "SentenceTransformer",
            "prompts": PROMPTS,
            "similarity_fn_name": "cosine",
        },
    )
    settings: dict[str, dict[str, Any]] = {
        "1_Pooling": {"embedding_dimension": _hidden_size(folder), "pooling_mode": "lasttoken", "include_prompt": True},
        "2_Normalize": {"module_input_name": "sentence_embedding", "module_output_name": "sentence_embedding"},
    }
    for name, config in settings.items():
        (folder / name).mkdir(exist_ok=True)
        write_json(folder / name / "config.json", config)


@torch.no_grad()
def write_lora(base_folder: Path | str, folder: Path | str, seed: int = 0, *, head: bool = True) -> Path:
    """Write a peft LoRA adapter for `base_folder` into `folder`: decoder attention only, B not zero.

    With `head` its keys are those of the model with its language head (`base_model.model.model...`), without it
    those of the bare model (`base_model.model...`), which is what sentence-transformers trains.
    """
    kind = AutoModelForImageTextToText if head else AutoModel
    model = kind.from_pretrained(base_folder)
    lora = LoraConfig(r=4, lora_alpha=8, target_modules=DECODER_ATTENTION, task_type=None)
    with warnings.catch_warnings():  # peft 0.21 reads a property that transformers 5.23 deprecates
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        adapted = get_peft_model(model, lora)
    for name, parameter in adapted.named_parameters():
        if "lora_" in name:
            parameter.copy_(random_tensor(name, tuple(parameter.shape), seed))
    adapted.save_pretrained(folder)
    return Path(folder)

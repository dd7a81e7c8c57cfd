"""Tokenizers of the two common kinds, trained in code on a small text of our own.

`byte_level` is the GPT-2 / Qwen / Llama-3 kind, `piece_level` the Llama-2 / Phi-3 /
Gemma kind (pieces with byte fallback). Both return the text of a `tokenizer.json`.
"""

import functools
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from tokenizers import Regex, Tokenizer, decoders, models, normalizers
from tokenizers import pre_tokenizers as pre
from tokenizers.trainers import BpeTrainer

TEXT = """
Describe this image in one word: a red dress with long sleeves and a round neck.
Modify this image with "make it blue and shorter", describe the modified image in
one word. Summary above sentence in one word. Find a picture like this one, but with
two dogs instead of a cat, at night, seen from above, without people. The shirt is
darker, has stripes and a pocket; the skirt is plain, green, and has a flower print.
A wide street with old houses, cars and a bridge over the river under a cloudy sky.
You are a helpful assistant. Represent the user's input. User: Assistant: system
Show the same bag in yellow leather. Is it more formal? No, it is casual and bright.
Change the style of this toptee to is white and has fewer buttons. 0 1 2 3 4 5 6 7 8 9
"""
QWEN_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


class Added(NamedTuple):
    """One added token; its id is its place in the vocabulary or after it."""

    content: str
    special: bool = True
    rstrip: bool = False
    normalized: bool = False

    def entry(self) -> dict[str, Any]:
        """The token's properties as tokenizer files write them, without the id."""
        return {
            "content": self.content,
            "lstrip": False,
            "normalized": self.normalized,
            "rstrip": self.rstrip,
            "single_word": False,
            "special": self.special,
        }


def _lines() -> list[str]:
    return [line for line in TEXT.strip().splitlines() if line]


@functools.cache
def _byte_level_model(merges: int) -> tuple[dict[str, int], tuple[Any, ...]]:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = _byte_pre_tokenizer()
    alphabet = sorted(pre.ByteLevel.alphabet())
    trainer = BpeTrainer(vocab_size=256 + merges, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(_lines(), trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], tuple(model["merges"])


def _byte_pre_tokenizer() -> pre.PreTokenizer:
    return pre.Sequence(
        [
            pre.Split(Regex(QWEN_SPLIT), behavior="isolated"),
            pre.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


@functools.cache
def _piece_level_pieces(merges: int) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    tokenizer = Tokenizer(models.BPE(fuse_unk=True, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre.Metaspace(prepend_scheme="always")
    letters = sorted(set("".join(_lines()).replace(" ", "\u2581")) | set("\n{}<>|'-"))
    trainer = BpeTrainer(
        vocab_size=len(letters) + merges,
        initial_alphabet=letters,
        special_tokens=[],
        show_progress=False,
    )
    tokenizer.train_from_iterator(_lines(), trainer)
    model = json.loads(tokenizer.to_str())["model"]
    by_id = sorted(model["vocab"], key=model["vocab"].__getitem__)
    return tuple(by_id), tuple(model["merges"])


def _bos_processor(bos: str, bos_id: int) -> dict[str, Any]:
    def special(kind: int) -> dict[str, Any]:
        return {"SpecialToken": {"id": bos, "type_id": kind}}

    def sequence(name: str, kind: int) -> dict[str, Any]:
        return {"Sequence": {"id": name, "type_id": kind}}

    return {
        "type": "TemplateProcessing",
        "single": [special(0), sequence("A", 0)],
        "pair": [special(0), sequence("A", 0), special(1), sequence("B", 1)],
        "special_tokens": {bos: {"id": bos, "ids": [bos_id], "tokens": [bos]}},
    }


def _finish(tokenizer: dict[str, Any], added: Sequence[Added], bos: str | None) -> str:
    vocab = tokenizer["model"]["vocab"]
    entries, following = [], len(vocab)
    for token in added:
        number = vocab.get(token.content)
        if number is None:
            number, following = following, following + 1
        entries.append({"id": number, **token.entry()})
    tokenizer["added_tokens"] = sorted(entries, key=lambda entry: entry["id"])
    if bos is not None:
        numbers = {entry["content"]: entry["id"] for entry in entries}
        tokenizer["post_processor"] = _bos_processor(bos, numbers[bos])
    return json.dumps(tokenizer, indent=2, ensure_ascii=False)


def byte_level(added: Sequence[Added], bos: str | None = None, merges: int = 160) -> str:
    """A byte-level BPE `tokenizer.json`; `bos` is put before every text if given."""
    vocab, merge_list = _byte_level_model(merges)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = _byte_pre_tokenizer()
    tokenizer.decoder = decoders.ByteLevel()
    content = json.loads(tokenizer.to_str())
    content["model"].update(vocab=vocab, merges=merge_list)
    return _finish(content, added, bos)


def piece_level(
    first: Sequence[str],
    added: Sequence[Added],
    bos: str,
    prepend: bool = True,
    merges: int = 160,
) -> str:
    """A Llama-like `tokenizer.json`: `first`, 256 bytes, then pieces, then `added`.

    `prepend` writes a space before every text (Llama-2, Phi-3; not Gemma).
    """
    pieces, merge_list = _piece_level_pieces(merges)
    tokens = [*first, *(f"<0x{byte:02X}>" for byte in range(256)), *pieces]
    space = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
    back = {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}
    strip = [{"type": "Strip", "content": " ", "start": 1, "stop": 0}]
    before = {"type": "Prepend", "prepend": "\u2581"}
    content = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {"type": "Sequence", "normalizers": [before, space]} if prepend else space,
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": {
            "type": "Sequence",
            "decoders": [back, {"type": "ByteFallback"}, {"type": "Fuse"}] + (strip if prepend else []),
        },
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<unk>",
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": True,
            "byte_fallback": True,
            "ignore_merges": False,
            "vocab": {token: number for number, token in enumerate(tokens)},
            "merges": merge_list,
        },
    }
    return _finish(content, added, bos)


def token_ids(tokenizer_json: str) -> dict[str, int]:
    """Every token's id, added tokens included."""
    content = json.loads(tokenizer_json)
    ids: dict[str, int] = dict(content["model"]["vocab"])
    ids.update({entry["content"]: entry["id"] for entry in content["added_tokens"]})
    return ids


def tokenizer_config(tokenizer_json: str, **settings: Any) -> dict[str, Any]:
    """A `tokenizer_config.json` that lists the tokenizer's added tokens."""
    entries = json.loads(tokenizer_json)["added_tokens"]
    decoder = {str(entry["id"]): {k: v for k, v in entry.items() if k != "id"} for entry in entries}
    config = {
        "added_tokens_decoder": decoder,
        "clean_up_tokenization_spaces": False,
        "model_max_length": 131072,
        **settings,
    }
    return dict(sorted(config.items()))

"""Prompts as data: what a model is asked about a gallery image, a composed query and a text; named sets, storage."""

from __future__ import annotations

import re
import tomllib
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from importlib import resources
from typing import Any, Literal, Self

from instructcir.errors import PromptError

Kind = Literal["gallery", "query", "text"]
KINDS: tuple[Kind, ...] = ("gallery", "query", "text")

IMAGE = "<image>"
"""Where the picture stands in a prompt; each model's own placeholder takes its place."""

_SLOT = {"query": "{modification}", "text": "{text}"}


@dataclass(frozen=True, slots=True)
class PromptSet:
    """The three prompts of a model. Each is the user turn of the model's chat template.

    Attributes:
        name: name of the set.
        gallery: prompt of a gallery image; holds `<image>` once.
        query: prompt of a composed query; holds `<image>` once and `{modification}` at least once.
        text: prompt of a plain text; holds `{text}` at least once.
        system: system turn of gallery prompts, or None for none.
        query_system: system turn of composed queries; None means the one of `system`.
        text_system: system turn of texts; None means the one of `system`.
        add_generation_prompt: whether the assistant's opening follows the user turn.
        about: where the wording comes from.
    """

    name: str
    gallery: str
    query: str
    text: str
    system: str | None = None
    query_system: str | None = None
    text_system: str | None = None
    add_generation_prompt: bool = True
    about: str = ""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            optional = value is None and "system" in field.name
            if not optional and not isinstance(value, bool if field.name == "add_generation_prompt" else str):
                raise PromptError(f"prompt set {self.name!r}: {field.name} is {value!r}")
        for kind in KINDS:
            images = self.user(kind).count(IMAGE)
            if images != (kind != "text"):
                raise PromptError(
                    f"prompt set {self.name!r}: the {kind} prompt holds {IMAGE} {images} times; "
                    f"it must hold it {'once' if kind != 'text' else 'never'}"
                )
            slot = _SLOT.get(kind)
            if slot and slot not in self.user(kind):
                raise PromptError(f"prompt set {self.name!r}: the {kind} prompt lacks {slot}")

    def user(self, kind: Kind) -> str:
        """The user turn's template of one kind of input."""
        return {"gallery": self.gallery, "query": self.query, "text": self.text}[kind]

    def system_turn(self, kind: Kind) -> str | None:
        """The system turn of one kind of input, or None for none."""
        own = {"gallery": self.system, "query": self.query_system, "text": self.text_system}[kind]
        return self.system if own is None else own

    def pieces(self, kind: Kind) -> tuple[str, ...]:
        """The user turn split at its slots: the user's own text goes between each two pieces."""
        slot = _SLOT.get(kind)
        return tuple(self.user(kind).split(slot)) if slot else (self.user(kind),)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `from_dict` reads them back."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read what `to_dict` wrote.

        Raises:
            PromptError: an unknown or missing key, or a prompt without its slots.
        """
        try:
            return cls(**values)
        except TypeError as error:
            raise PromptError(f"prompt set {values.get('name', '?')!r}: {error}") from None


@cache
def _named() -> dict[str, PromptSet]:
    text = resources.files("instructcir.model").joinpath("prompt_sets.toml").read_text(encoding="utf-8")
    return {name: PromptSet(name=name, **values) for name, values in tomllib.loads(text).items()}


def names() -> list[str]:
    """Names of the prompt sets that come with the package."""
    return list(_named())


def named(name: str) -> PromptSet:
    """A prompt set by its name.

    Raises:
        PromptError: there is no such set; the message lists those there are.
    """
    try:
        return _named()[name]
    except KeyError:
        raise PromptError(f"no prompt set {name!r}; there are: {', '.join(_named())}") from None


def from_sentence_transformers(prompts: dict[str, str], default_name: str | None, chat: dict[str, Any]) -> PromptSet:
    """The prompts of a ready sentence-transformers embedder, whose prompts are system turns.

    Args:
        prompts: `prompts` of its config_sentence_transformers.json.
        default_name: its `default_prompt_name`.
        chat: the chat-template options of its Transformer module (`add_generation_prompt`).
    """
    default = prompts.get(default_name or "") or None
    document = next((prompts[name] for name in ("document", "passage", "corpus") if prompts.get(name)), default)
    query = prompts.get("query") or default
    return replace(
        named("qwen3-vl-embedding"),
        name="sentence-transformers",
        system=document,
        query_system=query,
        text_system=query,
        add_generation_prompt=bool(chat.get("add_generation_prompt", False)),
        about="the model's own prompts, from its config_sentence_transformers.json",
    )


def check_name(name: str) -> str:
    """`name` itself if it can name a prompt set.

    Raises:
        PromptError: it holds other characters than letters, digits, dots and dashes.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.\-]*", name):
        raise PromptError(f"{name!r} cannot name a prompt set: use letters, digits, dots and dashes")
    return name

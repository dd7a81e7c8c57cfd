"""Prompts as files: what a model is told, with examples, and a source's part filled in."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from instructcir.errors import PromptError
from instructcir.synthesis.asking import Question, Turn
from instructcir.synthesis.planning import Order
from instructcir.synthesis.writer import Task
from instructcir.synthesis.written import Picture

_TOKENS_EACH = 160  # of one triplet as JSON, generously
_TOKENS_ALL = 200


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is told.

    Attributes:
        hash: of the file, 16 hexadecimal digits.
        system: the task; empty for none.
        user: what is said about a source.
        user_of_two: what is said about two pictures.
        order: one line of the orders.
        examples: earlier turns of the conversation.
    """

    hash: str
    system: str
    user: str
    user_of_two: str
    order: str
    examples: tuple[Turn, ...]

    def question(self, task: Task, schema: Mapping[str, Any], *, shown: bool = False) -> Question:
        """What to ask about a source.

        Args:
            task: the source and what is wanted.
            schema: that the answer has to follow.
            shown: whether the model sees the pictures too.
        """
        source = task.source
        pictures: tuple[Picture, ...] = ()
        if shown:
            pictures = tuple(one for one in (source.image, source.target) if one is not None)
        said = self._asked(source.caption, source.target_caption, task.orders)
        system = (Turn("system", self.system),) if self.system else ()
        turns = (*system, *self.examples, Turn("user", said, pictures))
        return Question(turns, schema, _TOKENS_ALL + _TOKENS_EACH * len(task.orders))

    def _asked(self, caption: str, target_caption: str, orders: Sequence[Order]) -> str:
        template = self.user_of_two if target_caption else self.user
        return _filled(template, self.order, caption, target_caption, orders)


def read_prompt(path: str | Path | None = None) -> Prompt:
    """The prompt that has triplets written.

    Args:
        path: a file of one's own; None for the package's.

    Raises:
        PromptError: it cannot be read, is no TOML, or lacks something.
    """
    name, content, values = _read(path, "triplets.toml")
    user = _text(name, values, "user", needs=("{caption}", "{orders}"))
    order = _text(name, values, "order", needs=("{number}", "{kind}", "{style}"))
    of_two = _text(name, values, "user_of_two", needs=("{caption}", "{target_caption}", "{orders}"), optional=True)
    examples: list[Turn] = []
    for number, example in enumerate(values.get("example", []), 1):
        try:
            orders = [Order(one["kind"], one["style"], one["aspect"]) for one in example["orders"]]
            answer = [{"number": at, **one} for at, one in enumerate(example["triplets"], 1)]
            asked = _filled(user, order, example["caption"], "", orders)
        except (KeyError, TypeError) as error:
            raise PromptError(f"{name}: example {number} lacks {error}; see the package's own prompt") from None
        said = json.dumps({"triplets": answer}, ensure_ascii=False)
        examples += [Turn("user", asked), Turn("assistant", said)]
    system = _text(name, values, "system", optional=True)
    return Prompt(_hash(content), system, user, of_two or user, order, tuple(examples))


def read_caption_prompt(path: str | Path | None = None) -> tuple[str, str]:
    """The prompt that has pictures captioned, and its hash.

    Raises:
        PromptError: it cannot be read, is no TOML, or lacks something.
    """
    name, content, values = _read(path, "captions.toml")
    return _text(name, values, "user"), _hash(content)


def _read(path: str | Path | None, own: str) -> tuple[str, bytes, dict[str, Any]]:
    name = own if path is None else str(path)
    try:
        content = (
            resources.files(__package__).joinpath("prompts", own).read_bytes() if path is None
            else Path(path).read_bytes()
        )  # fmt: skip
        return name, content, tomllib.loads(content.decode())
    except OSError as error:
        raise PromptError(f"{name}: cannot be read ({error.strerror or error})") from None
    except ValueError as error:
        raise PromptError(f"{name}: is no TOML ({error}); see the package's own prompt") from None


def _text(
    name: str, values: Mapping[str, Any], field: str, *, needs: Sequence[str] = (), optional: bool = False
) -> str:
    text = values.get(field, "" if optional else None)
    if not isinstance(text, str):
        raise PromptError(f"{name}: lacks {field!r}; see the package's own prompt")
    if missing := [one for one in needs if one not in text and text]:
        raise PromptError(f"{name}: {field!r} lacks {', '.join(missing)}; a model would not be told that")
    return text.strip()


def _filled(template: str, line: str, caption: str, target_caption: str, orders: Sequence[Order]) -> str:
    lines = [
        _put(line, {"number": str(number), "kind": order.kind, "style": order.style, "aspect": order.aspect})
        for number, order in enumerate(orders, 1)
    ]
    return _put(template, {"orders": "\n".join(lines), "target_caption": target_caption, "caption": caption})


def _put(template: str, values: Mapping[str, str]) -> str:
    """Fill names in; a caption with braces is text like any other, so it is put in last."""
    for name, value in values.items():
        template = template.replace("{" + name + "}", value)
    return template


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]

"""From a prompt set to token ids: the chat template rendered once, the user's text put in as plain text only.

The ids of a prompt come in two parts. The *prefix* ends with the picture's last token and is the same for a gallery
image and for every modification of it; the *suffix* is the rest. Joined, they are the ids of the whole prompt.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase
from transformers.utils.chat_template_utils import encode_marked_chat, mark_control_tokens

from instructcir.errors import InputError, PromptError
from instructcir.model.prompts import IMAGE, KINDS, Kind, PromptSet
from instructcir.model.reading import first_line

_SLOT = "\ue000\ue001\ue000"
"""Stands for the user's text while the template is rendered; private-use characters that no template changes."""
_AWKWARD = f" aB\n\"'<&>\\{_SLOT}</think>É\t\n "
"""A text that templates which strip, fold, escape or split would change."""


@dataclass(frozen=True, slots=True)
class Prefix:
    """The shared part of a prompt.

    Attributes:
        ids: token ids, up to and with the picture's last token.
        anchor: the added token that the ids end with, and any plain text of the placeholder after it; put before the
            suffix, the token keeps tokenizers that look at the start of a text from treating the suffix as one.
        taken: how many characters after the placeholder belong to the prefix: closing tokens of the picture.
    """

    ids: tuple[int, ...]
    anchor: str
    taken: int


class ChatRenderer:
    """Renders one prompt set with one tokenizer and chat template.

    Args:
        tokenizer: a fast tokenizer.
        chat_template: Jinja source of the chat template.
        image_token: the text that stands for a picture in a rendered chat.
        prompts: what to ask.

    Raises:
        PromptError: the template cannot express the prompts.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, chat_template: str, image_token: str, prompts: PromptSet
    ) -> None:
        self.tokenizer = tokenizer
        self.chat_template = chat_template
        self.image_token = image_token
        self.prompts = prompts
        added = plain_added_tokens(tokenizer)
        self._control = re.compile("|".join(re.escape(token) for token in added) or "(?!)")
        self.takes_only_strings = _takes_only_strings(tokenizer, chat_template)
        self._rendered = {kind: self._render(kind) for kind in KINDS}
        # templates that change a text (most often: strip it) must see each one; for others one rendering serves all
        self._rewrites = any(
            self._chat(kind, _AWKWARD) != _AWKWARD.join(self._rendered[kind]) for kind in ("query", "text")
        )
        self.adds_special_ids = not self._rendered["gallery"][0].startswith(tokenizer.bos_token or "\0")
        self._lead, self._trail = _special_ids(tokenizer) if self.adds_special_ids else ((), ())
        self.prefix = lru_cache(maxsize=512)(self._prefix)
        self.opening = lru_cache(maxsize=512)(self._opening)
        self._bare = lru_cache(maxsize=512)(lambda kind, prefix: tuple(self._suffix(kind, prefix, "")))

    def _render(self, kind: Kind) -> list[str]:
        """The rendered chat split at the user's text: one piece for a gallery image, two or more else."""
        chat = self._chat(kind, _SLOT)
        pieces = chat.split(_SLOT)
        if len(pieces) != len(self.prompts.pieces(kind)):
            raise PromptError(f"the model's chat template drops or changes the text of the {kind} prompt")
        if chat.count(self.image_token) != (kind != "text"):
            raise PromptError(
                f"the model's chat template writes {self.image_token!r} "
                f"{chat.count(self.image_token)} times in the {kind} prompt"
            )
        if kind != "text" and self.image_token not in pieces[0]:
            raise PromptError(
                f"prompt set {self.prompts.name!r}: the picture must stand before the {kind} prompt's text"
            )
        return pieces

    def _chat(self, kind: Kind, text: str) -> str:
        """The chat that the template makes of one input; `text` goes into the prompt's slots as it is."""
        messages: list[dict[str, Any]] = []
        if system := self.prompts.system_turn(kind):
            messages.append({"role": "system", "content": self._content((system,), "")})
        messages.append({"role": "user", "content": self._content(self.prompts.pieces(kind), text)})
        try:
            rendered = self.tokenizer.apply_chat_template(
                messages,
                chat_template=self.chat_template,
                tokenize=False,
                add_generation_prompt=self.prompts.add_generation_prompt,
            )
        except (TemplateError, TypeError, ValueError) as error:
            raise PromptError(f"the model's chat template fails on the {kind} prompt: {error}") from error
        assert isinstance(rendered, str)
        return rendered

    def _content(self, pieces: tuple[str, ...], text: str) -> str | list[dict[str, str]]:
        """A turn's content; the placeholder is looked for in the prompt's own words only."""
        before, image, after = pieces[0].partition(IMAGE)
        rest = [after if image else before, *pieces[1:]]
        words = text.join(rest)
        if self.takes_only_strings:
            return before + self.image_token + words if image else words
        parts = [{"type": "text", "text": before}] if image and before else []
        if image:
            parts.append({"type": "image"})
        if words:
            parts.append({"type": "text", "text": words})
        return parts

    def _prefix(self, kind: Kind, expansion: str) -> Prefix:
        """The part of `kind`'s prompt that ends with the picture.

        Args:
            kind: "gallery" or "query".
            expansion: what the picture's placeholder becomes, as the model's processor says.
        """
        head, _, tail = self._rendered[kind][0].partition(self.image_token)
        start, taken = head + expansion, 0
        while adjacent := self._control.match(tail, taken):  # closing tokens right after the picture belong to it
            start, taken = start + adjacent.group(), adjacent.end()
        found = list(self._control.finditer(start))
        if not found:
            raise PromptError(f"the picture's placeholder {self.image_token!r} is not a token of this tokenizer")
        ids = self._encode(start[: found[-1].end()])
        return Prefix(tuple(self._lead) + tuple(ids), start[found[-1].start() :], taken)

    def suffix(self, kind: Kind, prefix: Prefix, text: str = "") -> list[int]:
        """Token ids that follow `prefix`; `text` is the modification of a composed query.

        Raises:
            InputError: the text cannot be put into tokens.
        """
        return self._suffix(kind, prefix, text) if text else list(self._bare(kind, prefix))

    def _suffix(self, kind: Kind, prefix: Prefix, text: str) -> list[int]:
        after = self._filled(kind, text).partition(self.image_token)[2]
        return self._encode(prefix.anchor + after[prefix.taken :])[1:] + list(self._trail)

    def _opening(self, kind: Kind, prefix: Prefix) -> tuple[int, ...]:
        """The prompt's own words right after `prefix`, as far as no text that follows changes their ids.

        Tried on texts that begin in different ways; who uses it must still see whether a suffix begins with it.
        """
        tried = [self.suffix(kind, prefix, text) for text in ("", "make", " the", "Z", "7", '"', ".", "\n", "é", "中")]
        same = 0
        while all(len(ids) > same + 1 and ids[same] == tried[0][same] for ids in tried):
            same += 1
        return tuple(tried[0][:same])

    def text(self, text: str) -> list[int]:
        """Token ids of a plain text's whole prompt.

        Raises:
            InputError: the text cannot be put into tokens.
        """
        return list(self._lead) + self._encode(self._filled("text", text)) + list(self._trail)

    def _encode(self, chat: str) -> list[int]:
        """Ids of a chat whose user's text is marked."""
        try:
            return encode_marked_chat(self.tokenizer, chat)
        except (ValueError, TypeError) as error:  # half a surrogate pair; a control token that plain text would make
            raise InputError(f"a text cannot be put into tokens ({first_line(error)}): change it") from error

    def _filled(self, kind: Kind, text: str) -> str:
        """The chat with the user's text in it, control tokens in that text marked as plain."""
        marked = mark_control_tokens(text, self._control)
        return self._chat(kind, marked) if self._rewrites else marked.join(self._rendered[kind])

    def show(self, kind: Kind, text: str = "") -> str:
        """The rendered chat as a person reads it: one placeholder for the picture, `text` in its place."""
        return text.join(self._rendered[kind])


def plain_added_tokens(tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """Added tokens, special or not, that a user's text must never become; longest first.

    Tokens of white space alone are ordinary text and left out.
    """
    added = [token.content for token in tokenizer.added_tokens_decoder.values() if not token.content.isspace()]
    return sorted(added, key=len, reverse=True)


def _takes_only_strings(tokenizer: PreTrainedTokenizerBase, chat_template: str) -> bool:
    """Whether the template wants a message's content as one string instead of a list of parts."""
    probe = "\ue002\ue003\ue002"  # has no case and no spaces that a template could change
    content = [{"type": "image"}, {"type": "text", "text": probe}]
    messages: list[dict[str, Any]] = [{"role": "user", "content": content}]
    try:
        rendered = tokenizer.apply_chat_template(messages, chat_template=chat_template, tokenize=False)
    except (TemplateError, TypeError, ValueError):  # such a template adds the list to a string
        return True
    return not isinstance(rendered, str) or probe not in rendered or "'type'" in rendered


def _special_ids(tokenizer: PreTrainedTokenizerBase) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Ids that the tokenizer itself puts before and after a text."""
    with_special = tokenizer.encode("a", add_special_tokens=True)
    bare = tokenizer.encode("a", add_special_tokens=False)
    for start in range(len(with_special) - len(bare) + 1):
        if with_special[start : start + len(bare)] == bare:
            return tuple(with_special[:start]), tuple(with_special[start + len(bare) :])
    return (), ()

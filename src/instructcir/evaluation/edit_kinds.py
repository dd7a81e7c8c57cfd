"""What kinds of edit a modification asks for, told from its words by a lexicon of ours (`edit_kinds.toml`).

For benchmarks that do not say it themselves. It helps to read a score and is no ground truth.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources

OTHER = "other"
"""The kind of a modification none of whose words is in the lexicon."""


def edit_kinds(text: str) -> tuple[str, ...]:
    """Kinds of a modification in the lexicon's order: addition, removal, ..., each once; OTHER alone if there are none.

    Case does not matter, nor whether an apostrophe is straight.
    """
    plain = text.casefold().replace("\u2019", "'")
    return tuple(kind for kind, words in _lexicon().items() if words.search(plain)) or (OTHER,)


def kinds() -> tuple[str, ...]:
    """All kinds of the lexicon."""
    return (*_lexicon(), OTHER)


@cache
def _lexicon() -> dict[str, re.Pattern[str]]:
    content = tomllib.loads(resources.files(__package__).joinpath("edit_kinds.toml").read_text(encoding="utf-8"))
    return {kind: re.compile(_any_of(words, content)) for kind, words in content.items()}


def _any_of(words: list[str], lexicon: dict[str, list[str]]) -> str:
    """One expression for all; words are bounded by anything but letters, digits, hyphens and apostrophes."""
    return rf"(?<![\w'-])(?:{'|'.join(_expression(word, lexicon) for word in words)})(?![\w'-])"


def _expression(word: str, lexicon: dict[str, list[str]]) -> str:
    if word.endswith("*"):
        return re.escape(word.removesuffix("*")) + r"[\w'-]*"
    text, _, kind = word.partition(" !")
    return re.escape(text) + (rf"(?!\s+{_any_of(lexicon[kind], lexicon)})" if kind else "")

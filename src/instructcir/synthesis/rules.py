"""A writer without a model: it edits captions by a lexicon and a little grammar, and says so by templates."""

from __future__ import annotations

import hashlib
import random
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from instructcir.synthesis.planning import Order
from instructcir.synthesis.rule_phrases import phrase_sites
from instructcir.synthesis.rule_sites import Site, word_sites
from instructcir.synthesis.rule_words import splice, words_of
from instructcir.synthesis.writer import Draft, Task, nothing
from instructcir.synthesis.written import ASPECTS, Source
from instructcir.worlds.world import Aspect

_FILES = ("rule_words.toml", "rule_sayings.toml")
_FIELD = re.compile(r"{(\w+)}")
_OF_KIND: Mapping[str, Aspect] = {
    "add": "addition",
    "remove": "negation",
    "replace": "compare & change",
    "count": "cardinality",
    "position": "spatial relations & background",
    "place": "spatial relations & background",
    "time": "spatial relations & background",
    "viewpoint": "viewpoint",
}
_OF_WORDS: Sequence[tuple[re.Pattern[str], Aspect]] = [
    (re.compile(r"\b(no|not|without|never|minus)\b"), "negation"),
    (re.compile(r"\b(more|fewer|\w+er than|darker|lighter|bigger|smaller|longer|shorter|older|younger)\b"),
     "comparative statement"),
    (re.compile(r"\b(same|instead of|rather than|like this|from \w+ to)\b"), "compare & change"),
    (re.compile(r"\b(and|but|plus|now)\b"), "statement with conjunction"),
]  # fmt: skip


class RuleWriter:
    """Edits captions: things, colours, attributes, counts, places and so on, one edit a triplet.

    What it writes depends on its files, the seed, the source's id and caption, and the orders, and on nothing else.
    """

    name = "rules"
    at_once = 64
    concurrency = 0

    def __init__(self, seed: int = 0) -> None:
        """Load the lexicon.

        Args:
            seed: another one chooses other edits and sentences.
        """
        self._seed = seed
        self.prompt = _digest()

    def possible(self, source: Source) -> Mapping[str, Sequence[str]]:
        """Kind -> styles that can be written about a source."""
        found: dict[str, Sequence[str]] = {}
        for kind, sites in _sites(source.caption).items():
            found[kind] = list(dict.fromkeys(style for site in sites for style in _sayings()[site.form]))
        return found

    def write(self, tasks: Sequence[Task]) -> list[list[Draft]]:
        """One draft for each order of each task."""
        return [self._task(task) for task in tasks]

    def _task(self, task: Task) -> list[Draft]:
        rng = random.Random(f"{self._seed} {task.source.id}")
        done: set[str] = set()
        return [self._draft(task.source.caption, order, rng, done) for order in task.orders]

    def _draft(self, caption: str, order: Order, rng: random.Random, done: set[str]) -> Draft:
        sites = [one for one in _sites(caption).get(order.kind, ()) if order.style in _sayings()[one.form]]
        if not sites:
            return nothing(order, "impossible", f"no rule finds what to edit for {order.kind}, said as {order.style}")
        site = rng.choice(sites)
        said: Mapping[str, str] = {}
        for piece in rng.sample(list(site.options), min(4, len(site.options))):
            modified = _tidy(splice(caption, site.start, site.end, piece))
            said = {**site.said, **site.options[piece]}
            if modified not in done:
                break
        done.add(modified)
        sentences = [one for one in _sayings()[site.form][order.style] if set(_FIELD.findall(one)) <= said.keys()]
        if not sentences:
            return nothing(order, "impossible", f"no sentence says this edit as {order.style}")
        instruction = _FIELD.sub(lambda field: said[field[1]], rng.choice(sentences))
        return Draft(instruction, modified, site.kind, order.style, aspects_of(site.kind, order.style, instruction))


def aspects_of(kind: str, style: str, instruction: str) -> tuple[Aspect, ...]:
    """The aspects of CIRCO that an instruction shows, told from its kind, style and words."""
    found = {aspect for pattern, aspect in _OF_WORDS if pattern.search(instruction)}
    if kind in _OF_KIND:
        found.add(_OF_KIND[kind])
    if style in ("direct", "question"):
        found.add("direct addressing")
    return tuple(aspect for aspect in ASPECTS if aspect in found) or ("direct addressing",)


@lru_cache(256)
def _sites(caption: str) -> Mapping[str, Sequence[Site]]:
    """Kind -> sites that have an option; asked twice about a caption, to plan and to write."""
    words = words_of(caption)
    found: dict[str, list[Site]] = {}
    for site in (*word_sites(words), *phrase_sites(caption, words)):
        if site.options:
            found.setdefault(site.kind, []).append(site)
    return found


def _tidy(caption: str) -> str:
    caption = re.sub(r" {2,}", " ", caption).replace(" ,", ",").replace(" .", ".")
    return caption.strip(" ,")


@cache
def _sayings() -> dict[str, dict[str, list[str]]]:
    found: dict[str, Any] = tomllib.loads(_content("rule_sayings.toml"))
    return found


def _content(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _digest() -> str:
    return hashlib.sha256("".join(map(_content, _FILES)).encode()).hexdigest()[:16]

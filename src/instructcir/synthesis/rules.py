"""A writer without a model: it edits captions by a lexicon and a little grammar, and says so by templates.

The lexicon knows more than a set of pictures can show: seasons, teddy bears. A writer that is given the words of the
set's captions keeps to edits that bring in no other word, as long as a caption has enough of them.
"""

from __future__ import annotations

import hashlib
import random
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from importlib import resources
from itertools import pairwise
from typing import Any

from instructcir.synthesis.planning import Order
from instructcir.synthesis.rule_phrases import phrase_sites
from instructcir.synthesis.rule_sites import Site, word_sites
from instructcir.synthesis.rule_words import listed, splice, words_of
from instructcir.synthesis.texts import stem, taken_apart
from instructcir.synthesis.writer import Draft, Task, nothing
from instructcir.synthesis.written import ASPECTS, Source
from instructcir.worlds.world import Aspect

_FILES = ("rule_words.toml", "rule_sayings.toml")
_FIELD = re.compile(r"{(\w+)}")
_ENOUGH = 2
"""Edits within the vocabulary that a caption must have for it to get no others: fewer make several triplets alike."""
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

    What it writes depends on its files, the seed, the vocabulary, the source's id and caption, and the orders, and on
    nothing else.
    """

    name = "rules"
    at_once = 64
    concurrency = 0

    def __init__(self, seed: int = 0, vocabulary: frozenset[str] = frozenset()) -> None:
        """Load the lexicon.

        Args:
            seed: another one chooses other edits and sentences.
            vocabulary: of `vocabulary_of`; edits that bring in none but these words come first. Empty for all edits.
        """
        self._seed = seed
        self._vocabulary = vocabulary
        self.prompt = _digest(vocabulary)

    def keeping_to(self, captions: Iterable[str]) -> RuleWriter:
        """The same writer with the vocabulary of some captions; one that has a vocabulary keeps it."""
        return self if self._vocabulary else RuleWriter(self._seed, vocabulary_of(captions))

    def possible(self, source: Source) -> Mapping[str, Sequence[str]]:
        """Kind -> styles that can be written about a source."""
        found: dict[str, Sequence[str]] = {}
        for kind, sites in _sites(source.caption, self._vocabulary).items():
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
        all_sites = _sites(caption, self._vocabulary).get(order.kind, ())
        sites = [one for one in all_sites if order.style in _sayings()[one.form]]
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


def vocabulary_of(captions: Iterable[str]) -> frozenset[str]:
    """What captions say, and so what their pictures can show: stems of words, alone and two by two ("up clos")."""
    return frozenset().union(*(_said(_stems(caption)) for caption in captions))


def _stems(text: str) -> list[str]:
    """Stems of a text's words, without articles."""
    return [stem(word) for word in taken_apart(text).said]


def _said(stems: list[str]) -> frozenset[str]:
    return frozenset((*stems, *map(" ".join, pairwise(stems))))


@lru_cache(256)
def _sites(caption: str, vocabulary: frozenset[str]) -> Mapping[str, Sequence[Site]]:
    """Kind -> sites that have an option; asked twice about a caption, to plan and to write."""
    words = words_of(caption)
    sites = [one for one in (*word_sites(words), *phrase_sites(caption, words)) if one.options]
    if vocabulary:
        within = [one for site in sites if (one := _within(site, vocabulary)).options]
        if sum(len(one.options) for one in within) >= _ENOUGH:
            sites = within
    found: dict[str, list[Site]] = {}
    for site in sites:
        found.setdefault(site.kind, []).append(site)
    return found


def _within(site: Site, vocabulary: frozenset[str]) -> Site:
    """A site with those of its options that bring in no other word."""
    options = {piece: said for piece, said in site.options.items() if _named(said.get("new", piece)) <= vocabulary}
    return replace(site, options=options)


@lru_cache(4096)
def _named(new: str) -> frozenset[str]:
    """What a vocabulary must hold for something new, whatever stands before it: "in a garden" needs a garden only.

    Phrases must stand in captions as they are: "close-fitting" shows nothing up close, and what is black
    and white is no black and white photo.
    """
    stems = _stems(new)
    return _said(stems[1:] if len(stems) > 1 and stems[0] in listed("function") else stems)


def _tidy(caption: str) -> str:
    caption = re.sub(r" {2,}", " ", caption).replace(" ,", ",").replace(" .", ".")
    return caption.strip(" ,")


@cache
def _sayings() -> dict[str, dict[str, list[str]]]:
    found: dict[str, Any] = tomllib.loads(_content("rule_sayings.toml"))
    return found


def _content(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _digest(vocabulary: frozenset[str]) -> str:
    return hashlib.sha256("".join([*map(_content, _FILES), *sorted(vocabulary)]).encode()).hexdigest()[:16]

"""Test sets for composed retrieval whose answers are known: queries, and a gallery that is hard on purpose.

Around each query the gallery holds its reference, at least one target, and distractors that a model can only reject by
regarding picture and text alike: near the target, near the reference, or fulfilling half of what is asked. What is
relevant is then computed for the whole gallery from the facts, so that nothing relevant counts as a mistake.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass

from instructcir.errors import InputError
from instructcir.worlds.distractors import distractors
from instructcir.worlds.splits import Split, belongs, change_into, facts_of
from instructcir.worlds.world import Change, Drawing, Facts, Modification, World

EDITS_PERCENT = (50, 35, 15)
"""How many of a hundred queries ask for one, two and three edits."""
_QUERIES_A_REFERENCE = (2, 3, 4)
_MOST_DISTRACTORS = 6
_HARD = 0.9  # of the room that references and targets leave; the rest is filled with random pictures
_SECOND_TARGET = 0.35  # of the queries, where there is another picture to be had that is as right
_TRIES = 30
_MOST_REFERENCES = 10_000  # tried in vain, one after the other
_LOOKS = 2**32


@dataclass(frozen=True, slots=True)
class TestQuery:
    """One composed query with its answers.

    Attributes:
        reference: index of its picture in the gallery.
        modification: what is asked for, in words.
        change: the same as data.
        relevant: every index in the gallery whose picture fulfils the change and keeps the rest, ascending.
        target: the one of them that the query was made for.
    """

    __test__ = False  # pytest: this is no test class
    reference: int
    modification: Modification
    change: Change
    relevant: tuple[int, ...]
    target: int

    @property
    def kinds(self) -> tuple[str, ...]:
        """What sorts of edits are asked for."""
        return tuple(edit.kind for edit in self.change.edits)


@dataclass(frozen=True, slots=True)
class ComposedTest:
    """A gallery, composed queries against it, and a caption of each gallery picture for text-to-image search.

    Attributes:
        world: name of the world.
        split: where the facts of references and targets belong.
        gallery: the pictures.
        captions: one of each, in the same order, telling every fact.
        queries: the composed queries.
    """

    world: str
    split: Split
    gallery: tuple[Drawing, ...]
    captions: tuple[str, ...]
    queries: tuple[TestQuery, ...]


def composed_test(
    world: World,
    split: Split,
    *,
    queries: int = 250,
    gallery: int = 2000,
    seed: int = 0,
    unseen: bool = False,
    keep: Callable[[Facts], bool] | None = None,
) -> ComposedTest:
    """A test set that depends on its arguments alone.

    Args:
        world: what is drawn.
        split: where the targets belong, and the references too; but of "test-combinations" these are of "test", for
            they must not show a held-out pair yet. Distractors may show whatever training does not.
        queries: how many; at most an eighth of the gallery, if each is to have all its distractors. 50, 35 and 15 % of
            them ask for one, two and three edits. Two to four share a reference.
        gallery: how many pictures; at least twice as many as queries.
        seed: another seed, another test set.
        unseen: take templates and synonyms that training never uses, in modifications and captions.
        keep: whether pictures with these facts may be in it; None allows all.

    Raises:
        InputError: there are fewer than one query or too few pictures for them, or the split is unknown.
    """
    if queries < 1 or gallery < 2 * queries:
        raise InputError(f"{queries} queries, {gallery} pictures: ask for a query or more, and twice as many pictures")
    rng = random.Random(f"{world.name}/{split}/{queries}/{gallery}/{seed}")
    gathering = _Gathering(world, split, gallery, rng, keep or (lambda facts: True))
    gathering.gather(queries)
    order = list(range(gallery))
    rng.shuffle(order)  # so that an index tells nothing
    place = {old: new for new, old in enumerate(order)}
    drawings = tuple(Drawing(gathering.pictures[old], rng.randrange(_LOOKS)) for old in order)
    captions = tuple(world.caption(drawing.facts, rng, unseen=unseen) for drawing in drawings)
    found = []
    for old_reference, old_target, change in gathering.asked:
        reference = place[old_reference]
        modification = world.modification(drawings[reference].facts, change, rng, unseen=unseen)
        relevant = relevant_in(drawings, reference, change)
        found.append(TestQuery(reference, modification, change, relevant, place[old_target]))
    return ComposedTest(world.name, split, drawings, captions, tuple(found))


def relevant_in(gallery: tuple[Drawing, ...], reference: int, change: Change) -> tuple[int, ...]:
    """Indices of all pictures, the reference aside, that fulfil a change of the reference and keep the rest."""
    facts = gallery[reference].facts
    kept = [(name, value) for name, value in facts.items() if name not in change.allowed]
    return tuple(
        index
        for index, drawing in enumerate(gallery)
        if all(drawing.facts.get(name) == value for name, value in kept)  # nearly all fail here, and fast
        and change.accepts(facts, drawing.facts)
        and index != reference
    )


class _Gathering:
    """A test set while it grows: `pictures` as facts, `asked` as (reference, target, change), places in pictures."""

    def __init__(
        self, world: World, split: Split, size: int, rng: random.Random, keep: Callable[[Facts], bool]
    ) -> None:
        self.world = world
        self.split = split
        self.size = size
        self.rng = rng
        self.keep = keep
        self.pictures: list[Facts] = []
        self.asked: list[tuple[int, int, Change]] = []
        self._numbers = itertools.count(rng.randrange(10**9))

    def gather(self, queries: int) -> None:
        """Fill `pictures` to its size, and `asked` with queries about them."""
        edits = _edit_numbers(queries, self.rng)
        while edits:
            wanted = edits[: self.rng.choice(_QUERIES_A_REFERENCE)]
            del edits[: len(wanted)]
            facts, changes = self._reference(wanted)
            self.pictures.append(facts)
            reference = len(self.pictures) - 1
            for left, change in enumerate(changes, start=1 - len(changes)):
                self.asked.append((reference, len(self.pictures), change))
                self.pictures.append(change.target)
                self._surround(facts, change, len(edits) - left)
        while len(self.pictures) < self.size:
            self.pictures.append(self._random(self.split))

    def _random(self, split: Split) -> dict[str, str]:
        for number in itertools.islice(self._numbers, _MOST_REFERENCES):
            facts = facts_of(self.world, split, number)
            if self.keep(facts):
                return facts
        raise InputError(f"{self.world.name}: none of {_MOST_REFERENCES:,} pictures may be in the gallery")

    def _reference(self, edits: list[int]) -> tuple[Facts, list[Change]]:
        """A reference and as many different changes of it, or whichever random picture first has them."""
        split: Split = "test" if self.split == "test-combinations" else self.split
        for _ in range(_MOST_REFERENCES):
            facts = self._random(split)
            try:
                return facts, self._changes(facts, edits)
            except InputError:  # of some pictures few changes lead into the split
                continue
        raise InputError(f"{self.world.name}: no reference has {len(edits)} changes into the split {self.split!r}")

    def _changes(self, facts: Facts, edits: list[int]) -> list[Change]:
        found: list[Change] = []
        for number in edits:
            for _ in range(_TRIES):
                change = change_into(self.world, facts, self.rng, number, self.split)
                is_new = change.allowed not in [other.allowed for other in found]
                if is_new and self.keep(change.target):
                    found.append(change)
                    break
        if len(found) < len(edits):
            raise InputError(f"{self.world.name}: {dict(facts)} has fewer than {len(edits)} different changes")
        return found

    def _surround(self, reference: Facts, change: Change, left: int) -> None:
        """Add this query's share of the room that `left` more queries leave beside their references and targets."""
        room = self.size - len(self.pictures) - left - (left + 1) // 2
        share = min(_MOST_DISTRACTORS, int(_HARD * room / (left + 1) + self.rng.random()), room)
        if share > 0 and self.rng.random() < _SECOND_TARGET:
            self.pictures.append(self._another_target(reference, change))
            share -= 1
        allowed: tuple[Split, ...] = ("train",) if self.split == "train" else ("dev", "test", "test-combinations")
        found = distractors(
            self.world,
            reference,
            change,
            self.rng,
            lambda facts: belongs(self.world, facts) in allowed and self.keep(facts),
        )
        self.pictures += itertools.islice(found, max(0, share))

    def _another_target(self, reference: Facts, change: Change) -> Facts:
        """The target with another value where the change leaves several open, else the same facts in another look."""
        for _ in range(_TRIES):
            values = {name: self.rng.choice(sorted(change.allowed[name], key=str)) for name in sorted(change.free)}
            facts = {name: value for name, value in {**change.target, **values}.items() if value is not None}
            right = self.world.is_possible(facts) and change.accepts(reference, facts)
            if facts != change.target and right and self.keep(facts) and belongs(self.world, facts) == self.split:
                return facts
        return change.target


def _edit_numbers(queries: int, rng: random.Random) -> list[int]:
    """How many edits each query asks for, in random order."""
    parts = [round(queries * percent / 100) for percent in EDITS_PERCENT[1:]]
    numbers = [1] * (queries - sum(parts)) + [edits for edits, part in enumerate(parts, start=2) for _ in range(part)]
    rng.shuffle(numbers)
    return numbers

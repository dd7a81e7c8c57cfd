"""The words of a drawn world: facts, looks, edits, changes, and what every world can do."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

Facts: TypeAlias = Mapping[str, str]
"""Everything that is true of a picture and can be said: attribute -> value. An attribute that does not apply is absent.

Two pictures with equal facts differ in their look only.
"""

Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, right and bottom of a thing in a picture, each from 0 to 1."""

Aspect: TypeAlias = Literal[
    "cardinality",
    "addition",
    "negation",
    "direct addressing",
    "compare & change",
    "comparative statement",
    "statement with conjunction",
    "spatial relations & background",
    "viewpoint",
]
"""The nine semantic aspects that CIRCO labels its queries with (Baldrati et al., ICCV 2023)."""

Detail: TypeAlias = Literal["short", "medium", "full"]


@dataclass(frozen=True, slots=True)
class Drawing:
    """One picture of a world.

    Attributes:
        facts: what can be said of it.
        look: seed of everything else: pose, scale, light, exact shades.
    """

    facts: Facts
    look: int


@dataclass(frozen=True, slots=True)
class Edit:
    """One wish about a reference.

    Attributes:
        kind: what sort of wish: "colour", "count", ...; each world names its own.
        allowed: attribute -> values that fulfil the wish, None standing for "absent". Other attributes must stay.
        said: what a phrase needs to know, by name: {"attribute": "length", "to": "long", "direction": "longer"}.
    """

    kind: str
    allowed: Mapping[str, frozenset[str | None]]
    said: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """What one modification asks for: one to three edits that touch different attributes.

    Attributes:
        edits: the wishes.
        target: facts of one picture that fulfils them all and keeps the rest.
    """

    edits: tuple[Edit, ...]
    target: Facts

    @property
    def allowed(self) -> dict[str, frozenset[str | None]]:
        """Attribute -> values that fulfil the whole change; attributes not named must stay."""
        return {attribute: values for edit in self.edits for attribute, values in edit.allowed.items()}

    def accepts(self, reference: Facts, candidate: Facts) -> bool:
        """Whether a picture with these facts is relevant: every wish fulfilled, everything else as in the reference."""
        allowed = self.allowed
        names = reference.keys() | candidate.keys() | allowed.keys()
        return all(candidate.get(name) in allowed.get(name, (reference.get(name),)) for name in names)

    @property
    def free(self) -> frozenset[str]:
        """Attributes that the change leaves open: more than one value would do."""
        return frozenset(name for name, values in self.allowed.items() if len(values) > 1)


@dataclass(frozen=True, slots=True)
class Modification:
    """A change in words.

    Attributes:
        text: as a person would type it.
        voice: how it is said: "direct", "comparative", "negative", "description", "fragment", ...
        aspects: CIRCO's semantic aspects that apply.
    """

    text: str
    voice: str
    aspects: tuple[Aspect, ...]


class World(Protocol):
    """What every drawn world offers. All randomness comes from the `rng` that is passed in."""

    name: str
    attributes: Mapping[str, tuple[str, ...]]
    """Every attribute and its possible values, in their natural order."""
    held_out_between: tuple[tuple[str, str], ...]
    """Pairs of attributes of which some value pairs are kept out of training (see `splits`)."""

    def sample(self, rng: random.Random) -> dict[str, str]:
        """Facts of a random picture."""
        ...

    def is_possible(self, facts: Facts) -> bool:
        """Whether these facts can be drawn: values known, attributes that apply present, none that do not."""
        ...

    def svg(self, drawing: Drawing) -> str:
        """The picture as SVG with viewBox 0 0 128 128."""
        ...

    def boxes(self, drawing: Drawing) -> list[tuple[str, Box]]:
        """Where the picture's things are, from far to near, by the names that their attributes begin with.

        Things that attributes do not tell apart by name ("dog.colour") have no boxes: a garment fills its picture.
        """
        ...

    def change(self, facts: Facts, rng: random.Random, edits: int = 1) -> Change:
        """A random change of `edits` (1 to 3) edits that is possible from these facts."""
        ...

    def caption(
        self,
        facts: Facts,
        rng: random.Random,
        detail: Detail = "full",
        *,
        omit: frozenset[str] = frozenset(),
        unseen: bool = False,
    ) -> str:
        """A sentence about a picture; "full" tells every fact but those in `omit`.

        `unseen` takes templates and synonyms that training never uses; otherwise only those that it does.
        """
        ...

    def modification(
        self, facts: Facts, change: Change, rng: random.Random, *, unseen: bool = False, invented: float = 0.0
    ) -> Modification:
        """A change of these facts as a person would type it."""
        ...

    def question(self, facts: Facts, rng: random.Random) -> tuple[str, str]:
        """A question about a picture and its short answer, for teaching a model to look."""
        ...

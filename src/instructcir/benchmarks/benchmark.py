"""What a benchmark is, whichever it is: queries, galleries, and the protocols by which a ranking is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from PIL import Image

from instructcir.benchmarks.crops import Box, square_crop
from instructcir.images import open_rgb

Kind: TypeAlias = Literal["recall", "soft_recall", "mAP"]

CANDIDATES = "candidates"
"""The gallery of a protocol in which every query is ranked against its own candidates."""


@dataclass(frozen=True, slots=True)
class Metric:
    """What is measured on a ranking.

    Attributes:
        kind: "recall": the target is among the first k; "soft_recall": the highest grade among the first k, at least
            0; "mAP": average precision over all relevant pictures.
        k: how many ranks count.
    """

    kind: Kind
    k: int

    @property
    def name(self) -> str:
        """As it is printed: "recall@10"."""
        return f"{self.kind}@{self.k}"


def metrics(kind: Kind, *ks: int) -> tuple[Metric, ...]:
    """The same metric at several k."""
    return tuple(Metric(kind, k) for k in ks)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a benchmark: a file, or a region of one.

    Attributes:
        path: the file; where none was found, the place where it belongs.
        box: x, y, width and height of a region in pixels, which is cut out as GeneCIS does; None for the whole.
    """

    path: Path
    box: Box | None = None

    def open(self) -> Image.Image:
        """The pixels.

        Raises:
            ImageError: the file is missing or cannot be used, or the region lies outside it.
        """
        whole = open_rgb(self.path)
        return whole if self.box is None else square_crop(whole, self.box, name=str(self.path))


@dataclass(frozen=True, slots=True)
class Query:
    """One composed query.

    Attributes:
        id: unique in its benchmark.
        reference: name of the reference.
        modifications: variant -> text; a protocol says which variants it uses.
        relevant: names of all correct answers, the target first; empty where they are hidden.
        excluded: names left out of the ranking by protocols that remove the reference.
        candidates: names of the query's own candidates, best place first among equal scores; empty where it has none.
        target_at: where the target stands in `candidates`; other entries of the same name are not the target.
        grades: name -> how right it is, in graded protocols.
        aspects: what the modification is about.
    """

    id: str
    reference: str
    modifications: Mapping[str, str]
    relevant: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    target_at: int | None = None
    grades: Mapping[str, float] = field(default_factory=dict)
    aspects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """Queries that are averaged together: a category, a task, or all of a benchmark.

    Attributes:
        name: unique in its benchmark.
        queries: in the order of the file.
        galleries: name of a gallery -> names of its pictures; among equal scores the earlier comes first.
    """

    name: str
    queries: tuple[Query, ...]
    galleries: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Protocol:
    """How rankings are made and judged.

    Attributes:
        id: "fashioniq/official".
        title: what is special about it, in a few words.
        source: where it is defined.
        official: whether published figures without further remark follow it.
        gallery: which gallery of a part is ranked, or CANDIDATES.
        wording: the variants of a modification whose query vectors are averaged.
        removes: whether a query's excluded pictures are left out of its ranking.
        metrics: what is measured; the first is the headline.
        by_aspect: what is also measured over the queries of each aspect.
    """

    id: str
    title: str
    source: str
    official: bool
    gallery: str
    wording: tuple[str, ...]
    removes: bool
    metrics: tuple[Metric, ...]
    by_aspect: tuple[Metric, ...] = ()


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One split of a benchmark.

    Attributes:
        name: fashioniq, cirr, circo or genecis.
        title: as its makers write it.
        split: of its files.
        root: the folder that its files were found in.
        parts: one or more.
        pictures: name -> picture, of every reference and gallery.
        protocols: the official ones first.
        hidden: whether the answers are not public, so that only a server can score it.
    """

    name: str
    title: str
    split: str
    root: Path
    parts: tuple[Part, ...]
    pictures: Mapping[str, Picture]
    protocols: tuple[Protocol, ...]
    hidden: bool = False

    @property
    def official_wording(self) -> tuple[str, ...]:
        """The variants that the official protocol averages."""
        return self.protocols[0].wording

"""The two kinds of samples that training reads."""

from __future__ import annotations

from dataclasses import dataclass

from instructcir.items import ImageLike


@dataclass(frozen=True, slots=True)
class Pair:
    """A picture and what it shows.

    Attributes:
        image: the picture; read from a file it is a path or the bytes of an encoded picture.
        caption: a sentence about it, not empty.
        id: its name in messages; unique within one source where the source's own names are.
    """

    image: ImageLike
    caption: str
    id: str


@dataclass(frozen=True, slots=True)
class Triplet:
    """A reference, a modification and the caption of the target, which need not exist as a picture.

    Attributes:
        image: the reference; read from a file it is a path or the bytes of an encoded picture.
        instruction: the modification, not empty.
        modified_caption: what the target shows, not empty.
        caption: what the reference shows; empty where nobody said.
        id: its name in messages.
        kind: what sort of modification it is, as whoever made it calls that.
        hard_negatives: captions that are easily mistaken for the modified one, and wrong.
    """

    image: ImageLike
    instruction: str
    modified_caption: str
    caption: str
    id: str
    kind: str = ""
    hard_negatives: tuple[str, ...] = ()

"""Hard negatives from a person's own pictures: captions of what the model takes for the target, and that are wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from instructcir.errors import InputError
from instructcir.files import sha256_of
from instructcir.index.manifest import check_same_model, probes_of
from instructcir.index.places import index_folder
from instructcir.index.reader import Gallery
from instructcir.synthesis.texts import taken_apart
from instructcir.synthesis.written import Picture, Source
from instructcir.training.hard_negatives import Floats, Neighbourhood

if TYPE_CHECKING:
    from instructcir.model.embedder import Embedder

# shapes: G pictures, D dimensions


def says_it_too(right: str, candidate: str) -> bool:
    """Whether a candidate says all that the right caption says, or nothing that it does not say.

    The first is right as well, the second vaguer and true of the same picture; neither is a negative.
    """
    wanted, found = taken_apart(right).content, taken_apart(candidate).content
    return wanted <= found or found <= wanted


def neighbourhood(base: Embedder, sources: Sequence[Source], index: str | None) -> Neighbourhood:
    """The pictures to learn from with the base's vectors: from an index that has them, else computed now.

    Pictures that are held out are never among them: their captions would stand in the training.

    Args:
        base: the model to tune.
        sources: pictures to learn from, with captions.
        index: name or folder of a person's index, or None.

    Raises:
        InputError: the index holds none of these pictures.
        StoreError: there is no such index, or another model made it.
        ImageError: a picture cannot be used.
    """
    pictures = [one.image for one in sources if one.image is not None]
    captions = [one.caption for one in sources if one.image is not None]
    if index is None:
        return Neighbourhood(base.embed_images(list(pictures)), tuple(captions))
    vectors, found = _stored(base, pictures, index)
    return Neighbourhood(vectors, tuple(captions[number] for number in found))


def _stored(base: Embedder, pictures: Sequence[Picture], index: str) -> tuple[Floats, list[int]]:
    """Vectors of the pictures that an index holds, and which they are; a picture is known by its content."""
    folder = index_folder(index)
    view = Gallery(folder).view
    check_same_model(folder, view.manifest.identity, str(base.checkpoint.folder), probes_of(base))
    rows = view.describe(range(len(view)), ["digest"])
    places = {str(row["digest"]): number for number, row in enumerate(rows)}
    digests = [hashlib.sha256(one).hexdigest() if isinstance(one, bytes) else sha256_of(one) for one in pictures]
    found = [number for number, digest in enumerate(digests) if digest in places]
    if not found:
        raise InputError(f"{index}: holds none of the pictures to learn from; index their folder, or leave --index out")
    return np.asarray(view.vectors([places[digests[number]] for number in found]), dtype=np.float32), found

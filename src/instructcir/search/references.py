"""What a person names as reference, made a picture: a path, an id of the index, or pixels."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from instructcir.errors import InputError, StoreError
from instructcir.files import sha256_of
from instructcir.index.reader import Gallery, View
from instructcir.items import ImageLike
from instructcir.remote import is_remote, read_object

Weighted: TypeAlias = tuple[ImageLike, float]
_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True, eq=False)
class Resolved:
    """A reference.

    Attributes:
        image: what an embedder opens.
        ids: rows of the index that hold the very same file, to be excluded.
        weight: its share of the query.
    """

    image: ImageLike
    ids: tuple[str, ...]
    weight: float = 1.0


def resolve(reference: ImageLike | Sequence[ImageLike | Weighted] | None, gallery: Gallery | View) -> list[Resolved]:
    """All references of a query.

    Args:
        reference: None, one, or several; each alone or with a weight. A string is an id of the index where it looks
            like one and is there, else a path.
        gallery: the index.

    Raises:
        InputError: a weight is not positive, or there is neither such a file nor such an id.
    """
    if reference is None:
        return []
    several = list(reference) if isinstance(reference, list | tuple) else [reference]
    if isinstance(reference, tuple) and len(several) == 2 and isinstance(several[1], int | float):
        several = [reference]
    found = []
    for one in several:
        image, weight = one if isinstance(one, tuple) else (one, 1.0)
        if not weight > 0:
            raise InputError(f"a reference's weight is {weight}; it must be above 0 (what to avoid goes into not_)")
        found.append(_resolved(image, weight, gallery))
    return found


def _resolved(image: Any, weight: float, gallery: Gallery | View) -> Resolved:
    view = gallery.view if isinstance(gallery, Gallery) else gallery
    numbers = view.numbers_of([image]) if isinstance(image, str) and _ID.fullmatch(image) else []
    if numbers:
        row = view.describe(numbers, ["path", "digest"])[0]
        if is_remote(row["path"]):
            return Resolved(_fetched(row["path"]), view.same_content(row["digest"]), weight)
        if not os.path.isfile(row["path"]):
            raise StoreError(f"{row['path']}: picture {image} of the index is no longer there; index the folder again")
        return Resolved(row["path"], view.same_content(row["digest"]), weight)
    if is_remote(image):
        image = _fetched(image)
    if isinstance(image, str | os.PathLike):
        if not os.path.exists(image):
            raise InputError(f"{os.fspath(image)}: no such file, and no id of the index; give a picture's path")
        return Resolved(image, view.same_content(sha256_of(image)), weight)
    if isinstance(image, bytes):
        return Resolved(image, view.same_content(hashlib.sha256(image).hexdigest()), weight)
    return Resolved(image, (), weight)  # bare pixels belong to no file


def _fetched(address: str) -> bytes:
    try:
        return read_object(address)
    except OSError as error:
        raise InputError(f"{address}: cannot be read ({' '.join(str(error).split())[:200]})") from error

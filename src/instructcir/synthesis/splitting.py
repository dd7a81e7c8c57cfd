"""Triplets into a part for training, one for development and one for testing: no picture is in two of them.

Which part a picture belongs to is decided by the hash of its content alone. So it is the same in every file that it
stands in, under any name and in any order, and a set that grows keeps its parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from instructcir.errors import InputError
from instructcir.files import PathLike, atomic_folder, sha256_of
from instructcir.synthesis.inspected import Row
from instructcir.synthesis.stored import VerdictFile
from instructcir.synthesis.written import Picture

PARTS = ("train", "development", "test")
SHARES = (0.9, 0.05, 0.05)


@dataclass(slots=True)
class Split:
    """What a split came to.

    Attributes:
        counts: triplets of each part.
        across: triplets of two pictures that belong to different parts; they are in none.
    """

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PARTS, 0))
    across: int = 0


def part_of(picture: Picture, shares: Mapping[str, float], salt: str = "") -> str:
    """The part that a picture belongs to.

    Args:
        picture: a path, whose file is read, or the bytes of one.
        shares: part -> share, in order; together 1.
        salt: another text, another split.

    Raises:
        InputError: the file cannot be read.
    """
    digest = sha256(picture).hexdigest() if isinstance(picture, bytes) else _digest(picture)
    place = int(sha256(f"{salt}/{digest}".encode()).hexdigest()[:13], 16) / 16**13  # from 0, below 1
    upto = 0.0
    for name, share in shares.items():
        upto += share
        if place < upto:
            return name
    return list(shares)[-1]  # shares that add up to a little less than 1


def write_split(
    rows: Iterable[Row],
    folder: PathLike,
    *,
    shares: tuple[float, float, float] = SHARES,
    salt: str = "",
    progress: Callable[[int], None] | None = None,
) -> Split:
    """Write `train.parquet`, `development.parquet` and `test.parquet`, all or nothing.

    Args:
        rows: kept triplets; read once.
        folder: becomes the split; absent or empty.
        shares: of the pictures, in the order of `PARTS`.
        salt: another text, another split.
        progress: called with the number of triplets just done.

    Raises:
        InputError: shares that do not add up to 1, a triplet without a picture, a picture that cannot be read, or the
            folder cannot be written.
    """
    if min(shares) < 0 or abs(sum(shares) - 1) > 1e-9:
        raise InputError(f"shares {', '.join(map(str, shares))}: none is below 0, and they add up to 1")
    named, split = dict(zip(PARTS, shares, strict=True)), Split()
    with atomic_folder(folder) as temporary, ExitStack() as closing:
        files = {}
        for name in PARTS:
            final = Path(folder) / f"{name}.parquet"
            files[name] = VerdictFile(final, temporary / final.name, reasons=False)
            closing.callback(files[name].close)
        for source, verdict in rows:
            if source.image is None:
                raise InputError(f"{verdict.written.id}: has no picture, by which it would be put into a part")
            part = part_of(source.image, named, salt)
            if source.target is not None and part_of(source.target, named, salt) != part:
                split.across += 1
            else:
                files[part].add(source, verdict)
                split.counts[part] += 1
            if progress:
                progress(1)
    return split


@lru_cache(maxsize=4096)
def _digest(path: str) -> str:
    return sha256_of(path)

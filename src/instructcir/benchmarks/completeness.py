"""Is a copy of a benchmark complete? Files against official hashes, pictures against their lists, each opened."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from instructcir.benchmarks.benchmark import Picture
from instructcir.benchmarks.official import Official, official
from instructcir.benchmarks.registry import find_base, load_pictures
from instructcir.errors import ImageError, InputError
from instructcir.files import PathLike, sha256_of
from instructcir.images import open_rgb

WORKERS = 8
MISSING = "missing"
_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: "annotation files", or a split.
        good: whether it is as it should be.
        detail: what was found.
        bad: name -> what is wrong with it.
    """

    what: str
    good: bool
    detail: str
    bad: Mapping[str, str]


def check_data(
    name: str,
    root: PathLike,
    splits: Iterable[str] = (),
    *,
    quick: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[Finding]:
    """Look at a copy of a benchmark's data.

    Args:
        name: of the benchmark.
        root: as for `load_benchmark`.
        splits: whose pictures are looked at, or tasks of GeneCIS; those that evaluations need if none is named.
        quick: only whether each picture is there and not empty; otherwise each is opened whole.
        progress: called with (done, all) pictures.

    Raises:
        InputError: there is no such benchmark or split, none of its files is there, or a list of pictures is broken.
    """
    known = official(name)
    chosen = tuple(splits) or known.usual
    lists = {split: load_pictures(name, root, split) for split in chosen}
    findings = [_annotations(known, find_base(name, root), None if not splits else chosen)]
    if known.ids:
        findings.append(_ids(known, lists[chosen[0]]))
    paths = list(dict.fromkeys(picture.path for pictures in lists.values() for picture in pictures.values()))
    wrong = _wrong(paths, quick, progress)
    for split, pictures in lists.items():
        bad = {picture: wrong[one.path] for picture, one in pictures.items() if one.path in wrong}
        findings.append(_pictures(split, len(pictures), known.pictures[split], bad))
    if len(lists) > 1:
        whole = None if splits else known.total
        findings.append(_pictures("all together", len(paths), whole, {path.name: wrong[path] for path in wrong}))
    return findings


def _annotations(known: Official, base: Path, splits: tuple[str, ...] | None) -> Finding:
    bad: dict[str, str] = {}
    wanted = {path: digest for path, digest in known.files.items() if splits is None or _is_of(path, splits)}
    for path, digest in wanted.items():
        places = [base / path, base / path.partition("/")[2]]
        found = next((place for place in places if place.is_file()), None)
        if found is None:
            bad[path] = MISSING
        elif sha256_of(found) != digest:
            bad[path] = "is not the official file"
    detail = f"{len(wanted) - len(bad)} of {len(wanted)} are there and are the official ones"
    return Finding("annotation files", not bad, detail, bad)


def _is_of(path: str, splits: tuple[str, ...]) -> bool:
    """Whether a file belongs to one of these splits; CIRCO's belong to its one gallery."""
    parts = Path(path).name.split(".")
    return splits == ("unlabeled",) or any(split in parts for split in splits)


def _ids(known: Official, pictures: Mapping[str, Picture]) -> Finding:
    listed = "\n".join(sorted(pictures, key=lambda name: (len(name), name)))
    good = hashlib.sha256(listed.encode()).hexdigest() == known.ids
    return Finding("list of pictures", good, "the official ids" if good else "other ids than the official list's", {})


def _pictures(what: str, names: int, total: int | None, bad: dict[str, str]) -> Finding:
    there = names - len(bad)
    if total is not None and names != total:
        detail = f"{there:,} of {names:,} names, but officially there are {total:,}"
        return Finding(what, False, detail, bad)
    if not bad:
        return Finding(what, True, f"{there:,} of {names:,} names: complete", bad)
    lost = sum(reason == MISSING for reason in bad.values())
    detail = f"{there:,} of {names:,} names: {lost:,} missing, {len(bad) - lost:,} cannot be used"
    return Finding(what, False, detail, bad)


def _wrong(paths: list[Path], quick: bool, progress: Callable[[int, int], None] | None) -> dict[Path, str]:
    """What is wrong with which files."""
    found: dict[Path, str] = {}
    look = _glance if quick else _open
    with ThreadPoolExecutor(WORKERS) as pool:
        for start in range(0, len(paths), _AT_ONCE):  # so that no more than these wait, and progress is told
            some = paths[start : start + _AT_ONCE]
            found |= {path: reason for path, reason in zip(some, pool.map(look, some), strict=True) if reason}
            if progress:
                progress(start + len(some), len(paths))
    return found


def _glance(path: Path) -> str:
    try:
        return "empty" if path.stat().st_size == 0 else ""
    except OSError:
        return MISSING


def _open(path: Path) -> str:
    if not path.exists():
        return MISSING
    try:
        open_rgb(path)
    except ImageError as error:
        return error.reason
    return ""


def require_pictures(pictures: Mapping[str, Picture], benchmark: str) -> None:
    """Check that the file of every picture is there.

    Raises:
        InputError: some are not; the message counts them and names the first.
    """
    missing = [name for name, picture in pictures.items() if not picture.path.is_file()]
    if missing:
        first = pictures[missing[0]].path
        raise InputError(
            f"{benchmark}: {len(missing):,} of {len(pictures):,} pictures are missing, the first {first}; "
            f"`instructcir data check {benchmark}` lists them, --allow-missing goes on without"
        )

"""CIRR: pictures of real life; each query has an image set of six, in which it is ranked once more.

Source: Liu et al., "Image Retrieval on Real-life Images with Pre-trained Vision-and-Language Models" (CIRPLANT), ICCV
2021; its server scores the split test1.
"""

from __future__ import annotations

from pathlib import Path

from instructcir.benchmarks.benchmark import CANDIDATES, Benchmark, Part, Picture, Protocol, Query, metrics
from instructcir.benchmarks.layouts import Shelf, find_root, first_file
from instructcir.benchmarks.reading import Record, distinct, known, read_json, read_records

SPLITS = ("val", "test1", "train")
PICTURE_SPLITS = ("train", "val", "test1")
FOLDERS = ("CIRR", "cirr_dataset", "cirr")
PICTURE_FOLDERS = (".", "img_raw", "images", "cirr/img_raw")
MEMBERS = 6
"""Pictures of an image set, the reference among them."""
REMEDY = "take the official file, see `instructcir data where cirr`"

_SOURCE = "CIRR's server; SEARLE"


def load(root: Path, split: str = "val") -> Benchmark:
    """One split of CIRR; a query's id is its pair id. Of test1 the answers are hidden. Pictures need not be there.

    Raises:
        InputError: the files are missing or broken.
    """
    base = base_of(root)
    paths = paths_of(base, split)
    place = {name: number for number, name in enumerate(paths)}
    of = f"split.rc2.{split}.json"
    captions = first_file(_places(base, "captions", f"cap.rc2.{split}.json"), REMEDY)
    queries: dict[str, Query] = {}
    for record in read_records(captions, REMEDY):
        query = _query(record, place, of, hidden=split == "test1")
        if query.id in queries:
            raise record.wrong(f'"pairid" {query.id} was there before')
        queries[query.id] = query
    part = Part("cirr", tuple(queries.values()), {"split": tuple(paths)})
    hidden = split == "test1"
    return Benchmark("cirr", "CIRR", split, base, (part,), _pictures(base, paths), _protocols(hidden), hidden=hidden)


def pictures(root: Path, split: str) -> dict[str, Picture]:
    """The pictures of a split, by the lists of names alone.

    Raises:
        InputError: a list is missing or broken.
    """
    base = base_of(root)
    return _pictures(base, paths_of(base, split))


def base_of(root: Path) -> Path:
    """The folder that holds `cirr/captions/`, or `captions/` itself.

    Raises:
        InputError: there is none.
    """
    found = [f"{top}captions/cap.rc2.{split}.json" for top in ("cirr/", "") for split in SPLITS]
    return find_root(root, FOLDERS, found, "cirr")


def paths_of(base: Path, split: str) -> dict[str, str]:
    """Name -> path, relative to the folder of the pictures, of all pictures of a split.

    Raises:
        InputError: the list is missing or broken.
    """
    path = first_file(_places(base, "image_splits", f"split.rc2.{split}.json"), REMEDY)
    record = Record(read_json(path, REMEDY), str(path), REMEDY)
    if not record.values:
        raise record.wrong("holds no names")
    return {name: record.text(name) for name in record.values}


def _places(base: Path, folder: str, file: str) -> list[Path]:
    return [base / "cirr" / folder / file, base / folder / file]


def _query(record: Record, place: dict[str, int], of: str, *, hidden: bool) -> Query:
    reference = record.text("reference")
    about = record.record("img_set")
    members = about.texts("members")
    distinct(about, "members", members)
    if len(members) != MEMBERS or reference not in members:
        raise about.wrong(f'"members" must hold {MEMBERS} names with the reference among them')
    known(about, "members", members, place, of)
    candidates = tuple(sorted((name for name in members if name != reference), key=place.__getitem__))
    identity, text = record.id("pairid"), record.text("caption")
    if hidden:
        return Query(identity, reference, {"caption": text}, excluded=(reference,), candidates=candidates)
    target = record.text("target_hard")
    known(record, "target_hard", (target,), place, of)
    if target not in candidates:
        raise record.wrong(f'"target_hard" {target!r} is not among the other members of the image set')
    grades = record.grades("target_soft")
    known(record, "target_soft", grades, place, of)
    return Query(
        identity,
        reference,
        {"caption": text},
        (target,),
        excluded=(reference,),
        candidates=candidates,
        target_at=candidates.index(target),
        grades=grades,
    )


def _pictures(base: Path, paths: dict[str, str]) -> dict[str, Picture]:
    shelf = Shelf()
    folders = shelf.folders([base / name for name in PICTURE_FOLDERS])
    return {name: Picture(shelf.first([folder / path for folder in folders])) for name, path in paths.items()}


def _protocols(hidden: bool) -> tuple[Protocol, ...]:
    recall, subset = (1, 2, 5, 10, 50), (1, 2, 3)
    official = (
        _protocol("official", "reference removed", recall),
        _protocol("subset", "among the five other members of the image set", subset, gallery=CANDIDATES),
    )
    if hidden:
        return official
    return (
        *official,
        _protocol("kept", "reference kept", recall, removes=False),
        _protocol("soft", "graded by target_soft, reference removed", recall, soft=True),
        _protocol("soft-subset", "graded by target_soft, in the image set", subset, gallery=CANDIDATES, soft=True),
    )


def _protocol(
    name: str, title: str, ks: tuple[int, ...], *, gallery: str = "split", removes: bool = True, soft: bool = False
) -> Protocol:
    return Protocol(
        id=f"cirr/{name}",
        title=title,
        source="CIRPLANT" if soft else _SOURCE,
        official=name in ("official", "subset"),
        gallery=gallery,
        wording=("caption",),
        removes=removes,
        metrics=metrics("soft_recall" if soft else "recall", *ks),
    )

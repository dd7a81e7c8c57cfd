"""FashionIQ: dresses, shirts and tops; two people each say how the target differs.

Sources: Wu et al., "Fashion IQ", CVPR 2021; protocol as in Baldrati et al. (SEARLE), ICCV 2023, and Gu et al. (LinCIR),
CVPR 2024. Joined by commas: Jiang et al., "E5-V", 2024. Gallery of references and targets ("VAL"): Chen et al., "Image
Search with Text Feedback by Visiolinguistic Attention Learning", CVPR 2020.
"""

from __future__ import annotations

import itertools
from pathlib import Path

from instructcir.benchmarks.benchmark import Benchmark, Part, Picture, Protocol, Query, metrics
from instructcir.benchmarks.layouts import SUFFIXES, Shelf, find_root
from instructcir.benchmarks.reading import Record, distinct, known, read_json, read_records

CATEGORIES = ("dress", "shirt", "toptee")
SPLITS = ("val", "train")
PICTURE_SPLITS = ("train", "val", "test")
FOLDERS = ("FashionIQ", "fashionIQ_dataset", "fashion-iq", "fashioniq", "fashionIQ")
PICTURE_FOLDERS = ("images", "image_data", "resized_image", "img", ".")
REMEDY = "take the official file, see `instructcir data where fashioniq`"

_STRIPPED = ".?, "
_WORDINGS = {
    "official": (("and", "and-reversed"), 'both orders of "c0 and c1", averaged'),
    "and": (("and",), '"c0 and c1"'),
    "comma": (("comma",), '"c0, c1"'),
    "comma-both": (("comma", "comma-reversed"), 'both orders of "c0, c1", averaged'),
}
_SOURCES = {
    "official": "SEARLE, LinCIR",
    "and": "one of SEARLE's two orders",
    "comma": "captions joined as in E5-V",
    "comma-both": "E5-V",
}


def load(root: Path, split: str = "val") -> Benchmark:
    """FashionIQ's three categories. Query n of a category's file, counted from 0, has the id "dress/n".

    Pictures need not be there.

    Raises:
        InputError: the files are missing or broken.
    """
    base = base_of(root)
    names = {category: names_of(base, category, split) for category in CATEGORIES}
    parts = tuple(_part(base, category, split, names[category]) for category in CATEGORIES)
    return Benchmark("fashioniq", "FashionIQ", split, base, parts, _pictures(base, names), _protocols())


def pictures(root: Path, split: str) -> dict[str, Picture]:
    """The pictures of a split, by the lists of names alone.

    Raises:
        InputError: a list is missing or broken.
    """
    base = base_of(root)
    return _pictures(base, {category: names_of(base, category, split) for category in CATEGORIES})


def base_of(root: Path) -> Path:
    """The folder that holds `captions/` and `image_splits/`.

    Raises:
        InputError: there is none.
    """
    markers = [f"captions/cap.{category}.{split}.json" for split in (*SPLITS, "test") for category in CATEGORIES]
    return find_root(root, FOLDERS, markers, "fashioniq")


def names_of(base: Path, category: str, split: str) -> tuple[str, ...]:
    """A category's gallery: the names in its list, in the list's order, which is not sorted.

    Raises:
        InputError: the list is missing or broken.
    """
    path = base / "image_splits" / f"split.{category}.{split}.json"
    record = Record({"names": read_json(path, REMEDY)}, str(path), REMEDY)
    names = record.texts("names")
    distinct(record, "names", names)
    if not names:
        raise record.wrong("holds no names")
    return names


def wordings(captions: tuple[str, str]) -> dict[str, str]:
    """Variant -> text of two captions, each stripped of `.?, ` at both ends; an empty caption stays where it stands.

    >>> wordings(("is red.", ""))["and-reversed"]
    ' and is red'
    """
    first, second = (caption.strip(_STRIPPED) for caption in captions)
    return {
        "and": f"{first} and {second}",
        "and-reversed": f"{second} and {first}",
        "comma": f"{first}, {second}",
        "comma-reversed": f"{second}, {first}",
    }


def _part(base: Path, category: str, split: str, names: tuple[str, ...]) -> Part:
    gallery = dict.fromkeys(names)
    records = read_records(base / "captions" / f"cap.{category}.{split}.json", REMEDY)
    of = f"split.{category}.{split}.json"
    queries = tuple(_query(record, f"{category}/{number}", gallery, of) for number, record in enumerate(records))
    seen = {name for query in queries for name in (query.reference, *query.relevant)}
    return Part(category, queries, {"split": names, "union": tuple(name for name in names if name in seen)})


def _query(record: Record, identity: str, gallery: dict[str, None], of: str) -> Query:
    reference = record.text("candidate")
    captions = record.texts("captions")
    if len(captions) != 2:
        raise record.wrong(f'"captions" holds {len(captions)} captions, not two')
    target = record.text("target")
    known(record, "candidate", (reference,), gallery, of)
    known(record, "target", (target,), gallery, of)
    return Query(identity, reference, wordings((captions[0], captions[1])), (target,), excluded=(reference,))


def _pictures(base: Path, names: dict[str, tuple[str, ...]]) -> dict[str, Picture]:
    # A picture of two categories may lie with either, so each name is looked for in all folders.
    shelf = Shelf()
    folders = shelf.folders([base / folder / sub for folder in PICTURE_FOLDERS for sub in ("", *CATEGORIES)])
    return {
        name: Picture(shelf.first([folder / f"{name}{suffix}" for folder in folders for suffix in SUFFIXES]))
        for name in dict.fromkeys(itertools.chain(*names.values()))
    }


def _protocols() -> tuple[Protocol, ...]:
    kept = [_protocol(name, gallery, removes=False) for gallery in ("split", "union") for name in _WORDINGS]
    return (*kept, *(_protocol("official", gallery, removes=True) for gallery in ("split", "union")))


def _protocol(name: str, gallery: str, *, removes: bool) -> Protocol:
    wording, said = _WORDINGS[name]
    changed = [*(["union"] if gallery == "union" else []), *(["removed"] if removes else [])]
    kept = "reference removed" if removes else "reference kept"
    over = "references and targets (VAL)" if gallery == "union" else "the whole split"
    return Protocol(
        id="/".join(["fashioniq", name, *changed]),
        title=f"{said}; over {over}; {kept}",
        source=_SOURCES[name],
        official=name == "official" and not changed,
        gallery=gallery,
        wording=wording,
        removes=removes,
        metrics=metrics("recall", 10, 50),
    )

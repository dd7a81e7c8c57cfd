"""CIRCO: all of COCO's unlabeled pictures as one gallery, and queries with several correct answers.

Source: Baldrati et al., "Zero-Shot Composed Image Retrieval with Textual Inversion", ICCV 2023; its server scores the
split test. With the shared concept in the query: Zhou et al., "MegaPairs", 2024.
"""

from __future__ import annotations

from pathlib import Path

from instructcir.benchmarks.benchmark import Benchmark, Metric, Part, Picture, Protocol, Query, metrics
from instructcir.benchmarks.layouts import Shelf, find_root, first_file
from instructcir.benchmarks.reading import Record, distinct, known, read_json, read_records

SPLITS = ("val", "test")
PICTURE_SPLITS = ("unlabeled",)
FOLDERS = ("CIRCO", "circo")
PICTURE_FOLDERS = (
    *("COCO2017_unlabeled/unlabeled2017", "unlabeled2017", "COCO2017_unlabeled", "coco/unlabeled2017"),
    *("COCO/unlabeled2017", "coco/images/unlabeled2017", "images/unlabeled2017", "../coco/unlabeled2017"),
)
REMEDY = "take the official file, see `instructcir data where circo`"

_LIST = "annotations/image_info_unlabeled2017.json"


def load(root: Path, split: str = "val") -> Benchmark:
    """One split of CIRCO; of test the answers are hidden. Pictures need not be there.

    Raises:
        InputError: the files are missing or broken.
    """
    base = base_of(root)
    files = files_of(base)
    hidden = split == "test"
    queries: dict[str, Query] = {}
    for record in read_records(base / "annotations" / f"{split}.json", REMEDY):
        query = _query(record, files, hidden=hidden)
        if query.id in queries:
            raise record.wrong(f'"id" {query.id} was there before')
        queries[query.id] = query
    part = Part("circo", tuple(queries.values()), {"unlabeled": tuple(files)})
    return Benchmark("circo", "CIRCO", split, base, (part,), _pictures(base, files), _protocols(), hidden=hidden)


def pictures(root: Path, split: str) -> dict[str, Picture]:
    """All pictures, whatever the split: both share one gallery.

    Raises:
        InputError: the list is missing or broken.
    """
    base = base_of(root)
    return _pictures(base, files_of(base))


def base_of(root: Path) -> Path:
    """The folder that holds `annotations/`.

    Raises:
        InputError: there is none.
    """
    return find_root(root, FOLDERS, [f"annotations/{split}.json" for split in SPLITS], "circo")


def files_of(base: Path) -> dict[str, str]:
    """Id -> file name of all pictures, in the order of COCO's list; ids without leading zeros.

    Raises:
        InputError: the list is missing or broken.
    """
    places = [base / "COCO2017_unlabeled" / _LIST, base / _LIST, base / "unlabeled2017" / _LIST]
    path = first_file(places, REMEDY)
    found: dict[str, str] = {}
    for record in Record(read_json(path, REMEDY), str(path), REMEDY).records("images"):
        number = record.id("id")
        if number in found:
            raise record.wrong(f'"id" {number} was there before')
        found[number] = record.text("file_name")
    return found


def _query(record: Record, files: dict[str, str], *, hidden: bool) -> Query:
    reference, caption = record.id("reference_img_id"), record.text("relative_caption")
    of = "image_info_unlabeled2017.json"
    known(record, "reference_img_id", (reference,), files, of)
    concept = record.text("shared_concept")
    texts = {"caption": caption, "concept": f"{concept}, {caption}"}
    if hidden:
        return Query(record.id("id"), reference, texts, excluded=(reference,))
    relevant = record.ids("gt_img_ids")
    target = record.id("target_img_id")
    known(record, "gt_img_ids", relevant, files, of)
    distinct(record, "gt_img_ids", relevant)
    if target not in relevant:
        raise record.wrong(f'"target_img_id" {target} is not in "gt_img_ids"')
    ordered = (target, *(name for name in relevant if name != target))
    aspects = record.texts("semantic_aspects") if "semantic_aspects" in record.values else ()
    return Query(record.id("id"), reference, texts, ordered, excluded=(reference,), aspects=aspects)


def _pictures(base: Path, files: dict[str, str]) -> dict[str, Picture]:
    shelf = Shelf()
    folders = shelf.folders([base / name for name in PICTURE_FOLDERS])
    return {number: Picture(shelf.first([folder / file for folder in folders])) for number, file in files.items()}


def _protocols() -> tuple[Protocol, ...]:
    return (
        _protocol("official", "reference kept", "caption", removes=False),
        _protocol("removed", "reference removed", "caption", removes=True),
        _protocol("concept", "with the shared concept, reference kept", "concept", removes=False),
        _protocol("concept/removed", "with the shared concept, reference removed", "concept", removes=True),
    )


def _protocol(name: str, title: str, variant: str, *, removes: bool) -> Protocol:
    ks = (5, 10, 25, 50)
    return Protocol(
        id=f"circo/{name}",
        title=title,
        source="MegaPairs" if variant == "concept" else "CIRCO's server",
        official=name == "official",
        gallery="unlabeled",
        wording=(variant,),
        removes=removes,
        metrics=(*metrics("mAP", *ks), *metrics("recall", *ks)),
        by_aspect=(Metric("mAP", 10),),
    )

"""GeneCIS: four tasks, each query with its own few candidates.

Source: Vaze et al., "GeneCIS: A Benchmark for General Conditional Image Similarity", CVPR 2023.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from instructcir.benchmarks.benchmark import CANDIDATES, Benchmark, Part, Picture, Protocol, Query, metrics
from instructcir.benchmarks.layouts import Shelf, find_root, first_file
from instructcir.benchmarks.reading import Record, read_records

TASKS = ("focus_attribute", "change_attribute", "focus_object", "change_object")
SPLITS = ("test",)
PICTURE_SPLITS = TASKS
FOLDERS = ("GeneCIS", "genecis", "GENECIS")
REGION_FOLDERS = (
    *("VG_100K_all", "VG_100K", "VG_100K_2", "VG/VG_100K", "VG/VG_100K_2", "VisualGenome/VG_100K_all"),
    *("VisualGenome/VG_100K", "VisualGenome/VG_100K_2", "visual_genome/VG_100K", "visual_genome/VG_100K_2"),
    *("vg/VG_100K", "vg/VG_100K_2", "Visual_Genome/VG_100K", "Visual_Genome/VG_100K_2", "vg", "VG"),
)
PHOTO_FOLDERS = (
    "val2017",
    "coco/val2017",
    "COCO/val2017",
    "coco2017/val2017",
    "COCO2017/val2017",
    "coco/images/val2017",
)
REMEDY = "take the official file, see `instructcir data where genecis`"


def load(root: Path, split: str = "test") -> Benchmark:
    """GeneCIS's four tasks. Template n of a file, counted from 0, has the id "focus_attribute/n".

    A region's name is made of its picture and its box, see `region_name`; a whole picture's is its id. Templates that
    come twice count twice. Pictures need not be there.

    Raises:
        InputError: the files are missing or broken.
    """
    base = base_of(root)
    finder = _Finder(base)
    parts = tuple(_part(base, task, finder) for task in TASKS)
    return Benchmark("genecis", "GeneCIS", split, base, parts, finder.pictures, _protocols())


def pictures(root: Path, split: str) -> dict[str, Picture]:
    """The pictures of a task, the whole of each: regions of one picture count once.

    Raises:
        InputError: a file is missing or broken.
    """
    base = base_of(root)
    finder = _Finder(base)
    _part(base, split, finder)
    return {picture.path.stem: Picture(picture.path) for picture in finder.pictures.values()}


def base_of(root: Path) -> Path:
    """The folder that holds `genecis/` with the templates, or the templates themselves.

    Raises:
        InputError: there is none.
    """
    return find_root(root, FOLDERS, [f"{top}{task}.json" for top in ("genecis/", "") for task in TASKS], "genecis")


def region_name(image_id: str, box: tuple[float, ...]) -> str:
    """What a region is called: its picture, and its box as the file has it, whole numbers without a point.

    >>> region_name("2366050", (12.0, 7.5, 40, 31))
    '2366050@12,7.5,40,31'
    """
    return f"{image_id}@" + ",".join(str(int(number)) if number == int(number) else repr(number) for number in box)


class _Finder:
    """Names of entries, and the pictures they stand for."""

    def __init__(self, base: Path) -> None:
        self.pictures: dict[str, Picture] = {}
        self._shelf = Shelf()
        tops = (base, base.parent) if base.name == "genecis" else (base,)
        self._regions = self._shelf.folders([top / name for top in tops for name in REGION_FOLDERS])
        self._photos = self._shelf.folders([top / name for top in tops for name in PHOTO_FOLDERS])

    def region(self, entry: Record) -> str:
        """The name of an attribute task's entry."""
        image = entry.id("image_id")
        x, y, width, height = entry.numbers("instance_bbox", 4)
        if not (width > 0 and height > 0):
            raise entry.wrong('"instance_bbox" has no area')
        name = region_name(image, (x, y, width, height))
        if name not in self.pictures:
            path = self._shelf.first([folder / f"{image}.jpg" for folder in self._regions])
            self.pictures[name] = Picture(path, (x, y, width, height))
        return name

    def photo(self, entry: Record) -> str:
        """The name of an object task's entry."""
        name = entry.id("val_image_id")
        if name not in self.pictures:
            if not name.isdecimal():
                raise entry.wrong(f'"val_image_id" {name!r} is no number')
            self.pictures[name] = Picture(self._shelf.first([f / f"{int(name):012}.jpg" for f in self._photos]))
        return name


def _part(base: Path, task: str, finder: _Finder) -> Part:
    path = first_file([base / "genecis" / f"{task}.json", base / f"{task}.json"], REMEDY)
    named = finder.region if task.endswith("attribute") else finder.photo
    records = read_records(path, REMEDY)
    return Part(task, tuple(_query(record, f"{task}/{n}", named) for n, record in enumerate(records)), {})


def _query(record: Record, identity: str, named: Callable[[Record], str]) -> Query:
    reference, target = named(record.record("reference")), named(record.record("target"))
    others = tuple(named(entry) for entry in record.records("gallery"))
    if not others:
        raise record.wrong('"gallery" is empty')
    return Query(
        identity,
        reference,
        {"condition": record.text("condition")},
        (target,),
        excluded=(reference,),
        candidates=(target, *others),
        target_at=0,
    )


def _protocols() -> tuple[Protocol, ...]:
    return tuple(
        Protocol(
            id=f"genecis/{name}",
            title=f"among the template's own pictures, {title}",
            source="GeneCIS's evaluation code",
            official=name == "official",
            gallery=CANDIDATES,
            wording=("condition",),
            removes=removes,
            metrics=metrics("recall", 1, 2, 3),
        )
        for name, title, removes in (
            ("official", "the reference among them where it is", False),
            ("removed", "the reference removed where it is", True),
        )
    )

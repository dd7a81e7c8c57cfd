"""The four benchmarks' files at a few records each, with the oddities of the real ones; and the real ones, if there."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from instructcir.benchmarks.benchmark import Benchmark

ARCHIVE = Path(__file__).parents[2] / "shared" / "benchmarks" / "annotations.tar.xz"

Files = dict[str, Any]


def write(root: Path, files: Files) -> Path:
    """Write JSON files below a folder."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")
    return root


def fashioniq_files() -> Files:
    """Three categories; W3 is in two of them, the lists are not sorted, a caption is empty, one has U+2019."""
    names = {"dress": ["W9", "W1", "W5", "007"], "shirt": ["W3", "W2", "W8"], "toptee": ["W7", "W3", "W4", "W6"]}
    files: Files = {}
    for category, gallery in names.items():
        files[f"captions/cap.{category}.val.json"] = [
            {"target": gallery[1], "candidate": gallery[0], "captions": ["is red.", " has no sleeves, "]},
            {"target": gallery[2], "candidate": gallery[1], "captions": ["", "isn\u2019t striped?"]},
        ]
        files[f"image_splits/split.{category}.val.json"] = gallery
    return files


def cirr_files() -> Files:
    """Six pictures in one image set and two beside it; a caption is a blank, a target is not among its own grades."""
    files: Files = {}
    for split, folder in (("val", "dev"), ("test1", "test1")):
        names = [f"{folder}-{number}-0-img0" for number in range(8)]
        queries = []
        for number in range(3):
            query = {
                "pairid": 70 + number if number else "70",
                "reference": names[number],
                "caption": " " if number == 1 else f"query {number}",
                "img_set": {"id": 1, "members": [*names[3:6], *names[:3]], "reference_rank": 2},
            }
            if split == "val":
                target = names[number + 1]
                query["target_hard"] = target
                query["target_soft"] = [{target: 1.0, names[4]: 0.5}, {names[5]: 1.0}, {target: -1.0, names[0]: 0.2}][
                    number
                ]
                query["img_set"]["target_rank"] = 3  # type: ignore[index]
            queries.append(query)
        files[f"cirr/captions/cap.rc2.{split}.json"] = queries
        files[f"cirr/image_splits/split.rc2.{split}.json"] = {name: f"./{folder}/{name}.png" for name in names}
    return files


def circo_files() -> Files:
    """Seven pictures, whose ids are numbers or text in the queries; the target is not the first ground truth."""
    ids = [900, 17, 123456, 5, 42, 8, 77]
    queries = [
        {
            "reference_img_id": 900,
            "target_img_id": 17,
            "relative_caption": "is outdoors",
            "shared_concept": "a dog",
            "gt_img_ids": [42, 17, 5],
            "id": 0,
            "semantic_aspects": ["addition", "viewpoint"],
        },
        {
            "reference_img_id": "000000000005",
            "target_img_id": "8",
            "relative_caption": "is alone",
            "shared_concept": "a cat",
            "gt_img_ids": ["8"],
            "id": "1",
            "semantic_aspects": ["viewpoint"],
        },
    ]
    hidden = ("target_img_id", "gt_img_ids", "semantic_aspects")
    return {
        "annotations/val.json": queries,
        "annotations/test.json": [{key: query[key] for key in query if key not in hidden} for query in queries],
        "COCO2017_unlabeled/annotations/image_info_unlabeled2017.json": {
            "images": [{"file_name": f"{number:012}.jpg", "id": number} for number in ids]
        },
    }


def genecis_files() -> Files:
    """Two templates a task; the target comes again among the others, the reference too, and a box begins below 0."""

    def region(image: int, x: float = 0, y: float = 0.0, w: float = 20.0, h: float = 30) -> dict[str, Any]:
        return {"image_id": str(image), "instance_bbox": [x, y, w, h]}

    def photo(image: int) -> dict[str, Any]:
        return {"val_image_id": image}

    files: Files = {}
    for task in ("focus_attribute", "change_attribute"):
        files[f"genecis/{task}.json"] = [
            {
                "condition": "color",
                "reference": region(11),
                "target": region(12, -3.5, 2.25),
                "gallery": [region(13), region(12, -3.5, 2.25), region(11), region(13, 4)],
            },
            {
                "condition": "size",
                "reference": region(12),
                "target": region(13),
                "gallery": [region(14), region(15), region(11, 1), region(13, 4)],
            },
        ]
    for task in ("focus_object", "change_object"):
        files[f"genecis/{task}.json"] = [
            {"condition": "dog", "reference": photo(1), "target": photo(2), "gallery": [photo(3), photo(4)]},
            {"condition": "dog", "reference": photo(1), "target": photo(2), "gallery": [photo(3), photo(4)]},
        ]
    return files


FILES: dict[str, Callable[[], Files]] = {
    "fashioniq": fashioniq_files,
    "cirr": cirr_files,
    "circo": circo_files,
    "genecis": genecis_files,
}


def paint(benchmark: Benchmark) -> None:
    """Put a small picture, each another, at the place of every picture that is missing."""
    for number, path in enumerate(sorted({picture.path for picture in benchmark.pictures.values()})):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((40, 50, 3), number % 256, dtype=np.uint8)).save(path)


@pytest.fixture(scope="session")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the official annotation files; tests that ask for it are skipped where they are not."""
    if not ARCHIVE.is_file():
        pytest.skip(f"the official annotation files are not there: no {ARCHIVE.name} in ../shared/benchmarks")
    root = tmp_path_factory.mktemp("official")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(root, filter="data")
    inner = [path for path in root.iterdir() if path.is_dir()]
    return inner[0] if len(inner) == 1 else root

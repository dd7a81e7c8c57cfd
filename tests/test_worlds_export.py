"""Exported benchmarks have the files, keys and names of the published ones, and their answers are right."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from instructcir.errors import InputError
from instructcir.worlds.export import LAYOUTS, exported, write_export
from instructcir.worlds.export_fashioniq import CATEGORIES
from instructcir.worlds.exported import Exported, Size, difference, nearest
from instructcir.worlds.registry import NAMES, world
from instructcir.worlds.world import Drawing

SIZE = Size(queries=6, gallery=40, side=32)
ASPECTS = {
    "addition", "cardinality", "comparative_statement", "compare_change", "direct_addressing", "negation",
    "spatial_relations_background", "statement_with_conjunction", "viewpoint",
}  # fmt: skip

Made = Callable[..., Exported]


@pytest.fixture(scope="module")
def made() -> Made:
    return cache(lambda name, layout: exported(world(name), layout, SIZE))


CASES = [(name, layout) for name in NAMES for layout in LAYOUTS if (name, layout) != ("landscapes", "fashioniq")]


@pytest.mark.parametrize(("name", "layout"), CASES)
def test_a_benchmark_depends_on_its_arguments_alone(made: Made, name: str, layout: str) -> None:
    assert exported(world(name), layout, SIZE) == made(name, layout)
    assert exported(world(name), layout, Size(6, 40, 32, "test", 1)) != made(name, layout)
    json.dumps(made(name, layout).annotations)


def test_fashioniq(made: Made) -> None:
    benchmark = made("wardrobe", "fashioniq")
    assert len(benchmark.annotations) == 6
    every: list[str] = []
    for category, garments in CATEGORIES.items():
        names = benchmark.annotations[f"image_splits/split.{category}.val.json"]
        queries = benchmark.annotations[f"captions/cap.{category}.val.json"]
        assert len(names) == SIZE.gallery
        assert len(queries) == SIZE.queries
        for name in names:
            assert benchmark.pictures[f"images/{name}.jpg"].facts["garment"] in garments
        for query in queries:
            assert set(query) == {"target", "candidate", "captions"}
            assert {query["target"], query["candidate"]} <= set(names)
            assert query["target"] != query["candidate"]
            assert len(query["captions"]) == 2
            assert all(query["captions"])
        every += names
    assert len(set(every)) == len(every) == len(benchmark.pictures)
    assert {garment for garments in CATEGORIES.values() for garment in garments} <= set(
        world("wardrobe").attributes["garment"]
    )
    with pytest.raises(InputError, match="garments"):
        exported(world("landscapes"), "fashioniq", SIZE)


@pytest.mark.parametrize("name", NAMES)
def test_cirr(made: Made, name: str) -> None:
    benchmark = made(name, "cirr")
    for part, folder in (("val", "dev"), ("test1", "test1")):
        paths: dict[str, str] = benchmark.annotations[f"cirr/image_splits/split.rc2.{part}.json"]
        queries = benchmark.annotations[f"cirr/captions/cap.rc2.{part}.json"]
        assert len(paths) == SIZE.gallery
        assert len(queries) == len({query["pairid"] for query in queries}) == SIZE.queries
        for image, path in paths.items():
            assert path == f"./{folder}/{image}.png"
            assert path[2:] in benchmark.pictures
        for query in queries:
            about = query["img_set"]
            assert len(set(about["members"])) == 6
            assert set(about["members"]) <= set(paths)
            assert query["reference"] in about["members"]
            if part == "test1":
                assert set(query) == {"pairid", "reference", "caption", "img_set"}
                assert set(about) == {"id", "members", "reference_rank"}
                continue
            assert set(about) == {"id", "members", "reference_rank", "target_rank"}
            assert query["target_soft"][query["target_hard"]] == 1.0
            assert set(query["target_soft"]) & set(about["members"]) == {query["target_hard"]}


@pytest.mark.parametrize("name", NAMES)
def test_circo(made: Made, name: str) -> None:
    benchmark = made(name, "circo")
    images = benchmark.annotations["COCO2017_unlabeled/annotations/image_info_unlabeled2017.json"]["images"]
    ids = {image["id"] for image in images}
    assert len(ids) == SIZE.gallery == len(benchmark.pictures)
    for image in images:
        assert image["file_name"] == f"{image['id']:012d}.jpg"
        assert f"COCO2017_unlabeled/unlabeled2017/{image['file_name']}" in benchmark.pictures
    val, test = (benchmark.annotations[f"annotations/{part}.json"] for part in ("val", "test"))
    assert [query["id"] for query in val] == [query["id"] for query in test] == list(range(SIZE.queries))
    for query in val:
        assert query["gt_img_ids"][0] == query["target_img_id"]
        assert query["reference_img_id"] not in query["gt_img_ids"]
        assert {query["reference_img_id"], *query["gt_img_ids"]} <= ids
        assert set(query["semantic_aspects"]) <= ASPECTS
        assert query["shared_concept"]
    assert any(query["semantic_aspects"] for query in val)
    for query in test:
        assert set(query) == {"reference_img_id", "relative_caption", "shared_concept", "id"}


@pytest.mark.parametrize("name", NAMES)
def test_genecis(made: Made, name: str) -> None:
    benchmark = made(name, "genecis")
    used = set()
    for task, others in (("focus_attribute", 9), ("change_attribute", 14), ("focus_object", 14), ("change_object", 14)):
        templates = benchmark.annotations[f"genecis/{task}.json"]
        assert 0 < len(templates) <= SIZE.queries
        for template in templates:
            assert set(template) == {"condition", "gallery", "reference", "target"}
            assert len(template["gallery"]) == others
            assert template["target"] not in template["gallery"]
            assert template["reference"] not in template["gallery"]
            for entry in (*template["gallery"], template["reference"], template["target"]):
                path = genecis_path(entry, task)
                assert path in benchmark.pictures
                used.add(path)
    assert used == set(benchmark.pictures)
    for template in benchmark.annotations["genecis/focus_attribute.json"]:
        shown = [
            {
                key.replace(".", " "): value
                for key, value in benchmark.pictures[genecis_path(entry, "attribute")].facts.items()
            }
            for entry in (template["reference"], template["target"], *template["gallery"])
        ]
        values = [facts.get(template["condition"]) for facts in shown]
        assert values[0] == values[1]
        assert values[0] not in values[2:]


def genecis_path(entry: dict[str, Any], task: str) -> str:
    if task.endswith("attribute"):
        assert entry["instance_bbox"] == [0, 0, 32, 32]
        assert re.fullmatch(r"\d+", entry["image_id"])
        return f"VG_100K_all/{entry['image_id']}.jpg"
    assert set(entry) == {"val_image_id"}
    return f"val2017/{entry['val_image_id']:012d}.jpg"


@pytest.mark.parametrize(("name", "layout"), CASES)
def test_every_file_is_written(made: Made, tmp_path: Path, name: str, layout: str) -> None:
    benchmark = made(name, layout)
    drawn: list[int] = []
    write_export(world(name), benchmark, tmp_path / "out", side=SIZE.side, workers=1, progress=drawn.append)
    found = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert found == {*benchmark.annotations, *benchmark.pictures}
    assert sum(drawn) == len(benchmark.pictures)
    for path, content in benchmark.annotations.items():
        assert json.loads((tmp_path / "out" / path).read_text(encoding="utf-8")) == content
    for path in list(benchmark.pictures)[:3]:
        with Image.open(tmp_path / "out" / path) as picture:
            assert picture.size == (32, 32)
            assert picture.format == ("PNG" if path.endswith(".png") else "JPEG")
    with pytest.raises(InputError, match="not empty"):
        write_export(world(name), benchmark, tmp_path / "out", workers=1)


def test_two_processes_draw_what_one_does(made: Made, tmp_path: Path) -> None:
    benchmark = made("wardrobe", "circo")
    for workers in (1, 2):
        write_export(world("wardrobe"), benchmark, tmp_path / str(workers), side=32, workers=workers)
    for path in benchmark.pictures:
        assert (tmp_path / "1" / path).read_bytes() == (tmp_path / "2" / path).read_bytes()


def test_the_nearest_are_found_and_too_few_refused() -> None:
    gallery = [Drawing({"a": str(n), "b": "x"} | ({"c": "z"} if n > 2 else {}), 0) for n in range(5)]
    assert [difference(gallery[0].facts, drawing.facts) for drawing in gallery] == [0, 1, 1, 2, 2]
    assert nearest(gallery, gallery[0].facts, [4, 3, 2, 1], 3) == [1, 2, 3]
    with pytest.raises(InputError, match="larger gallery"):
        nearest(gallery, gallery[0].facts, [1, 2], 3)


def test_an_unknown_layout_is_refused() -> None:
    with pytest.raises(InputError, match="fashioniq, cirr, circo, genecis"):
        exported(world("wardrobe"), "coco", SIZE)

"""The official files, in every layout that people have, as benchmarks; the oddities of the real ones survive."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from instructcir.benchmarks.registry import NAMES, SPLITS, load_benchmark, load_pictures
from instructcir.errors import InputError
from instructcir.worlds.export import exported, write_export
from instructcir.worlds.exported import Size
from instructcir.worlds.registry import world
from tiny_benchmarks import FILES, paint, write

ROOTS = {"fashioniq": "fashionIQ_dataset", "cirr": "cirr_dataset", "circo": "CIRCO", "genecis": "GeneCIS"}


def test_fashioniq(tmp_path: Path) -> None:
    benchmark = load_benchmark("fashioniq", write(tmp_path, FILES["fashioniq"]()))
    dress, shirt, toptee = benchmark.parts
    assert [part.name for part in benchmark.parts] == ["dress", "shirt", "toptee"]
    assert dress.galleries == {"split": ("W9", "W1", "W5", "007"), "union": ("W9", "W1", "W5")}
    first, second = dress.queries
    assert (first.id, first.reference, first.relevant, first.excluded) == ("dress/0", "W9", ("W1",), ("W9",))
    assert first.modifications == {
        "and": "is red and has no sleeves",
        "and-reversed": "has no sleeves and is red",
        "comma": "is red, has no sleeves",
        "comma-reversed": "has no sleeves, is red",
    }
    assert second.modifications["and"] == " and isn\u2019t striped"
    assert second.modifications["comma-reversed"] == "isn\u2019t striped, "
    assert "W3" in shirt.galleries["split"]
    assert "W3" in toptee.galleries["split"]
    assert len(benchmark.pictures) == 10
    [official] = [protocol for protocol in benchmark.protocols if protocol.official]
    assert official is benchmark.protocols[0]
    assert (official.gallery, official.wording, official.removes) == ("split", ("and", "and-reversed"), False)
    assert [metric.name for metric in official.metrics] == ["recall@10", "recall@50"]


def test_cirr(tmp_path: Path) -> None:
    benchmark = load_benchmark("cirr", write(tmp_path, FILES["cirr"]()))
    [part] = benchmark.parts
    assert [query.id for query in part.queries] == ["70", "71", "72"]
    assert part.queries[1].modifications == {"caption": " "}
    names = part.galleries["split"]
    assert len(names) == 8
    for number, query in enumerate(part.queries):
        assert query.relevant == (names[number + 1],)
        assert query.candidates == tuple(name for name in names[:6] if name != query.reference)
        assert query.target_at is not None
        assert query.candidates[query.target_at] == query.relevant[0]
    assert part.queries[1].relevant[0] not in part.queries[1].grades
    assert part.queries[2].grades == {names[3]: -1.0, names[0]: 0.2}
    hidden = load_benchmark("cirr", tmp_path, "test1")
    assert hidden.hidden
    assert all(not query.relevant and len(query.candidates) == 5 for query in hidden.parts[0].queries)


def test_circo(tmp_path: Path) -> None:
    benchmark = load_benchmark("circo", write(tmp_path, FILES["circo"]()))
    [part] = benchmark.parts
    assert part.galleries["unlabeled"] == ("900", "17", "123456", "5", "42", "8", "77")
    first, second = part.queries
    assert first.relevant == ("17", "42", "5")
    assert first.aspects == ("addition", "viewpoint")
    assert (second.id, second.reference, second.relevant) == ("1", "5", ("8",))
    assert second.modifications == {"caption": "is alone", "concept": "a cat, is alone"}
    assert benchmark.pictures["17"].path.name == "000000000017.jpg"
    assert load_benchmark("circo", tmp_path, "test").hidden


def test_genecis(tmp_path: Path) -> None:
    benchmark = load_benchmark("genecis", write(tmp_path, FILES["genecis"]()))
    assert [part.name for part in benchmark.parts] == [
        "focus_attribute",
        "change_attribute",
        "focus_object",
        "change_object",
    ]
    first = benchmark.parts[0].queries[0]
    assert first.candidates == (
        *("12@-3.5,2.25,20,30", "13@0,0,20,30", "12@-3.5,2.25,20,30"),
        *("11@0,0,20,30", "13@4,0,20,30"),
    )
    assert first.target_at == 0
    assert first.reference == "11@0,0,20,30"
    picture = benchmark.pictures["12@-3.5,2.25,20,30"]
    assert (picture.path.name, picture.box) == ("12.jpg", (-3.5, 2.25, 20.0, 30))
    assert len(benchmark.parts[2].queries) == 2  # a template that comes twice counts twice
    assert benchmark.pictures["3"].path.name == "000000000003.jpg"
    assert len(load_pictures("genecis", tmp_path, "focus_attribute")) == 5
    paint(benchmark)
    assert picture.open().size == (40, 40)  # 34 x 40, padded
    assert benchmark.pictures["3"].open().size == (50, 40)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("above", [False, True])
def test_the_folder_may_be_the_benchmarks_own_or_the_one_above(tmp_path: Path, name: str, above: bool) -> None:
    write(tmp_path / (ROOTS[name] if above else "."), FILES[name]())
    for split in SPLITS[name][:1]:
        assert load_benchmark(name, tmp_path, split).parts[0].queries


@pytest.mark.parametrize(
    ("name", "moved"),
    [
        ("fashioniq", {"images": "image_data/dress", "suffix": ".png"}),
        ("fashioniq", {"images": "resized_image/dress", "suffix": ".jpg"}),
        ("fashioniq", {"images": "images", "suffix": ".png"}),
        ("cirr", {"dev": "img_raw/dev"}),
        ("cirr", {"cirr/captions": "captions", "cirr/image_splits": "image_splits", "dev": "images/dev"}),
        ("circo", {"COCO2017_unlabeled/unlabeled2017": "unlabeled2017"}),
        ("circo", {"COCO2017_unlabeled/unlabeled2017": "coco/unlabeled2017"}),
        ("circo", {"COCO2017_unlabeled/annotations/image_info_unlabeled2017.json": "annotations/"}),
        ("genecis", {"VG_100K_all": "VG_100K"}),
        ("genecis", {"VG_100K_all": "visual_genome/VG_100K_2", "val2017": "coco/val2017"}),
    ],
)
def test_layouts(tmp_path: Path, name: str, moved: dict[str, str]) -> None:
    """Files are written where the official layout has them, then moved to where others have them, and found there."""
    benchmark = load_benchmark(name, write(tmp_path, FILES[name]()))
    paint(benchmark)
    suffix = moved.pop("suffix", None)
    for old, new in moved.items():
        target = tmp_path / new / Path(old).name if new.endswith("/") else tmp_path / new
        target.parent.mkdir(parents=True, exist_ok=True)
        if target != tmp_path / old:
            (tmp_path / old).rename(target)
        for path in target.iterdir() if suffix else ():
            path.rename(path.with_suffix(suffix))
    again = load_benchmark(name, tmp_path)
    assert again.parts == benchmark.parts
    there = [picture.path for picture in again.pictures.values() if picture.path.exists()]
    assert len(there) == len(again.pictures)


def test_both_visual_genome_folders_are_searched(tmp_path: Path) -> None:
    benchmark = load_benchmark("genecis", write(tmp_path, FILES["genecis"]()))
    paint(benchmark)
    (tmp_path / "VG_100K_2").mkdir()
    (tmp_path / "VG_100K_all").rename(tmp_path / "VG_100K")
    (tmp_path / "VG_100K" / "12.jpg").rename(tmp_path / "VG_100K_2" / "12.jpg")
    again = load_benchmark("genecis", tmp_path)
    assert all(picture.path.exists() for picture in again.pictures.values())


def test_annotations_alone_load_and_say_where_pictures_belong(tmp_path: Path) -> None:
    benchmark = load_benchmark("cirr", write(tmp_path, FILES["cirr"]()))
    assert benchmark.pictures["dev-0-0-img0"].path == tmp_path / "dev" / "dev-0-0-img0.png"


@pytest.mark.parametrize("name", NAMES)
def test_a_drawn_world_loads_with_its_pictures(tmp_path: Path, name: str) -> None:
    size = Size(queries=4, gallery=40, side=32)
    drawn = world("wardrobe")
    write_export(drawn, exported(drawn, name, size), tmp_path / "root", side=32, workers=1)
    for split in SPLITS[name][:2]:
        if name == "fashioniq" and split == "train":
            continue
        benchmark = load_benchmark(name, tmp_path / "root", split)
        assert all(picture.path.is_file() for picture in benchmark.pictures.values())
        assert all(part.queries for part in benchmark.parts)
    assert isinstance(next(iter(benchmark.pictures.values())).open(), Image.Image)


def test_names_and_splits_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'FashionIQ' is no benchmark; did you mean fashioniq"):
        load_benchmark("FashionIQ", tmp_path)
    with pytest.raises(InputError, match="there are fashioniq, cirr, circo, genecis"):
        load_benchmark("flickr", tmp_path)
    with pytest.raises(InputError, match=r"cirr has no split 'test'.*take --split val"):
        load_benchmark("cirr", tmp_path, "test")
    with pytest.raises(InputError, match="no public answers; take --split val"):
        load_benchmark("fashioniq", tmp_path, "test")
    with pytest.raises(InputError, match="no such folder"):
        load_benchmark("cirr", tmp_path / "no")
    with pytest.raises(InputError, match=r"no circo here: there is no annotations/val.json.*data where circo"):
        load_benchmark("circo", tmp_path)
    with pytest.raises(InputError, match="no pictures 'val'"):
        load_pictures("circo", tmp_path, "val")

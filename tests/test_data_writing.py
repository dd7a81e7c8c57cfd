"""Whatever is written is read back as it was; a failed writing leaves nothing."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from instructcir.data.reading import read_pairs, read_triplets
from instructcir.data.records import Pair, Triplet
from instructcir.data.writing import write_pairs, write_triplets
from instructcir.errors import InputError

FORMATS = ("data.jsonl", "data.parquet", "shards")
TEXTS = ("a dog", 'quo"te \\ back', "två\nlines\t🐕", "蓝色的狗", "\u2028 odd \x7f")


def encoded(number: int, kind: str) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (6, 4), (number, 0, 0)).save(content, format=kind)
    return content.getvalue()


@pytest.fixture
def pairs(tmp_path: Path) -> list[Pair]:
    (tmp_path / "in ö").mkdir()
    found = []
    for number, text in enumerate(TEXTS):
        path = tmp_path / "in ö" / f"{number} ü.png"
        path.write_bytes(encoded(number, "PNG"))
        found.append(Pair(str(path), text, f"id/{number} ä"))
    return found


def content_of(record: Pair | Triplet) -> bytes:
    return record.image if isinstance(record.image, bytes) else Path(str(record.image)).read_bytes()


def texts_of(record: Pair | Triplet) -> tuple[str, ...]:
    return tuple(
        value for name in type(record).__slots__ if isinstance(value := getattr(record, name), str) and name != "image"
    )


@pytest.mark.parametrize("name", FORMATS)
def test_pairs_come_back(tmp_path: Path, pairs: list[Pair], name: str) -> None:
    assert write_pairs(tmp_path / name, pairs, shard_size=2) == len(pairs)
    found = list(read_pairs(tmp_path / name))
    assert [content_of(pair) for pair in found] == [content_of(pair) for pair in pairs]
    assert [(pair.caption, pair.id) for pair in found] == [(pair.caption, pair.id) for pair in pairs]
    if name == "shards":
        assert sorted(os.listdir(tmp_path / name)) == ["00000.tar", "00001.tar", "00002.tar"]
    else:
        assert [pair.image for pair in found] == [pair.image for pair in pairs]


@pytest.mark.parametrize("name", FORMATS)
def test_triplets_come_back(tmp_path: Path, pairs: list[Pair], name: str) -> None:
    triplets = [
        Triplet(pair.image, f"{pair.caption}!", f"{pair.caption}?", pair.caption, pair.id, "kind") for pair in pairs
    ]
    triplets.append(Triplet(pairs[0].image, "in blue", "a blue dog", "", "plain"))
    assert write_triplets(tmp_path / name, iter(triplets)) == len(triplets)
    found = list(read_triplets(tmp_path / name))
    assert [texts_of(one) for one in found] == [texts_of(one) for one in triplets]
    assert [content_of(one) for one in found] == [content_of(one) for one in triplets]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_pictures_as_bytes_come_back(tmp_path: Path, kind: str) -> None:
    pairs = [Pair(encoded(number, kind), f"text {number}", str(number)) for number in range(1030)]
    write_pairs(tmp_path / "a.parquet", pairs)
    assert list(read_pairs(tmp_path / "a.parquet")) == pairs
    write_pairs(tmp_path / "shards", pairs[:9])
    assert list(read_pairs(tmp_path / "shards")) == pairs[:9]


def test_a_moved_folder_still_finds_its_pictures(tmp_path: Path) -> None:
    (tmp_path / "one" / "images").mkdir(parents=True)
    picture = tmp_path / "one" / "images" / "a.png"
    picture.write_bytes(encoded(1, "PNG"))
    for name in ("a.jsonl", "a.parquet"):
        write_pairs(tmp_path / "one" / name, [Pair(picture, "a dog", "1")])
    (tmp_path / "one").rename(tmp_path / "two")
    for name in ("a.jsonl", "a.parquet"):
        [pair] = read_pairs(tmp_path / "two" / name)
        assert pair.image == str(tmp_path / "two" / "images" / "a.png")


def test_equal_samples_make_equal_files(tmp_path: Path, pairs: list[Pair]) -> None:
    for folder in ("one", "two"):
        write_pairs(tmp_path / folder, pairs)
    assert (tmp_path / "one" / "00000.tar").read_bytes() == (tmp_path / "two" / "00000.tar").read_bytes()


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_is_left_of_a_writing_that_failed(tmp_path: Path, pairs: list[Pair], name: str) -> None:
    def failing() -> Iterator[Pair]:
        yield from pairs
        raise RuntimeError("the source failed")

    before = sorted(os.listdir(tmp_path))
    with pytest.raises(RuntimeError, match="the source failed"):
        write_pairs(tmp_path / name, failing(), shard_size=2)
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize("name", FORMATS)
def test_no_samples_are_written_and_refused_when_read(tmp_path: Path, name: str) -> None:
    assert write_pairs(tmp_path / name, []) == 0
    with pytest.raises(InputError, match="holds no samples"):
        list(read_pairs(tmp_path / name))


def test_what_a_format_cannot_hold_is_refused(tmp_path: Path) -> None:
    path, picture = tmp_path / "a.png", encoded(1, "PNG")
    path.write_bytes(picture)
    wrong: list[tuple[str, list[object], str]] = [
        ("a.jsonl", [picture], "paths of pictures"),
        ("a.parquet", [path, picture], "all images are paths, or all are bytes"),
        ("a.parquet", [picture, path], "all images are paths, or all are bytes"),
        ("shards", [np.zeros((2, 2, 3), np.uint8)], "not ndarray"),
        ("shards", [b"GIF89a"], "JPEG, PNG and WebP"),
        ("shards", [tmp_path / "none.png"], "cannot be read"),
    ]
    for name, images, reason in wrong:
        with pytest.raises(InputError, match=reason):
            write_pairs(tmp_path / name, [Pair(image, "x", "1") for image in images])
    with pytest.raises(InputError, match="shard_size is 0"):
        write_pairs(tmp_path / "shards", [], shard_size=0)
    assert sorted(os.listdir(tmp_path)) == ["a.png"]

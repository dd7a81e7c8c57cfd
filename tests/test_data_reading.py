"""Pairs and triplets come back as written, from every format; what is wrong is named, and stops or is left out."""

from __future__ import annotations

import io
import json
import os
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from instructcir.data.reading import files_of, read_pairs, read_triplets
from instructcir.data.records import Pair, Triplet
from instructcir.errors import InputError


def picture(colour: str = "red") -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(content, format="JPEG")
    return content.getvalue()


PICTURE = picture()


def jsonl(path: Path, *lines: object) -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts), encoding="utf-8", errors="surrogatepass")
    return path


def shard(path: Path, *members: tuple[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as tar:
        for name, content in members:
            about = tarfile.TarInfo(name)
            about.size = len(content)
            tar.addfile(about, io.BytesIO(content))
    return path


def sample(key: str, caption: str, **more: Any) -> list[tuple[str, bytes]]:
    """One sample as img2dataset leaves it."""
    told = json.dumps(
        {"caption": caption, "key": key, "status": "success", "width": 8, "url": "http://x/a.b.jpg", **more}
    )
    return [(f"{key}.jpg", PICTURE), (f"{key}.txt", caption.encode()), (f"{key}.json", told.encode())]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for name in ("a.jpg", "blå 蓝.jpg"):
        (tmp_path / "images" / name).write_bytes(PICTURE)
    return tmp_path


def refused(call: Callable[[], Any]) -> str:
    with pytest.raises(InputError) as caught:
        list(call())
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_pairs_of_a_jsonl_file(folder: Path) -> None:
    path = jsonl(
        folder / "pairs.jsonl",
        "\ufeff" + json.dumps({"image": "images/a.jpg", "caption": "a dog", "extra": [1, {}]}),
        "",
        '  {"image": "images/bl\\u00e5 \\u84dd.jpg", "caption": "två 🐕", "id": "蓝"}\r',
        {"image": str(folder / "images" / "a.jpg"), "caption": "c", "id": 7},
    )
    assert list(read_pairs(path)) == [
        Pair(str(folder / "images" / "a.jpg"), "a dog", "1"),
        Pair(str(folder / "images" / "blå 蓝.jpg"), "två 🐕", "蓝"),
        Pair(str(folder / "images" / "a.jpg"), "c", "7"),
    ]


def test_triplets_of_a_jsonl_file(folder: Path) -> None:
    whole = {"image": "images/a.jpg", "instruction": "in blue", "modified_caption": "a blue dog", "caption": "a dog"}
    path = jsonl(folder / "t.jsonl", {**whole, "kind": "colour", "id": "x"}, {**whole, "caption": None})
    image = str(folder / "images" / "a.jpg")
    assert list(read_triplets(path)) == [
        Triplet(image, "in blue", "a blue dog", "a dog", "x", "colour"),
        Triplet(image, "in blue", "a blue dog", "", "2", ""),
    ]


BAD_LINES: list[tuple[object, str]] = [
    ('{"image": ', "no JSON"),
    ("[" * 100_000, "no JSON"),
    ('["a"]', "no JSON object but list"),
    ("NaN", "no JSON object but float"),
    ({"image": "images/a.jpg"}, '"caption" is missing'),
    ({"image": "images/a.jpg", "caption": 3}, '"caption" is no string'),
    ({"image": "images/a.jpg", "caption": " "}, '"caption" is empty'),
    ('{"image": "images/a.jpg", "caption": "\\ud800"}', "surrogate"),
    ({"caption": "x"}, '"image" is missing'),
    ({"image": 5, "caption": "x"}, '"image" is neither'),
    ({"image": "", "caption": "x"}, '"image" is neither'),
    ({"image": "images/none.jpg", "caption": "x"}, "no such picture"),
    ({"image": "images", "caption": "x"}, "no such picture"),
    ({"image": "a\0b", "caption": "x"}, "no such picture"),
]


@pytest.mark.parametrize(("line", "reason"), BAD_LINES, ids=range(len(BAD_LINES)))
def test_a_bad_line_stops_with_its_place_or_is_left_out(folder: Path, line: object, reason: str) -> None:
    good = {"image": "images/a.jpg", "caption": "a dog"}
    path = jsonl(folder / "pairs.jsonl", good, line, good)
    message = refused(lambda: read_pairs(path))
    assert message.startswith(f"{path}, line 2: ")
    assert reason in message
    bad: list[tuple[str, str]] = []
    assert len(list(read_pairs(path, on_bad=lambda name, why: bad.append((name, why))))) == 2
    [(name, why)] = bad
    assert name == "2"
    assert reason in why


def test_a_line_that_is_not_utf_8_is_named(folder: Path) -> None:
    (folder / "p.jsonl").write_bytes(b'{"image": "\xff"}\n')
    assert refused(lambda: read_pairs(folder / "p.jsonl")).endswith("line 1: not UTF-8 text")


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_a_source_without_samples_is_an_error(folder: Path, content: str) -> None:
    (folder / "p.jsonl").write_text(content)
    assert "holds no samples" in refused(lambda: read_pairs(folder / "p.jsonl"))


def test_a_wrong_path_is_an_error_at_once(tmp_path: Path) -> None:
    for wrong in (tmp_path / "none.jsonl", tmp_path / "*.tar", tmp_path):
        with pytest.raises(InputError):
            read_pairs(wrong)
    (tmp_path / "a.csv").write_text("x")
    with pytest.raises(InputError, match=r"no \.parquet, \.jsonl or \.tar file"):
        read_pairs(tmp_path / "a.csv")


def test_parquet_with_paths_bytes_and_the_datasets_library_s_pictures(folder: Path) -> None:
    captions = {"caption": ["a", "b"], "id": ["x", "y"], "unused": [1, 2]}
    images = ["images/a.jpg", "images/blå 蓝.jpg"]
    pq.write_table(pa.table({"image": images, **captions}), folder / "paths.parquet")
    pq.write_table(
        pa.table({"jpg": [PICTURE, PICTURE], "caption": ["a", "b"], "key": [1, 2]}), folder / "bytes.parquet"
    )
    structs = [{"bytes": PICTURE, "path": None}, {"bytes": None, "path": "images/a.jpg"}]
    pq.write_table(pa.table({"image": structs, **captions}), folder / "structs.parquet")
    paths = [str(folder / name) for name in images]
    assert list(read_pairs(folder / "paths.parquet")) == [Pair(paths[0], "a", "x"), Pair(paths[1], "b", "y")]
    assert list(read_pairs(folder / "bytes.parquet")) == [Pair(PICTURE, "a", "1"), Pair(PICTURE, "b", "2")]
    assert list(read_pairs(folder / "structs.parquet")) == [Pair(PICTURE, "a", "x"), Pair(paths[0], "b", "y")]


def test_parquet_that_cannot_be_used_says_why(folder: Path) -> None:
    pq.write_table(pa.table({"image": ["images/a.jpg"], "text": ["a"]}), folder / "a.parquet")
    message = refused(lambda: read_triplets(folder / "a.parquet"))
    assert "instruction, modified_caption" in message
    assert "it has image, text" in message
    pq.write_table(pa.table({"caption": ["a"]}), folder / "b.parquet")
    assert "lacks the column image" in refused(lambda: read_pairs(folder / "b.parquet"))
    (folder / "c.parquet").write_bytes(b"")
    (folder / "d.parquet").write_bytes((folder / "a.parquet").read_bytes()[:-9])
    for name in ("c.parquet", "d.parquet"):
        assert "no readable Parquet file" in refused(lambda name=name: read_pairs(folder / name))
    pq.write_table(pa.table({"image": ["images/a.jpg", None], "caption": [None, "b"]}), folder / "e.parquet")
    bad: list[tuple[str, str]] = []
    assert list(read_pairs(folder / "e.parquet", on_bad=lambda *what: bad.append(what))) == []
    assert bad == [("0", '"caption" is missing'), ("1", '"image" is missing')]


def test_shards_as_img2dataset_leaves_them(tmp_path: Path) -> None:
    shard(tmp_path / "00000.tar", *sample("000000001", "a dog"), *sample("000000002", "två 🐕"))
    shard(tmp_path / "00001.tar", *sample("000010001", "c"))
    pq.write_table(pa.table({"url": ["http://x"], "caption": ["a dog"]}), tmp_path / "00000.parquet")
    (tmp_path / "00000_stats.json").write_text("{}")
    expected = [
        Pair(PICTURE, "a dog", "000000001"),
        Pair(PICTURE, "två 🐕", "000000002"),
        Pair(PICTURE, "c", "000010001"),
    ]
    assert list(read_pairs(tmp_path)) == expected
    assert list(read_pairs(str(tmp_path / "*.tar"))) == expected
    assert list(read_pairs(tmp_path / "00001.tar")) == expected[2:]
    assert [Path(file).name for file in files_of(tmp_path)] == ["00000.tar", "00001.tar"]


@pytest.mark.parametrize(("name", "mode"), [("a.tar.gz", "w:gz"), ("a.tgz", "w:gz")])
def test_compressed_shards(tmp_path: Path, name: str, mode: str) -> None:
    path = shard(tmp_path / name, *sample("1", "a dog"), mode=mode)
    assert list(read_pairs(path)) == [Pair(PICTURE, "a dog", "1")]
    path.write_bytes(path.read_bytes()[:-200])
    assert "damaged or cut short" in refused(lambda: read_pairs(path))


def test_odd_members_of_a_shard(tmp_path: Path) -> None:
    path = shard(
        tmp_path / "a.tar",
        ("._1.jpg", b"a Mac's shadow file"),
        ("b/1.JPG", PICTURE),
        ("b/1.txt", b"upper case, in a folder"),
        ("b/1.npy", b"passed over"),
        ("2.txt", b"no picture"),
        ("3.jpg", PICTURE),
        ("3.json", b"{"),
        ("4.jpg", PICTURE),
        ("4.txt", b"\xff"),
        ("5.seg.png", b"another kind of file"),
        ("5.png", PICTURE),
        ("5.json", b'{"caption": "of the JSON"}'),
    )
    bad: dict[str, str] = {}
    found = list(read_pairs(path, on_bad=bad.__setitem__))
    assert found == [Pair(PICTURE, "upper case, in a folder", "b/1"), Pair(PICTURE, "of the JSON", "5")]
    assert list(bad) == ["2", "3", "4"]
    assert bad["2"] == "has no picture"
    assert "sample 2: has no picture" in refused(lambda: read_pairs(path))


def test_triplets_of_a_shard(tmp_path: Path) -> None:
    told = {"instruction": "in blue", "modified_caption": "a blue dog", "kind": "colour"}
    path = shard(tmp_path / "a.tar", *sample("7", "a dog", **told))
    assert list(read_triplets(path)) == [Triplet(PICTURE, "in blue", "a blue dog", "a dog", "7", "colour")]


@pytest.mark.parametrize("cut", [100, 512 + 100, 1024, 2048 + 10])
def test_a_shard_cut_anywhere_is_named_and_its_whole_samples_are_kept(tmp_path: Path, cut: int) -> None:
    whole = shard(tmp_path / "a.tar", *sample("1", "a dog"), *sample("2", "a cat"))
    size = 0
    with tarfile.open(whole) as tar:
        size = tar.getmembers()[3].offset  # where the second sample begins
    whole.write_bytes(whole.read_bytes()[: size + cut])
    message = refused(lambda: read_pairs(whole))
    assert message.startswith(str(whole))
    assert "cut short" in message
    bad: list[tuple[str, str]] = []
    found = list(read_pairs(whole, on_bad=lambda *what: bad.append(what)))
    assert found[0] == Pair(PICTURE, "a dog", "1")
    assert bad[-1][0] == str(whole)


def test_a_shard_damaged_within_or_empty_is_named(tmp_path: Path) -> None:
    path = shard(tmp_path / "a.tar", *sample("1", "a dog"), *sample("2", "a cat"), *sample("3", "a cow"))
    with tarfile.open(path) as tar:
        at = tar.getmembers()[3].offset
    content = bytearray(path.read_bytes())
    content[at : at + 512] = b"\x55" * 512
    path.write_bytes(content)
    bad: list[tuple[str, str]] = []
    assert [pair.id for pair in read_pairs(path, on_bad=lambda *what: bad.append(what))] == ["1"]
    assert bad[0][0] == str(path)
    path.write_bytes(b"")
    assert "damaged or cut short" in refused(lambda: read_pairs(path))


def test_memory_is_flat(tmp_path: Path) -> None:
    rows = [{"image": b"\xff\xd8\xff" + os.urandom(50_000), "caption": "a dog"} for _ in range(300)]
    members = [
        (f"{number}.{kind}", row["image"] if kind == "jpg" else b"a dog")
        for number, row in enumerate(rows)
        for kind in ("jpg", "txt")
    ]
    shard(tmp_path / "a.tar", *members)
    schema = pa.schema([("image", pa.large_binary()), ("caption", pa.string())])
    with pq.ParquetWriter(tmp_path / "a.parquet", schema) as to:
        for start in range(0, 300, 30):
            to.write_table(pa.Table.from_pylist(rows[start : start + 30], schema=schema))
    del rows, members
    for name, most in (("a.tar", 2e6), ("a.parquet", 8e6)):  # of 15 MB; a batch of 128 is 6.4 MB
        before = pa.total_allocated_bytes()
        tracemalloc.start()
        allocated = [pa.total_allocated_bytes() for _ in read_pairs(tmp_path / name)]
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(allocated) == 300
        assert peak < most
        assert max(allocated) - before < 13e6  # with pre_buffer 24e6


def test_reading_is_lazy(folder: Path) -> None:
    path = jsonl(folder / "p.jsonl", *[{"image": "images/a.jpg", "caption": str(n)} for n in range(5)], "broken")
    found = read_pairs(path)
    assert [next(found).caption for _ in range(5)] == list("01234")
    with pytest.raises(InputError):
        next(found)

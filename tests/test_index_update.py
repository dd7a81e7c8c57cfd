"""An index follows its folders: what is known is not encoded again, and what is wrong is said in one line."""

from __future__ import annotations

import os
import resource
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from index_writer import DIMENSION, MeanColours, draw, identity
from instructcir.encoding import bulk
from instructcir.encoding.files import read_file
from instructcir.errors import InputError, StoreError
from instructcir.index import cache
from instructcir.index.health import compact, status_of, verify
from instructcir.index.lock import only_writer
from instructcir.index.manifest import Manifest
from instructcir.index.metadata import read_metadata
from instructcir.index.reader import Gallery
from instructcir.index.report import Report
from instructcir.index.scan import scan
from instructcir.index.table import PictureTable
from instructcir.index.update import update_index
from instructcir.index.vectors import pack, unpack
from instructcir.index.watch import changes


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    draw(folder, [f"{number}.png" for number in range(8)] + ["ü 更/" + "n" * 200 + ".png"])
    return folder


def run(photos: Path, **options: Any) -> tuple[Report, int]:
    encoder = MeanColours()
    report = update_index(photos.parent / "index", [photos], encoder, identity(), **options)
    return report, encoder.encoded


def gallery(photos: Path) -> Gallery:
    return Gallery(photos.parent / "index")


def by_path(photos: Path) -> dict[str, np.ndarray[Any, Any]]:
    found = gallery(photos)
    rows = found.describe(range(len(found)), ["path"])
    return {Path(row["path"]).name: vector for row, vector in zip(rows, found.vectors_GD, strict=True)}


def expected(path: Path) -> np.ndarray[Any, Any]:
    vector = MeanColours().prepare(Image.open(path).convert("RGB"))
    return np.asarray(vector / np.linalg.norm(vector))


def test_every_change_costs_what_it_must(photos: Path) -> None:
    assert run(photos)[1] == 9
    assert run(photos)[1] == 0
    os.rename(photos / "0.png", photos / "ü 更" / "renamed.png")
    shutil.copy(photos / "1.png", photos / "copy.png")
    os.remove(photos / "2.png")
    os.utime(photos / "3.png", (5, 5))
    draw(photos, ["4.png", "new.png"], seed=1)
    report, encoded = run(photos, fragment=1)
    assert encoded == report.encoded == 2
    assert (report.reused, report.removed, report.unchanged) == (3, 1, 4 + 1)
    stored = by_path(photos)
    files = {path.name: path for path in photos.rglob("*.png")}
    assert stored.keys() == files.keys()
    for name, path in files.items():
        np.testing.assert_allclose(stored[name], expected(path), atol=1e-3)
    assert verify(photos.parent / "index", files=True) == []
    assert status_of(photos.parent / "index").plan.unchanged == 10  # type: ignore[union-attr]


def test_new_pictures_are_appended_and_only_changed_ones_compared_with_what_is_stored(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    merged: list[int] = []
    write = PictureTable.write

    def counted(table: PictureTable, rows: Any) -> None:
        merged.append(len(rows))
        write(table, rows)

    monkeypatch.setattr(PictureTable, "write", counted)
    assert run(photos, fragment=3)[0].encoded == 9
    assert merged == []
    draw(photos, ["3.png"], seed=7)
    draw(photos, ["new 1.png", "new 2.png"], seed=8)
    assert run(photos)[0].encoded == 3
    assert merged == [3]  # one commit for all that is written together
    found = by_path(photos)
    assert len(gallery(photos)) == len(found) == 11
    assert np.allclose(found["3.png"], expected(photos / "3.png"), atol=1e-3)


def test_what_cannot_be_used_is_named_and_costs_nothing_else(photos: Path) -> None:
    run(photos)
    (photos / "5.png").write_bytes(b"no picture any more")
    (photos / ".hidden.png").write_bytes(b"x")
    (photos / "loop").symlink_to(photos)
    (photos / "dangling.png").symlink_to(photos / "nowhere")
    os.mkfifo(photos / "pipe.png")
    report, encoded = run(photos)
    assert encoded == 0
    assert sorted(Path(path).name for path, _ in report.problems) == ["5.png", "dangling.png", "loop", "pipe.png"]
    assert len(gallery(photos)) == 8


def test_a_broken_file_is_decoded_once_until_it_changes(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(bulk, "read_file", lambda path: opened.append(path) or read_file(path))
    broken = photos / "broken.png"
    broken.write_bytes(b"no picture")
    run(photos)
    assert len(opened) == 10
    again, _ = run(photos)
    assert (again.problems, len(opened)) == ([(str(broken), again.problems[0][1])], 10)
    assert run(photos, retry=True)[0].problems == again.problems
    assert opened[10:] == [str(broken)]
    shutil.copy(photos / "1.png", photos / "keep.png")
    draw(photos, ["broken.png"], seed=11)
    mended, _ = run(photos)
    assert (mended.problems, mended.encoded, mended.reused) == ([], 1, 1)


def test_a_picture_that_the_model_cannot_take_is_left_out_by_name(photos: Path) -> None:
    class Narrow(MeanColours):
        def prepare(self, image: Image.Image) -> Any:
            if image.getpixel((0, 0)) == first:
                raise InputError("the picture takes 9,000 tokens with its prompt")
            return super().prepare(image)

    first = Image.open(photos / "3.png").convert("RGB").getpixel((0, 0))
    report = update_index(photos.parent / "index", [photos], Narrow(), identity())
    assert report.problems == [(str(photos / "3.png"), "the picture takes 9,000 tokens with its prompt")]
    assert report.encoded == 8


def test_a_change_of_a_few_rows_reads_a_few_rows(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(photos)
    reader = gallery(photos)
    os.remove(photos / "1.png")
    os.rename(photos / "2.png", photos / "moved.png")
    draw(photos, ["3.png", "new.png"], seed=12)
    run(photos)
    rows: list[int] = []
    monkeypatch.setattr(cache, "unpack", lambda vectors, scales: rows.append(len(vectors)) or unpack(vectors, scales))
    assert reader.refresh()
    assert rows == [2]
    files = {path.name: path for path in photos.rglob("*.png")}
    told = [Path(row["path"]).name for row in reader.describe(range(len(reader)), ["path"])]
    query = expected(photos / "new.png")
    assert sorted(told) == sorted(files)
    for name, vector, score in zip(told, reader.vectors_GD, reader.scores(query), strict=True):
        np.testing.assert_allclose(vector, expected(files[name]), atol=1e-3)
        assert abs(score - vector @ query) < 1e-6
    np.testing.assert_array_equal(reader.view.vectors([3, 0]), reader.vectors_GD[[3, 0]])
    whole = gallery(photos)  # a gallery that is opened anew leaves a cache of its version
    np.testing.assert_array_equal(whole.vectors_GD, reader.vectors_GD)
    assert rows == [2, 2]
    assert gallery(photos).ids_G.tolist() == reader.ids_G.tolist()
    assert rows == [2, 2]
    assert len(list((photos.parent / "index" / "cache").iterdir())) == 1


def test_watching_waits_until_a_change_has_settled(photos: Path) -> None:
    looks = 0

    def sleep(_: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 2:
            draw(photos, ["late.png"], seed=13)
        if looks == 3:
            draw(photos, ["later.png"], seed=14)
        if looks == 6:
            photos.rename(photos.with_name("away"))
        if looks == 8:
            photos.with_name("away").rename(photos)
        if looks == 10:
            os.remove(photos / "late.png")

    seen = changes([photos], seconds=1, sleep=sleep)
    next(seen)
    assert looks == 4
    next(seen)
    assert looks == 11


def test_names_that_are_not_utf8_are_named(photos: Path) -> None:
    (photos / os.fsdecode(b"bad\xff.png")).write_bytes((photos / "1.png").read_bytes())
    assert ["not UTF-8" in reason for _, reason in scan([photos]).problems] == [True]


def test_a_folder_that_is_missing_deletes_nothing(photos: Path) -> None:
    run(photos)
    photos.rename(photos.with_name("away"))
    with pytest.raises(StoreError, match="no such folder"):
        run(photos)
    assert len(gallery(photos)) == 9


def test_other_folders_stay_and_a_move_between_folders_encodes_nothing(photos: Path) -> None:
    run(photos)
    other = photos.parent / "other"
    other.mkdir()
    os.rename(photos / "1.png", other / "1.png")
    encoder = MeanColours()
    update_index(photos.parent / "index", [other], encoder, identity())
    assert encoder.encoded == 0
    assert len(gallery(photos)) == 9
    assert verify(photos.parent / "index", files=True) == []


def test_metadata_joins_by_file_name(photos: Path) -> None:
    told = photos.parent / "told.csv"
    told.write_text("file,price,brand,code\n1.png,30,x,007\n2.png,80,y's,008\nother/3.png,1,z,009\n", encoding="utf-8")
    run(photos, metadata=read_metadata(told))
    found = gallery(photos)
    cheap = found.matching("price < 50 and brand = 'x'")
    assert [Path(row["path"]).name for row in found.describe(np.flatnonzero(cheap).tolist(), ["path"])] == ["1.png"]
    told.write_text('{"file": "1.png", "price": 31}\n', encoding="utf-8")
    report, encoded = run(photos, metadata=read_metadata(told.rename(told.with_suffix(".jsonl"))))
    assert (report.described, encoded) == (1, 0)
    assert gallery(photos).matching("price = 31 and code = '007'").sum() == 1
    with pytest.raises(StoreError, match=r"where 'prize < 3': .*columns are id, path"):
        found.matching("prize < 3")


def test_columns_with_capitals_can_be_filtered_by(photos: Path) -> None:
    told = photos.parent / "told.csv"
    told.write_text("File,Price,brandName,SKU\n1.png,30,x,A1\n2.png,80,y,B2\n", encoding="utf-8")
    run(photos, metadata=read_metadata(told))
    found = gallery(photos)
    for where, names in {
        "Price < 50": ["1.png"],
        "brandName = 'y' and SKU like 'B%'": ["2.png"],
        "price > 50": ["2.png"],
        "`Price` in (30, 80)": ["1.png", "2.png"],
    }.items():
        numbers = np.flatnonzero(found.matching(where)).tolist()
        assert sorted(Path(row["path"]).name for row in found.describe(numbers, ["path"])) == names, where


def test_metadata_that_cannot_be_joined_is_refused(tmp_path: Path) -> None:
    told = tmp_path / "told.csv"
    for text, said in {
        "a,b\n1,2\n": "must name the picture",
        "file,id\na,b\n": "cannot be one",
        "file\n\n": "no rec",
    }.items():
        told.write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=said):
            read_metadata(told)


def test_another_model_is_refused_with_the_remedy(photos: Path) -> None:
    run(photos)
    with pytest.raises(StoreError, match=r"does not reproduce.*index anew"):
        update_index(photos.parent / "index", [photos], MeanColours(), identity(seed=1))
    assert Manifest.read(photos.parent / "index").identity == identity()


def test_a_second_writer_is_told_to_wait(photos: Path) -> None:
    run(photos)
    with only_writer(photos.parent / "index"), pytest.raises(StoreError, match=f"process {os.getpid()}"):
        run(photos)
    assert run(photos)[1] == 0


def test_a_folder_with_other_files_is_not_taken_over(photos: Path) -> None:
    with pytest.raises(StoreError, match="holds other files"):
        update_index(photos, [photos], MeanColours(), identity())


def test_a_run_that_was_killed_before_its_first_manifest_is_gone_on_with(photos: Path) -> None:
    place = photos.parent / "index"
    place.mkdir()
    (place / ".manifest.json.248c1137.tmp").write_text("{", encoding="utf-8")
    assert run(photos)[1] == 9


def test_a_disk_that_is_full_leaves_a_whole_index(photos: Path) -> None:
    run(photos)
    draw(photos, ["late.png"], seed=3)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (700, limits[1]))
    try:
        with pytest.raises((StoreError, InputError), match=r"File too large|the disk is full"):
            run(photos)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len(gallery(photos)) == 9
    assert run(photos)[1] == 1
    assert verify(photos.parent / "index", files=True) == []


def test_a_reader_keeps_its_version_until_it_refreshes(photos: Path) -> None:
    run(photos)
    reader = gallery(photos)
    os.remove(photos / "1.png")
    run(photos)
    compact(photos.parent / "index")
    assert len(reader) == 9 == len(reader.describe(range(9), ["path"]))
    assert reader.refresh()
    assert (len(reader), reader.refresh()) == (8, False)


def test_readers_beside_a_writer_see_whole_versions(photos: Path) -> None:
    run(photos)
    draw(photos, [f"more-{number}.png" for number in range(12)], seed=5)
    writer = threading.Thread(target=run, args=(photos,), kwargs={"fragment": 2})
    writer.start()
    reader, seen = gallery(photos), []
    while writer.is_alive():
        reader.refresh()
        seen.append(len(reader))
        assert len(reader.describe(range(len(reader)), ["path"])) == len(reader)
    writer.join()
    assert seen == sorted(seen)
    assert len(gallery(photos)) == 21


@pytest.mark.parametrize(("storage", "tolerance"), [("float16", 1e-3), ("int8", 8e-3)])
def test_vectors_come_back(storage: Any, tolerance: float) -> None:
    import pyarrow as pa

    made = np.random.default_rng(0).normal(size=(7, DIMENSION)).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    vectors, scales = pack(made, storage)
    back = unpack(pa.chunked_array([vectors.slice(0, 3), vectors.slice(3)]), pa.chunked_array([scales]))
    np.testing.assert_allclose(back, made, atol=tolerance)
    np.testing.assert_allclose(np.linalg.norm(back, axis=1), 1, atol=1e-6)

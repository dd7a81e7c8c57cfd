"""Files of triplets: read back as written, read by training, whole or absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from instructcir.data.reading import read_triplets
from instructcir.errors import InputError
from instructcir.synthesis.stored import read_verdicts, verdict_file
from instructcir.synthesis.written import Provenance, Source, Verdict, Written

ORIGIN = Provenance("rules", "0123456789abcdef", "2026-01-31T12:00:00Z")


def triplet(number: int, source: str = "a") -> Written:
    return Written(source, number, f"in blue {number}", "a blue dress", "colour", "direct", ("negation",), ORIGIN)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "pictures" / "red dress.png"
    path.parent.mkdir()
    Image.new("RGB", (8, 8), "red").save(path)
    return path


def test_what_is_written_is_read_back(tmp_path: Path, picture: Path) -> None:
    source = Source("a", str(picture), "a red dress", str(picture), "another")
    rows = [(source, Verdict(triplet(n), "near duplicate", "of a#0", ("length", "schema"))) for n in range(1500)]
    with verdict_file(tmp_path / "r.parquet", reasons=True) as file:
        for row in rows:
            file.add(*row)
    assert file.count == 1500
    assert list(read_verdicts(tmp_path / "r.parquet")) == rows


def test_training_reads_what_is_kept(tmp_path: Path, picture: Path) -> None:
    with verdict_file(tmp_path / "t.parquet") as file:
        file.add(Source("a", str(picture), "a red dress"), Verdict(triplet(3)))
    os.rename(tmp_path, moved := tmp_path.with_name(tmp_path.name + "-moved"))  # a picture below goes with the file
    [read] = read_triplets(moved / "t.parquet")
    os.rename(moved, tmp_path)
    assert (read.instruction, read.modified_caption, read.caption) == ("in blue 3", "a blue dress", "a red dress")
    assert (read.id, read.kind, read.image) == ("a#3", "colour", str(moved / "pictures" / "red dress.png"))


def test_equal_pictures_in_a_row_are_stored_about_once(tmp_path: Path) -> None:
    picture = os.urandom(40_000)
    with verdict_file(tmp_path / "t.parquet") as file:
        for number in range(4):
            file.add(Source("a", picture, "noise"), Verdict(triplet(number)))
    assert (tmp_path / "t.parquet").stat().st_size < 60_000
    assert {source.image for source, _ in read_verdicts(tmp_path / "t.parquet")} == {picture}


def test_an_empty_file_is_a_file(tmp_path: Path) -> None:
    with verdict_file(tmp_path / "t.parquet"):
        pass
    assert list(read_verdicts(tmp_path / "t.parquet")) == []


def test_nothing_stands_there_after_an_error(tmp_path: Path, picture: Path) -> None:
    def fail() -> None:
        with verdict_file(tmp_path / "t.parquet") as file:
            file.add(Source("a", str(picture), "a"), Verdict(triplet(0)))
            file.add(Source("b", b"bytes", "b"), Verdict(triplet(0, "b")))

    with pytest.raises(InputError, match="b: in one Parquet file all pictures are paths, or all are bytes"):
        fail()
    assert [path.name for path in tmp_path.iterdir()] == ["pictures"]


def test_another_parquet_file_is_refused(tmp_path: Path, picture: Path) -> None:
    from instructcir.data.records import Triplet
    from instructcir.data.writing import write_triplets

    write_triplets(tmp_path / "t.parquet", [Triplet(str(picture), "in blue", "a blue dress", "a red dress", "a")])
    with pytest.raises(InputError, match=r"lacks the column source, style"):
        list(read_verdicts(tmp_path / "t.parquet"))

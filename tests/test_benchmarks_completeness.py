"""The data doctor: what is missing, broken or not official is named; what is complete is called so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from instructcir.benchmarks import completeness
from instructcir.benchmarks.completeness import check_data, require_pictures
from instructcir.benchmarks.official import official as known
from instructcir.benchmarks.registry import NAMES, PICTURE_SPLITS, load_benchmark
from instructcir.errors import InputError
from instructcir.files import sha256_of
from tiny_benchmarks import FILES, official, paint, write

__all__ = ["official"]


@pytest.fixture
def cirr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A complete copy of a CIRR whose official files and totals are those of the tiny one."""
    root = write(tmp_path, FILES["cirr"]())
    for split in ("val", "test1"):
        paint(load_benchmark("cirr", root, split))
    files = {path: sha256_of(root / path) for path in FILES["cirr"]()}
    tiny = replace(known("cirr"), pictures={"val": 8, "test1": 8}, total=16, files=files)
    monkeypatch.setattr(completeness, "official", lambda name: tiny)
    return root


def test_a_complete_copy(cirr: Path) -> None:
    steps: list[tuple[int, int]] = []
    findings = check_data("cirr", cirr, progress=lambda done, total: steps.append((done, total)))
    assert all(finding.good for finding in findings)
    assert [finding.detail for finding in findings] == [
        "4 of 4 are there and are the official ones",
        "8 of 8 names: complete",
        "8 of 8 names: complete",
        "16 of 16 names: complete",
    ]
    assert steps == [(16, 16)]


@pytest.mark.parametrize("quick", [False, True])
def test_missing_broken_and_truncated_pictures_are_named(cirr: Path, quick: bool) -> None:
    paths = [cirr / "dev" / f"dev-{number}-0-img0.png" for number in range(4)]
    paths[0].unlink()
    paths[1].write_bytes(b"")
    paths[2].write_bytes(paths[3].read_bytes()[:60])
    paths[3].write_bytes(b"<html>not found</html>")
    _, val, test1, together = check_data("cirr", cirr, quick=quick)
    assert test1.good
    assert not val.good
    assert not together.good
    expected = {"dev-0-0-img0", "dev-1-0-img0"} | (set() if quick else {"dev-2-0-img0", "dev-3-0-img0"})
    assert set(val.bad) == expected
    assert val.bad["dev-0-0-img0"] == "missing"
    assert val.detail == f"{8 - len(expected)} of 8 names: 1 missing, {len(expected) - 1} cannot be used"
    [_, only] = check_data("cirr", cirr, ["test1"], quick=quick)
    assert only.good


def test_other_annotations_are_told(cirr: Path) -> None:
    path = cirr / "cirr/captions/cap.rc2.val.json"
    path.write_bytes(path.read_bytes() + b"\n")
    (cirr / "cirr/captions/cap.rc2.test1.json").unlink()
    files = check_data("cirr", cirr, quick=True)[0]
    assert not files.good
    assert files.bad == {
        "cirr/captions/cap.rc2.val.json": "is not the official file",
        "cirr/captions/cap.rc2.test1.json": "missing",
    }
    assert check_data("cirr", cirr, ["test1"], quick=True)[0].bad == {"cirr/captions/cap.rc2.test1.json": "missing"}


def test_annotations_are_found_in_the_other_layout(cirr: Path) -> None:
    for name in ("captions", "image_splits"):
        (cirr / "cirr" / name).rename(cirr / name)
    assert check_data("cirr", cirr, quick=True)[0].good


@pytest.mark.parametrize("name", NAMES)
def test_a_small_copy_is_not_taken_for_the_official_one(tmp_path: Path, name: str) -> None:
    root = write(tmp_path, FILES[name]())
    paint(load_benchmark(name, root))
    split = PICTURE_SPLITS[name][1 if name in ("fashioniq", "cirr") else 0]
    findings = check_data(name, root, [split])
    assert not any(finding.good for finding in findings)
    assert "officially there are" in findings[-1].detail
    assert findings[-1].bad == {}


def test_what_an_evaluation_requires(cirr: Path) -> None:
    benchmark = load_benchmark("cirr", cirr)
    require_pictures(benchmark.pictures, "cirr")
    benchmark.pictures["dev-3-0-img0"].path.unlink()
    with pytest.raises(
        InputError, match=r"cirr: 1 of 8 pictures are missing, the first .*dev-3-0-img0.png; .*data check"
    ):
        require_pictures(benchmark.pictures, "cirr")


def test_the_official_files_are_the_official_ones(official: Path) -> None:
    for name in NAMES:
        first, *_, last = check_data(name, official, quick=True)
        assert first.good, first.bad
        assert last.detail.startswith(f"0 of {known(name).total:,} names: ")

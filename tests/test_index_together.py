"""Products shared by threads are those of lone ones; rows are read once; a commit is seen by the next look."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from index_writer import MeanColours, draw, identity
from instructcir.index import table as tables
from instructcir.index.known_rows import KnownRows
from instructcir.index.reader import Gallery
from instructcir.index.together import SharedProducts
from instructcir.index.update import update_index

# shapes: Q queries, G gallery, D dimensions


class Slow:
    """Products that wait until they are let through, and remember how many queries each had."""

    def __init__(self, gallery_GD: Any) -> None:
        self.gallery_GD = gallery_GD
        self.sizes: list[int] = []
        self.begun, self.open = threading.Event(), threading.Event()

    def run(self, queries: Any) -> Any:
        self.sizes.append(1 if queries.ndim == 1 else len(queries))
        self.begun.set()
        assert self.open.wait(20)
        if np.isnan(queries).any():
            raise ValueError("not a number")
        return queries @ self.gallery_GD.T


def waiting(shared: Any, count: int) -> None:
    while len(shared._waiting) < count:
        pass


@pytest.mark.parametrize("bytes_at_once", [2**26, 4 * 37 * 3])
def test_what_comes_meanwhile_is_one_product(bytes_at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("instructcir.index.together._MOST_BYTES", bytes_at_once)
    generator = np.random.default_rng(0)
    gallery_GD = generator.normal(size=(37, 9)).astype(np.float32)
    queries_QD = generator.normal(size=(8, 9)).astype(np.float32)
    slow = Slow(gallery_GD)
    shared = SharedProducts(slow.run, 37)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(shared.of, queries_QD[0])
        assert slow.begun.wait(20)
        others = [pool.submit(shared.of, query_D) for query_D in queries_QD[1:]]
        waiting(shared, 8 - 1)
        slow.open.set()
        for future, query_D in zip([first, *others], queries_QD, strict=True):
            np.testing.assert_allclose(future.result(20), gallery_GD @ query_D, atol=1e-5)
    assert slow.sizes == ([1, 7] if bytes_at_once == 2**26 else [1, 3, 3, 1])


def test_an_error_reaches_all_whom_it_concerns_and_nobody_after() -> None:
    slow = Slow(np.eye(3, dtype=np.float32))
    shared = SharedProducts(slow.run, 3)
    good, bad = np.ones(3, np.float32), np.full(3, np.nan, np.float32)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(shared.of, good)
        assert slow.begun.wait(20)
        others = [pool.submit(shared.of, one) for one in (good, bad)]
        waiting(shared, 2)
        slow.open.set()
        assert first.result(20).tolist() == [1, 1, 1]
        for one in others:
            with pytest.raises(ValueError, match="not a number"):
                one.result(20)
    assert shared.of(good).tolist() == [1, 1, 1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    draw(tmp_path / "photos", [f"{number}.png" for number in range(9)])
    update_index(tmp_path / "index", [tmp_path / "photos"], MeanColours(), identity())
    return tmp_path / "index"


def test_rows_are_read_once_and_in_order(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("instructcir.index.known_rows.KEPT", 4)
    view = Gallery(folder).view
    reads: list[int] = []
    read = KnownRows._read

    def counted(self: KnownRows, numbers: Any, columns: Any) -> Any:
        reads.append(len(numbers))
        return read(self, numbers, columns)

    monkeypatch.setattr(KnownRows, "_read", counted)
    told = view.describe([5, 2, 5, 0], ["path", "width"])
    assert [row["id"] for row in told] == [str(view.ids_G[number]) for number in (5, 2, 5, 0)]
    assert set(told[0]) == {"id", "path", "width"}
    assert view.describe([0, 5], ["path"]) == [{k: told[n][k] for k in ("id", "path")} for n in (3, 0)]
    assert reads == [3]
    assert len(view.describe(range(9), ["digest"])) == 9  # more than are kept
    assert "thumbnail" in view.describe([1], ["thumbnail"])[0]
    assert reads == [3, 6, 1]


def test_files_of_the_same_content_are_found_by_their_hash(folder: Path) -> None:
    photos = folder.parent / "photos"
    (photos / "copy.png").write_bytes((photos / "3.png").read_bytes())
    update_index(folder, [photos], MeanColours(), identity())
    view = Gallery(folder).view
    rows = view.describe(range(10), ["path", "digest"])
    for row in rows:
        same = {other["id"] for other in rows if other["digest"] == row["digest"]}
        assert set(view.same_content(row["digest"])) == same
    assert max(len(view.same_content(row["digest"])) for row in rows) == 2
    alike = rows[0]["digest"][:16] + "0" * 48
    assert view.same_content(alike) == () == view.same_content("f" * 64)


def test_a_commit_is_seen_by_the_next_look_whatever_the_clock_says(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery, photos = Gallery(folder), folder.parent / "photos"
    for number in range(3):  # within the two seconds in which times are not relied on
        draw(photos, [f"more-{number}.png"], seed=50 + number)
        update_index(folder, [photos], MeanColours(), identity())
        assert gallery.refresh()
        assert len(gallery) == 10 + number
    monkeypatch.setattr(tables, "_CLOCK_STEPS_NS", -(10**12))  # as if all of it were long ago
    gallery.refresh()
    looks: list[int] = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(gallery._newest, "refresh", lambda: looks.append(1))
        assert not gallery.refresh()
    assert looks == [], "nothing was committed, so the table is not asked"
    draw(photos, ["last.png"], seed=90)
    update_index(folder, [photos], MeanColours(), identity())
    assert gallery.refresh()
    assert len(gallery) == 13

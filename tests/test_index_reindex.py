"""Another model takes an index over at the end and at once; until then the old index is as it was."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from index_writer import MeanColours, draw, identity
from instructcir.errors import StoreError
from instructcir.index import reindex as module
from instructcir.index.health import verify
from instructcir.index.manifest import Manifest
from instructcir.index.metadata import read_metadata
from instructcir.index.reader import Gallery
from instructcir.index.reindex import reindex
from instructcir.index.update import update_index


class Backwards(MeanColours):
    """Another model: its vectors are the first one's, turned round. It is killed after `most` windows."""

    def __init__(self, most: int = 99) -> None:
        super().__init__()
        self.most = most

    def iter_images(self, images: Iterable[Any], *, window: int) -> Iterator[tuple[Any, Any]]:
        for number, (numbers, vectors) in enumerate(super().iter_images(images, window=2)):
            if number == self.most:
                raise KeyboardInterrupt
            yield numbers, vectors[:, ::-1]


@pytest.fixture
def index(tmp_path: Path) -> Path:
    photos, place = tmp_path / "photos", tmp_path / "index"
    draw(photos, [f"{number}.png" for number in range(9)])
    told = tmp_path / "told.csv"
    told.write_text("file,price\n1.png,30\n2.png,80\n", encoding="utf-8")
    update_index(place, [photos], MeanColours(), identity(), metadata=read_metadata(told))
    os.rename(photos / "1.png", photos / "renamed.png")  # an id that its path no longer gives
    update_index(place, [photos], MeanColours(), identity())
    return place


def rows(index: Path) -> dict[str, tuple[str, Any, bytes]]:
    found = Gallery(index)
    told = found.describe(range(len(found)), ["id", "path", "price"])
    return {
        row["path"]: (row["id"], row["price"], np.round(vector, 3).tobytes())
        for row, vector in zip(told, found.vectors_GD, strict=True)
    }


def test_a_kill_before_the_end_changes_nothing_and_loses_nothing(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, reader = rows(index), Gallery(index)
    monkeypatch.setattr("instructcir.index.update.FRAGMENT_SECONDS", 0)
    with pytest.raises(KeyboardInterrupt):
        reindex(index, Backwards(most=2), identity(seed=1))
    assert rows(index) == before
    draw(index.parent / "photos", ["late.png"], seed=4)
    report = reindex(index, Backwards(), identity(seed=1), storage="int8")
    assert report.encoded == 10, "vectors in half precision are no beginning of an index of 8 bits"
    assert verify(index, files=True) == []
    after = rows(index)
    assert {path: row[:2] for path, row in before.items()}.items() <= {p: row[:2] for p, row in after.items()}.items()
    assert all(after[path][2] != row[2] for path, row in before.items())
    assert (Manifest.read(index).identity, Manifest.read(index).storage) == (identity(seed=1), "int8")
    assert [one.name for one in index.parent.iterdir() if one.name.startswith(".")] == []
    with pytest.raises(StoreError, match="open the index again"):
        reader.refresh()


def test_a_run_that_was_killed_is_gone_on_with(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("instructcir.index.update.FRAGMENT_SECONDS", 0)
    with pytest.raises(KeyboardInterrupt):
        reindex(index, Backwards(most=2), identity(seed=1))
    assert reindex(index, Backwards(), identity(seed=1)).encoded == 9 - 4


def test_a_kill_just_after_the_switch_leaves_the_new_index(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(module.shutil, "rmtree", lambda *_, **__: None)
        reindex(index, Backwards(), identity(seed=1))
    assert Manifest.read(index).identity == identity(seed=1)
    assert Manifest.read(module.beside(index, Manifest.read(index))).identity == identity()
    report = reindex(index, MeanColours(), identity(seed=2))
    assert (report.encoded, report.unchanged) == (9, 0)
    assert not module.beside(index, Manifest.read(index)).exists()


def test_what_was_indexed_meanwhile_is_caught_up_with(index: Path) -> None:
    class Interrupting(Backwards):
        def iter_images(self, images: Iterable[Any], *, window: int) -> Iterator[tuple[Any, Any]]:
            yield from super().iter_images(images, window=window)
            if self.most == 99:
                self.most = 98
                draw(index.parent / "photos", ["late.png"], seed=4)
                update_index(index, [index.parent / "photos"], MeanColours(), identity())

    assert reindex(index, Interrupting(), identity(seed=1)).encoded == 10
    assert str(index.parent / "photos" / "late.png") in rows(index)


def test_a_missing_folder_is_refused_before_anything_is_lost(index: Path) -> None:
    before = rows(index)
    shutil.move(index.parent / "photos", index.parent / "away")
    with pytest.raises(StoreError, match="no such folder"):
        reindex(index, Backwards(), identity(seed=1))
    assert rows(index) == before

"""Many workers, one of them killed in the middle, and the table is the one that a single process makes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from index_writer import MeanColours, draw, identity
from instructcir.cluster import Share, connected, every_processor, map_batches, whole_cluster
from instructcir.errors import InputError, StoreError
from instructcir.index.health import verify
from instructcir.index.metadata import read_metadata
from instructcir.index.spread import FRAGMENTS, Spread
from instructcir.index.table import PictureTable
from instructcir.index.update import update_index
from ray_cluster import QUIET, TWO, two_processors

pytestmark = QUIET


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    with two_processors() as joined:
        yield joined


class DiesOnce(MeanColours):
    """Kills its process in the middle of its second batch, unless one has died already."""

    def __init__(self, mark: Path) -> None:
        super().__init__()
        self.mark = mark

    def prepare(self, image: Any) -> Any:
        if self.encoded >= 4 and not self.mark.exists():
            self.mark.write_text(str(os.getpid()), encoding="utf-8")
            os.kill(os.getpid(), signal.SIGKILL)
        return super().prepare(image)


def rows(index: Path) -> list[dict[str, Any]]:
    table = PictureTable.open(index)
    return sorted(table.select(table.schema.names).to_pylist(), key=lambda row: row["id"])


def test_the_table_is_the_one_of_a_single_process(ray: Any, tmp_path: Path) -> None:
    photos, told = tmp_path / "photos", tmp_path / "told.csv"
    draw(photos, [f"{number:02}.png" for number in range(30)])
    (photos / "broken.png").write_bytes(b"no picture")
    told.write_text("file,Price\n01.png,30\n02.png,80\n", encoding="utf-8")
    metadata = read_metadata(told)
    update_index(tmp_path / "alone", [photos], MeanColours(), identity(), metadata=metadata)
    spread = Spread(ray, partial(DiesOnce, tmp_path / "died"), TWO, batch=4)
    done: list[int] = []
    together = tmp_path / "together"
    report = update_index(together, [photos], spread, identity(), metadata=metadata, progress=done.append)
    assert int((tmp_path / "died").read_text(encoding="utf-8")) != os.getpid()
    assert (report.encoded, sum(done), [Path(path).name for path, _ in report.problems]) == (30, 31, ["broken.png"])
    assert rows(together) == rows(tmp_path / "alone")
    assert verify(together, files=True) == []
    assert not (together / FRAGMENTS).exists()
    versions = PictureTable.open(together).versions()
    draw(photos, [f"late-{number}.png" for number in range(9)], seed=5)
    assert update_index(together, [photos], spread, identity()).encoded == 9
    assert PictureTable.open(together).versions() == versions + 1, "one commit"
    before = len(rows(together))
    draw(photos, ["late-3.png"], seed=6)
    assert update_index(together, [photos], spread, identity()).encoded == 1
    assert len(rows(together)) == before, "a changed picture replaces its row"
    assert verify(together, files=True) == []


def test_fragments_of_a_killed_run_are_taken(ray: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos, index = tmp_path / "photos", tmp_path / "index"
    draw(photos, [f"{number}.png" for number in range(8)])

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(PictureTable, "write_stream", killed)
        with pytest.raises(KeyboardInterrupt):
            update_index(index, [photos], Spread(ray, MeanColours, TWO, batch=4), identity())
    assert len(PictureTable.open(index)) == 0
    fragments = sorted((index / FRAGMENTS).iterdir())
    assert len(fragments) == 2
    fragments[0].unlink()
    made: list[Any] = []

    def counted(*given: Any) -> Iterator[Any]:
        for result in map_batches(*given):
            made.append(result)
            yield result

    monkeypatch.setattr("instructcir.index.spread.map_batches", counted)
    assert update_index(index, [photos], Spread(ray, MeanColours, TWO, batch=4), identity()).encoded == 8
    assert len(made) == 1


def always_dies() -> Any:
    return lambda _: os.kill(os.getpid(), signal.SIGKILL)


def cannot_load() -> Any:
    raise InputError("no such model")


def refuses() -> Any:
    def work(number: int) -> int:
        raise InputError(f"{number} is no good")

    return work


def test_what_goes_wrong_on_a_worker_is_said_here(ray: Any) -> None:
    assert sorted(map_batches(ray, lambda: lambda number: number**2, range(7), TWO)) == [n**2 for n in range(7)]
    with pytest.raises(InputError, match="3 is no good"):
        list(map_batches(ray, refuses, [3], TWO))
    with pytest.raises(InputError, match="no such model"):
        list(map_batches(ray, cannot_load, [3], TWO))
    with pytest.raises(StoreError, match="workers died 4 times on batch 0"):
        list(map_batches(ray, always_dies, [1], Share(1, 1, 0)))
    with connected("local") as same:
        assert same is ray
    assert whole_cluster(ray) == Share(1, 2, 0)
    assert whole_cluster(ray, 2) == every_processor(ray) == TWO

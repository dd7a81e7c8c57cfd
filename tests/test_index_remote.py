"""Pictures and table on object storage: the index of a disk, one writer at a time, and a switch in one write."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cli_runs import json_lines, run
from index_writer import MeanColours, draw, identity
from instructcir import files
from instructcir.errors import InputError, StoreError
from instructcir.index import lease
from instructcir.index.health import compact, status_of, verify
from instructcir.index.lock import only_writer
from instructcir.index.manifest import Manifest
from instructcir.index.places import index_folder
from instructcir.index.reader import Gallery
from instructcir.index.reindex import reindex
from instructcir.index.report import Report
from instructcir.index.tuning import build
from instructcir.index.update import update_index
from instructcir.remote import RemotePath, read_object, state_of
from instructcir.search.references import resolve
from instructcir.server.pictures import PictureFiles
from instructcir.server.refusals import Refusal
from s3_server import S3, serving

PHOTOS = "s3://bucket/photos"


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[S3]:
    """A storage and a machine whose clocks stand still: all that is put there has the same time, of now."""
    with serving() as server:
        now = int(time.time())
        server.clock = lambda: float(now)
        monkeypatch.setattr(time, "time_ns", lambda: now * 10**9 + 5 * 10**8)
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        told = {"ACCESS_KEY_ID": "name", "SECRET_ACCESS_KEY": "word", "REGION": "us-east-1"}
        for name, value in {**told, "ENDPOINT_URL": server.address, "EC2_METADATA_DISABLED": "true"}.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        monkeypatch.setenv("INSTRUCTCIR_HOME", str(tmp_path / "home"))
        yield server


@pytest.fixture
def index(store: S3) -> RemotePath:
    for number in range(9):
        put(f"{number}.png", number)
    found = index_folder("s3://bucket/indexes/one/")
    assert isinstance(found, RemotePath)
    return found


def put(name: str, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (2, 2, 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels).resize((20, 16), 0).save(content, "PNG", compress_level=0)  # all of one size
    RemotePath(f"{PHOTOS}/{name}").write_bytes(content.getvalue())


def update(index: RemotePath, **options: Any) -> tuple[Report, int]:
    encoder = MeanColours()
    return update_index(index, [PHOTOS], encoder, identity(), **options), encoder.encoded


def paths(gallery: Gallery) -> list[str]:
    return sorted(row["path"] for row in gallery.describe(range(len(gallery)), ["path"]))


def test_it_is_the_index_that_a_disk_would_hold(index: RemotePath, tmp_path: Path) -> None:
    RemotePath(f"{PHOTOS}/broken.png").write_bytes(b"no picture")
    RemotePath(f"{PHOTOS}/.hidden/x.png").write_bytes(b"x")
    report, encoded = update(index, fragment=4)
    assert encoded == 9
    assert [path for path, _ in report.problems] == [f"{PHOTOS}/broken.png"]
    assert update(index)[1] == 0
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(9):
        (folder / f"{number}.png").write_bytes(RemotePath(f"{PHOTOS}/{number}.png").read_bytes())
    update_index(tmp_path / "index", [folder], MeanColours(), identity())
    far, near = Gallery(index), Gallery(tmp_path / "index")
    rows = [
        {
            row["path"].rpartition("/")[2]: (row["digest"], row["thumbnail"], vector.tobytes())
            for row, vector in zip(
                one.describe(range(9), ["path", "digest", "thumbnail"]), one.view.vectors(range(9)), strict=True
            )
        }
        for one in (far, near)
    ]
    assert rows[0] == rows[1]
    assert verify(index, files=True) == []
    assert list((tmp_path / "home" / "remote").rglob("vectors.npy")) != []
    put("moved.png", 3)
    RemotePath(f"{PHOTOS}/3.png").unlink()
    put("4.png", 40)
    report, encoded = update(index)
    assert (encoded, report.reused, report.removed) == (1, 1, 0)
    assert far.refresh()
    assert f"{PHOTOS}/moved.png" in paths(far)
    compact(index)
    [resolved] = resolve(str(far.ids_G[0]), far)
    assert resolved.ids == (str(far.ids_G[0]),)
    assert isinstance(resolved.image, bytes)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the pictures that are hashed, as it goes on."""
    found: list[str] = []
    monkeypatch.setattr(files, "read_object", lambda path: found.append(path.rpartition("/")[2]) or read_object(path))
    return found


def pass_by(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now + seconds * 10**9)


def listed(store: S3) -> dict[str, tuple[int, float]]:
    """All that a listing of the pictures tells: sizes and times."""
    return {key: (len(data), when) for key, (data, when) in store.objects.items() if "/photos/" in key}


def test_an_overwrite_of_equal_size_within_one_second_is_seen(index: RemotePath, store: S3, reads: list[str]) -> None:
    RemotePath(f"{PHOTOS}/broken.png").write_bytes(b"no picture")
    assert update(index)[1] == 9
    gallery = Gallery(index)
    shown = PictureFiles(gallery)
    [row] = [row for row in gallery.describe(range(9), ["id", "path"]) if row["path"].endswith("/4.png")]
    four = row["id"]
    assert shown.content(four) == RemotePath(f"{PHOTOS}/4.png").read_bytes()
    before = listed(store)
    put("4.png", 40)
    assert listed(store) == before
    with pytest.raises(Refusal, match="has changed"):
        shown.content(four)
    report, encoded = update(index)
    assert (encoded, report.encoded, report.reused, report.unchanged) == (1, 1, 0, 8)
    assert verify(index, files=True) == []
    gallery.refresh()
    assert shown.content(four) == RemotePath(f"{PHOTOS}/4.png").read_bytes()
    reads.clear()
    report, encoded = update(index)
    assert (encoded, report.reused, report.unchanged, len(reads)) == (0, 0, 9, 9)
    assert not gallery.refresh(), "looking alone writes nothing"


def test_a_broken_picture_mended_within_one_second_is_seen(index: RemotePath, store: S3) -> None:
    put("mended.png", 50)
    whole = RemotePath(f"{PHOTOS}/mended.png").read_bytes()
    RemotePath(f"{PHOTOS}/mended.png").write_bytes(b"?" * len(whole))
    before = listed(store)
    assert len(update(index)[0].problems) == 1
    put("mended.png", 50)
    assert listed(store) == before
    report, encoded = update(index)
    assert (encoded, report.problems) == (1, [])


def test_what_is_no_longer_young_is_read_once_more_and_then_no_more(
    index: RemotePath, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    update(index)
    reads.clear()
    pass_by(monkeypatch, 60)
    report, encoded = update(index)
    assert (encoded, report.reused, len(reads)) == (0, 9, 9)
    report, encoded = update(index)
    assert (encoded, report.reused, report.unchanged, len(reads)) == (0, 0, 9, 9)
    rows = Gallery(index).describe(range(9), ["path", "mtime_ns", "modified"])
    assert {row["mtime_ns"] for row in rows} == {state_of(rows[0]["path"]).mtime_ns}  # type: ignore[union-attr]


def test_what_was_indexed_by_its_time_alone_goes_on(
    index: RemotePath, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        pass_by(patched, 60)  # no object is young then: rows as older versions wrote them
        update(index)
        update(index)
        assert reads == []
    put("4.png", 40)
    report, encoded = update(index)
    assert (encoded, report.reused, report.unchanged) == (1, 8, 0)


def test_what_does_not_exist_is_said(index: RemotePath) -> None:
    with pytest.raises(StoreError, match="no object lies below"):
        update_index(index, ["s3://bucket/nowhere"], MeanColours(), identity())
    with pytest.raises(StoreError, match="no index there"):
        Gallery(index_folder("s3://bucket/nowhere"))  # type: ignore[arg-type]
    with pytest.raises(StoreError, match="holds other files"):
        update_index(RemotePath(PHOTOS), [PHOTOS], MeanColours(), identity())
    with pytest.raises(StoreError, match="below a prefix"):
        index_folder("s3://bucket")
    update(index)
    with pytest.raises(InputError, match=r"missing\.png: cannot be read"):
        resolve(f"{PHOTOS}/missing.png", Gallery(index))


def test_of_many_writers_one_gets_the_lease(index: RemotePath) -> None:
    update(index)
    begin, inside, most, refused = threading.Barrier(6), [], [], []

    def write() -> None:
        begin.wait()
        try:
            with only_writer(index) as still_ours:
                still_ours()
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.5)
                inside.pop()
        except StoreError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=write) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert len(most) + len(refused) == 6
    assert all("another run (" in said for said in refused), refused
    assert update(index)[1] == 0


def test_a_dead_writers_lease_falls_to_the_next_and_a_late_one_may_not_write(
    index: RemotePath, monkeypatch: pytest.MonkeyPatch
) -> None:
    update(index)
    with only_writer(index), pytest.raises(StoreError, match=f"process {os.getpid()}"):
        update(index)
    with monkeypatch.context() as patched:
        for name, seconds in {"SECONDS": 0.3, "SLACK": 0.0, "_RENEW": 60.0}.items():
            patched.setattr(lease, name, seconds)
        late = ExitStack()
        still_ours = late.enter_context(only_writer(index))
    time.sleep(0.4)  # as if it had been asleep, and not renewed
    put("late.png", 77)
    assert update(index)[1] == 1
    with pytest.raises(StoreError, match="the lease was lost"):
        still_ours()
    late.close()


def test_a_lease_is_renewed(index: RemotePath, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "_RENEW", 0.1)
    with only_writer(index) as still_ours:
        table = lease._table(index)
        [first] = table.search().to_list()
        for _ in range(300):
            time.sleep(0.1)
            table.checkout_latest()
            [row] = table.search().to_list()
            if row["expires"] > first["expires"]:
                break
        assert row["expires"] > first["expires"]
        assert row["holder"] == first["holder"]
        still_ours()
    table.checkout_latest()
    assert table.search().to_list()[0]["expires"] == 0


class Backwards(MeanColours):
    def __init__(self, ends: bool = True) -> None:
        super().__init__()
        self.ends = ends

    def iter_images(self, images: Iterable[Any], *, window: int) -> Iterator[tuple[Any, Any]]:
        for numbers, vectors in super().iter_images(images, window=4):
            if not self.ends and numbers[0] > 0:
                raise KeyboardInterrupt
            yield numbers, vectors[:, ::-1]


def test_reindexing_switches_with_one_write(index: RemotePath, store: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("instructcir.index.update.FRAGMENT_SECONDS", 0)
    update(index)
    reader = Gallery(index)
    before = reader.vectors_GD.copy()
    with pytest.raises(KeyboardInterrupt):
        reindex(index, Backwards(ends=False), identity(seed=1))
    reader.refresh()
    np.testing.assert_array_equal(Gallery(index).vectors_GD, before)
    report = reindex(index, Backwards(), identity(seed=1))
    assert report.encoded == 5, "the four that were committed before the kill are kept"
    assert Manifest.read(index).identity == identity(seed=1)
    np.testing.assert_allclose(Gallery(index).vectors_GD, before[:, ::-1], atol=1e-3)
    assert verify(index, files=True) == []
    with pytest.raises(StoreError, match="open the index again"):
        reader.refresh()
    again = Gallery(index)
    reindex(index, MeanColours(), identity(seed=1))
    assert again.refresh()
    np.testing.assert_allclose(again.vectors_GD, before, atol=1e-3)
    assert index.names() == {"manifest.json", "last_run.json", "writer.lance", "generation-2"}
    assert update_index(index, [PHOTOS], MeanColours(), identity(seed=1)).unchanged == 9


def test_a_graph_lies_there_too(index: RemotePath, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(9, 40):
        put(f"{number}.png", number)
    update(index)
    reader = Gallery(index)
    with pytest.raises(StoreError, match="40 pictures, a graph takes"):
        build(index)
    monkeypatch.setattr("instructcir.index.tuning.FEWEST", 20)
    assert build(index).serves
    reader.refresh()
    assert reader.view.graph is not None
    assert status_of(index).graph == reader.view.graph


def test_the_commands_take_addresses(index: RemotePath, built: Callable[..., Path], tmp_path: Path) -> None:
    command = ["index", PHOTOS, "--into", index, "--model", built("qwen2-vl"), "--device", "cpu", "--json"]
    assert json_lines(run(*command))[0]["encoded"] == 9
    [facts] = json_lines(run("status", index, "--json"))
    assert (facts["index"], facts["pictures"], facts["folders"]) == (str(index), 9, [PHOTOS])
    assert facts["bytes"] > 1000
    found = json_lines(run("search", index, f"{PHOTOS}/1.png", "in red", "-k", 3, "--json", "--device", "cpu"))
    assert len(found) == 3
    assert f"{PHOTOS}/1.png" not in {hit["path"] for hit in found}
    draw(tmp_path / "own", ["1.png"])
    told = run("search", index, tmp_path / "own" / "1.png", "--sheet", tmp_path / "sheet.png", "--device", "cpu")
    assert PHOTOS in told.stdout

"""From a person's folder to answers, through the commands and a real, tiny model: whatever lies in the folder."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from PIL import Image

from cli_runs import json_lines, refused, run
from index_writer import draw
from instructcir.index.lock import only_writer

LONG = "ñ" * 120 + ".png"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chain") / "photos"
    draw(folder, [f"{number}.png" for number in range(6)] + [f"ü 更 🙂/{LONG}"])
    opened = Image.open(folder / "0.png").convert("RGB")
    for number, kind in enumerate(("webp", "gif", "tiff", "avif"), start=1):
        opened.rotate(90 * number).resize((40 + number, 30)).save(folder / f"kind.{kind}")
    (folder / "broken.jpg").write_bytes((folder / "0.png").read_bytes()[:60])
    (folder / "empty.png").write_bytes(b"")
    (folder / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(400))
    claims = bytearray((folder / "0.png").read_bytes())
    claims[16:24] = struct.pack(">II", 20_000, 20_000)
    claims[29:33] = struct.pack(">I", zlib.crc32(claims[12:29]))
    (folder / "huge.png").write_bytes(claims)
    Image.new("RGB", (3000, 1)).save(folder / "thin.png")
    (folder / "loop").symlink_to(folder)
    return folder


@pytest.fixture(scope="module")
def indexed(photos: Path, built: Callable[..., Path]) -> Path:
    place = photos.parent / "index"
    told = photos.parent / "told.csv"
    told.write_text("file,price\n1.png,30\n2.png,80\n", encoding="utf-8")
    command = ["index", photos, "--into", place, "--metadata", told, "--device", "cpu"]
    assert json_lines(run(*command, "--dry-run", "--json"))[0]["to_encode"] == 16
    made = run(*command, "--model", built("qwen2-vl"), "--json")
    [counts] = json_lines(made)
    named = {Path(line.split(": ")[1]).name for line in made.stderr.splitlines() if line.startswith("left out: ")}
    assert named == {"broken.jpg", "empty.png", "phone.heic", "huge.png", "thin.png", "loop"}
    assert (counts["encoded"], counts["left_out"]) == (11, 6)
    assert f"{photos}/huge.png: 20000 x 20000 = 400 megapixels" in made.stderr
    assert set(counts["stages"]) == {"read+decode", "prepare", "encode", "write"}
    return place


def test_a_second_run_does_nothing_and_still_names_what_is_left_out(
    indexed: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def must_not_load(*_: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("instructcir.cli.index.load", must_not_load)
    again = run("index", photos, "--into", indexed, "--json")
    assert json_lines(again)[0]["encoded"] == 0
    foreseen = json_lines(run("index", photos, "--into", indexed, "--dry-run", "--json"))
    assert (foreseen[0]["to_encode"], foreseen[0]["left_out"], foreseen[0]["seconds"]) == (0, 6, 0)
    assert f"left out: {photos}/empty.png" in again.stderr


def test_search_asks_with_a_picture_and_words(indexed: Path, photos: Path) -> None:
    picture = photos / "1.png"
    found = json_lines(run("search", indexed, picture, "in red", "-k", 3, "--json", "--device", "cpu"))
    assert [hit["rank"] for hit in found] == [1, 2, 3]
    assert str(picture) not in {hit["path"] for hit in found}
    by_id = json_lines(run("search", indexed, found[0]["id"], "--keep-reference", "-k", 1, "--json"))
    assert by_id[0]["path"] == found[0]["path"]
    sheet = photos.parent / "sheet.png"
    several = f"{picture},{photos / '2.png'}:0.5"
    told = run("search", indexed, several, "darker", "--not", "stripes", "--diversity", 0.3, "--sheet", sheet)
    assert LONG in run("search", indexed, "-", "a dress", "-k", 30).stdout
    assert len(told.stdout.splitlines()) == 9
    with Image.open(sheet) as drawn:
        assert drawn.width > 1000
    cheap = json_lines(run("search", indexed, "-", "a dress", "--where", "price < 50", "--json"))
    assert [(Path(hit["path"]).name, hit["values"]) for hit in cheap] == [("1.png", {"price": 30})]


def test_what_search_refuses(indexed: Path, photos: Path) -> None:
    assert "no such file" in refused("search", indexed, "nowhere.png")
    assert '- "red dress"' in refused("search", indexed, "red dress")
    assert "end its name with .png" in refused("search", indexed, photos / "1.png", "--sheet", "x.gif")
    assert "nothing to search for" in refused("search", indexed, "-")
    assert "the reference is empty" in refused("search", indexed, "a.png,")
    assert "no index there" in refused("search", photos, "-", "x")


def test_an_index_is_looked_after(indexed: Path, photos: Path) -> None:
    [facts] = json_lines(run("status", indexed, "--json"))
    assert facts["changes"] == {"to encode": 0, "moved or copied": 0, "gone": 0}
    assert (facts["pictures"], facts["left_out"], facts["metadata"]) == (11, 6, ["price"])
    assert "pictures" in run("status", indexed).stdout
    assert run("verify", indexed, "--files").stdout == "all is well\n"
    assert "MB now" in run("compact", indexed).stdout
    os.utime(photos / "3.png", (7, 7))
    assert json_lines(run("status", indexed, "--json"))[0]["changes"]["moved or copied"] == 1


def test_watching_follows_the_folder_and_waits_for_another_writer(
    tmp_path: Path, built: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    index = tmp_path / "index"

    def followed(folders: list[str]) -> Iterator[None]:
        draw(Path(folders[0]), ["late.png"], seed=5)
        yield
        os.remove(Path(folders[0]) / "late.png")
        other.enter_context(only_writer(index))
        yield

    other = ExitStack()
    monkeypatch.setattr("instructcir.cli.index.time.sleep", lambda _: other.close())  # the other run ends meanwhile
    monkeypatch.setattr("instructcir.index.watch.changes", followed)
    draw(tmp_path / "photos", ["0.png", "1.png"])
    made = run("index", tmp_path / "photos", "--into", index, "--model", built("qwen2-vl"), "--watch", "--json")
    told = json_lines(made)
    assert made.stderr.count("trying again in 5 s") == 1
    assert [(one["encoded"], one["removed"]) for one in told] == [(2, 0), (1, 0), (0, 1)]

"""`instructcir embed` writes every vector asked for under its name, and says whatever it leaves out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli_runs import json_lines, process, refused, run
from instructcir.cli.inputs import find_pictures, read_lines, read_queries
from instructcir.errors import InputError
from instructcir.items import ComposedQuery
from tiny_models import pictures

Built = Callable[..., Path]


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: `photos/` with pictures, one below a folder, odd names, and two other files."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "photos"
    (folder / "b ü").mkdir(parents=True)
    for name, picture in zip(("c.png", "a.PNG", "b ü/更短.webp", ".hidden.png"), pictures(), strict=False):
        picture.save(folder / name, lossless=True)
    (folder / "notes.txt").write_text("no picture")
    (folder / "b ü" / "Makefile").write_text("")
    return folder


FOUND = ["photos/a.PNG", "photos/c.png", "photos/b ü/更短.webp"]


def write_queries(*records: object) -> Path:
    path = Path("queries.jsonl")
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
    return path


def test_all_kinds(photos: Path, built: Built, loaded: Callable[..., Any]) -> None:
    asked = [
        {"reference": "./photos/c.png", "modification": 'in "blue", 更短', "id": 3},
        {"reference": "photos/a.PNG", "modification": ""},
    ]
    Path("texts.txt").write_text("a dress\r\n\nwith ü\n", encoding="utf-8")
    options = ("--queries", write_queries(*asked), "--texts", "texts.txt", "--out", "v.npz")
    result = run("embed", built("qwen2-vl"), "photos", *options)
    assert result.stdout == "v.npz: 3 gallery, 2 query and 3 text vectors of 64 dimensions\n"
    assert "2 files" in result.stderr
    assert "device: cpu" in result.stderr
    with np.load("v.npz", allow_pickle=False) as arrays:
        found = dict(arrays)
    assert found["gallery_ids"].tolist() == FOUND
    assert found["query_lines"].tolist() == [1, 2]
    assert found["query_references"].tolist() == ["./photos/c.png", "photos/a.PNG"]
    assert found["query_modifications"].tolist() == ['in "blue", 更短', ""]
    assert found["texts"].tolist() == ["a dress", "", "with ü"]
    assert (str(found["model"]), str(found["prompts"])) == (str(built("qwen2-vl")), "instructcir")
    embedder = loaded("qwen2-vl")
    queries = [ComposedQuery(record["reference"], str(record["modification"])) for record in asked]
    for name, wanted in (
        ("gallery_vectors", embedder.embed_images(FOUND)),
        ("query_vectors", embedder.embed_queries(queries)),
        ("text_vectors", embedder.embed_texts(["a dress", "", "with ü"])),
    ):
        assert found[name].dtype == np.float32
        np.testing.assert_allclose(found[name], wanted, atol=1e-5)


def test_a_picture_of_both_kinds_is_opened_once(photos: Path, built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    from instructcir.model import planner

    opened: list[str] = []
    whole = planner.open_rgb
    monkeypatch.setattr(planner, "open_rgb", lambda image, **how: opened.append(str(image)) or whole(image, **how))
    queries = write_queries(*[{"reference": "photos/../photos/c.png", "modification": text} for text in "ab"])
    run("embed", built("qwen2-vl"), "photos", "--queries", queries)
    assert sorted(opened) == sorted(FOUND)


def test_one_kind_leaves_the_others_empty(photos: Path, built: Built) -> None:
    Path("texts.txt").write_text("one")
    [record] = json_lines(run("embed", built("qwen2-vl"), "--texts", "texts.txt", "--json"))
    assert record == {"out": "vectors.npz", "gallery": 0, "query": 0, "text": 1, "dimension": 64, "left_out": 0}
    with np.load("vectors.npz") as found:
        assert found["gallery_vectors"].shape == found["query_vectors"].shape == (0, 64)
        assert found["gallery_ids"].shape == found["query_lines"].shape == (0,)


def spoil(photos: Path) -> Path:
    (photos / "b.jpg").write_bytes(b"\xff\xd8\xff broken")
    return write_queries(
        {"reference": "photos/c.png", "modification": "a"},
        {"reference": "none.png", "modification": "b"},
        {"reference": "photos/b.jpg", "modification": "c"},
    )


def test_the_first_bad_picture_stops_it(photos: Path, built: Built) -> None:
    queries = spoil(photos)
    assert refused("embed", built("qwen2-vl"), "photos", "--out", "v.npz").startswith("photos/b.jpg: ")
    assert refused("embed", built("qwen2-vl"), "--queries", queries).startswith("none.png: ")
    assert not Path("v.npz").exists()


def test_bad_pictures_are_left_out_when_asked(photos: Path, built: Built) -> None:
    queries = spoil(photos)
    result = run("embed", built("qwen2-vl"), "photos", "--queries", queries, "--skip-bad")
    assert "left out: photos/b.jpg: " in result.stderr
    assert "left out: none.png: no such file: check the path (line 2 of queries.jsonl)" in result.stderr
    assert "(line 3 of queries.jsonl)" in result.stderr
    assert "3 of 7 inputs are left out" in result.stderr
    with np.load("vectors.npz") as found:
        assert found["gallery_ids"].tolist() == FOUND
        assert found["gallery_vectors"].shape == (3, 64)
        assert found["query_lines"].tolist() == [1]
        assert found["query_vectors"].shape == (1, 64)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "no JSON"),
        ("[1]", "no JSON object"),
        ('{"modification": "a"}', '"reference" is missing'),
        ('{"reference": "a.png", "modification": 3}', '"modification" is no string'),
        ('{"reference": "", "modification": "a"}', '"reference" is empty'),
        ('{"reference": "a\\u0000", "modification": "a"}', "NUL"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_an_odd_line_is_named_by_its_number(line: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text('{"reference": "a", "modification": "b"}\n\n' + line + "\n")
    with pytest.raises(InputError) as caught:
        read_queries(path)
    assert str(caught.value).startswith(f"{path}, line 3: ")
    assert words in str(caught.value)


def test_lines(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    for content, wanted in (
        (b"", []),
        (b"\n", [""]),
        (b"a", ["a"]),
        (b"\xef\xbb\xbfa\r\n\r\nb\x0bc\n", ["a", "", "b\x0bc"]),
    ):
        path.write_bytes(content)
        assert read_lines(path) == wanted
    path.write_bytes(b"a\nb\xff\n")
    with pytest.raises(InputError, match="line 2: not UTF-8"):
        read_lines(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_lines(tmp_path)


def test_folders_are_walked_in_order(photos: Path) -> None:
    assert find_pictures(["photos"]) == (FOUND, 2)
    (photos / "loop").symlink_to(photos, target_is_directory=True)
    assert find_pictures(["photos"]) == (FOUND, 2)
    named = ["photos/notes.txt", "photos", "photos/c.png"]
    assert find_pictures(named) == (["photos/notes.txt", *FOUND], 2)


def test_bad_input_is_one_line(photos: Path, built: Built) -> None:
    model = built("qwen2-vl")
    assert refused("embed", model).startswith("nothing to embed")
    assert refused("embed", model, "none") == "none: no such file or folder"
    assert "name a file" in refused("embed", model, "photos", "--out", "no/v.npz")
    assert "name a file" in refused("embed", model, "photos", "--out", "photos")
    assert "none.jsonl: cannot be read" in refused("embed", model, "--queries", "none.jsonl")
    assert "cannot be used" in refused("embed", model, "photos", "--device", "nonsense")


def test_end_to_end(photos: Path, built: Built, tmp_path: Path) -> None:
    done = process("embed", built("llava-clip-llama"), "photos", "--out", "v.npz", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "v.npz: 3 gallery, 0 query and 0 text vectors of 64 dimensions\n"
    assert len(done.stderr.splitlines()) == 2
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".tmp")]

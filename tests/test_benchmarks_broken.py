"""Broken annotation files: one line with the file, the record and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from instructcir.benchmarks.reading import plain_id
from instructcir.benchmarks.registry import load_benchmark
from instructcir.errors import InputError
from tiny_benchmarks import FILES, Files, write

DRESS, CIRR, CIRCO = "captions/cap.dress.val.json", "cirr/captions/cap.rc2.val.json", "annotations/val.json"
SPLIT, COCO = "cirr/image_splits/split.rc2.val.json", "COCO2017_unlabeled/annotations/image_info_unlabeled2017.json"
FOCUS, OBJECT = "genecis/focus_attribute.json", "genecis/change_object.json"


def put(file: str, *keys: Any) -> Callable[[Files, Any], None]:
    """A change that puts a value at a path of keys in a file."""

    def change(files: Files, value: Any) -> None:
        place: Any = files
        for key in (file, *keys)[:-1]:
            place = place[key]
        place[(file, *keys)[-1]] = value

    return change


BROKEN: list[tuple[str, Callable[[Files, Any], None], Any, str]] = [
    ("fashioniq", put(DRESS), {}, r"expected a list of records"),
    ("fashioniq", put(DRESS), [], r"expected a list of records"),
    ("fashioniq", put(DRESS, 1), "text", r"cap.dress.val.json, record 1: no JSON object"),
    ("fashioniq", put(DRESS, 1), {"target": "W1", "candidate": "W5"}, r'record 1: "captions" is missing'),
    ("fashioniq", put(DRESS, 1, "captions"), ["one"], r'record 1: "captions" holds 1 captions, not two'),
    ("fashioniq", put(DRESS, 1, "captions"), [None, "b"], r'record 1: "captions" is no list of strings'),
    ("fashioniq", put(DRESS, 0, "candidate"), "W77", r"record 0: \"candidate\" names 'W77', which is not in split"),
    ("fashioniq", put(DRESS, 0, "target"), "W77", r"record 0: \"target\" names 'W77'"),
    ("fashioniq", put("image_splits/split.dress.val.json"), ["W9", "W1", "W5", "W9"], r"holds 'W9' twice"),
    ("fashioniq", put("image_splits/split.dress.val.json"), [1], r"is no list of strings"),
    ("cirr", put(CIRR, 1, "pairid"), 70, r'record 1: "pairid" 70 was there before'),
    ("cirr", put(CIRR, 1, "pairid"), 7.5, r'record 1: "pairid" holds 7.5, which is neither'),
    ("cirr", put(CIRR, 1, "pairid"), True, r'record 1: "pairid" holds True'),
    ("cirr", put(CIRR, 1, "reference"), "dev-9", r'"members" must hold 6 names with the reference among them'),
    ("cirr", put(CIRR, 0, "target_hard"), "dev-7-0-img0", r"record 0: \"target_hard\" 'dev-7-0-img0' is not among"),
    ("cirr", put(CIRR, 0, "target_hard"), "dev-9", r"record 0: \"target_hard\" names 'dev-9'"),
    ("cirr", put(CIRR, 0, "target_soft"), {"dev-9": 1}, r"record 0: \"target_soft\" names 'dev-9'"),
    ("cirr", put(CIRR, 0, "target_soft"), {"dev-1-0-img0": "1"}, r'"target_soft" is no object of numbers'),
    ("cirr", put(CIRR, 0, "img_set", "members"), ["a"], r'"img_set": "members" must hold 6 names'),
    ("cirr", put(CIRR, 0, "img_set"), [], r'record 0, "img_set": no JSON object'),
    ("cirr", put(SPLIT), {}, r"holds no names"),
    ("cirr", put(SPLIT, "dev-0-0-img0"), 5, r'"dev-0-0-img0" is no string'),
    ("circo", put(CIRCO, 0, "gt_img_ids"), [42, 17, 42], r"record 0: \"gt_img_ids\" holds '42' twice"),
    ("circo", put(CIRCO, 0, "gt_img_ids"), [42, 5], r'record 0: "target_img_id" 17 is not in "gt_img_ids"'),
    ("circo", put(CIRCO, 0, "gt_img_ids"), [17, 3], r"record 0: \"gt_img_ids\" names '3', which is not in image_info"),
    ("circo", put(CIRCO, 0, "reference_img_id"), 3, r"record 0: \"reference_img_id\" names '3'"),
    ("circo", put(CIRCO, 1, "id"), "000", r'record 1: "id" 0 was there before'),
    ("circo", put(COCO, "images", 2), {"id": 17, "file_name": "b"}, r'"images" 2: "id" 17 was there before'),
    ("circo", put(COCO), [], r"image_info_unlabeled2017.json: no JSON object"),
    ("genecis", put(FOCUS, 0, "target", "instance_bbox"), [1, 2, 3], r'"instance_bbox" is no list of 4 numbers'),
    ("genecis", put(FOCUS, 0, "target", "instance_bbox"), [1, 2, 0, 3], r'"instance_bbox" has no area'),
    ("genecis", put(FOCUS, 0, "gallery"), [], r'record 0: "gallery" is empty'),
    ("genecis", put(FOCUS, 0, "gallery", 1), 5, r'record 0, "gallery" 1: no JSON object'),
    ("genecis", put(OBJECT, 0, "reference", "val_image_id"), "abc", r"\"val_image_id\" 'abc' is no number"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "value", "expected"), BROKEN, ids=range(len(BROKEN)))
def test_a_broken_record(
    tmp_path: Path, name: str, change: Callable[[Files, Any], None], value: Any, expected: str
) -> None:
    files = FILES[name]()
    change(files, value)
    with pytest.raises(InputError) as caught:
        load_benchmark(name, write(tmp_path, files))
    message = str(caught.value)
    assert re.search(expected, message), message
    assert ".json" in message
    assert f"instructcir data where {name}" in message
    assert "\n" not in message


def test_files_that_are_no_json(tmp_path: Path) -> None:
    write(tmp_path, FILES["cirr"]())
    path = tmp_path / CIRR
    for content, expected in [
        (b'[{"pairid": 1,', r"cap.rc2.val.json: not JSON \(.*line 1 column"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[" * 100_000, "not JSON"),
        (b'[{"pairid": 1, "pairid": 2}]', "an object holds 'pairid' twice"),
    ]:
        path.write_bytes(content)
        with pytest.raises(InputError, match=expected):
            load_benchmark("cirr", tmp_path)
    path.unlink()
    with pytest.raises(InputError, match=r"cap.rc2.val.json: no such file; take the official file"):
        load_benchmark("cirr", tmp_path)
    (tmp_path / "captions").mkdir()
    path.mkdir()
    with pytest.raises(InputError, match=r"no such file"):
        load_benchmark("cirr", tmp_path)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    write(tmp_path, FILES["cirr"]())
    path = tmp_path / CIRR
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(load_benchmark("cirr", tmp_path).parts[0].queries) == 3


def test_ids_as_numbers_and_as_text_are_the_same() -> None:
    assert plain_id(7) == plain_id("7") == plain_id("000007") == "7"
    assert plain_id("dev-07") == "dev-07"
    assert plain_id("-7") == "-7"
    assert plain_id("\u0667") == "\u0667"  # a digit elsewhere in the world, but no number in these files

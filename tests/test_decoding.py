"""What may be decoded, how much of it, and what becomes of files that are cut short, damaged or no pictures."""

from __future__ import annotations

import io
import os
import pickle
import random
import struct
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from instructcir import decoding
from instructcir.errors import ImageError
from instructcir.images import open_rgb

FORMATS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95},
    "PNG": {},
    "WEBP": {"quality": 95},
    "GIF": {},
    "TIFF": {},
    "BMP": {},
    "PPM": {},
    "JPEG2000": {},
    "AVIF": {"quality": 95},
    "MPO": {"save_all": True, "append_images": [Image.new("RGB", (24, 16))], "quality": 95},
}


def picture(seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (4, 6, 3), np.uint8)).resize((24, 16))


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def reason(source: Any, **options: Any) -> str:
    with pytest.raises(ImageError) as caught:
        open_rgb(source, **options)
    return caught.value.reason


@pytest.mark.parametrize("kind", FORMATS)
def test_each_accepted_format_opens_from_bytes_and_from_a_path_of_any_name(kind: str, tmp_path: Path) -> None:
    data = encoded(picture(), kind, **FORMATS[kind])
    (tmp_path / "picture.txt").write_bytes(data)
    for source in (data, bytearray(data), memoryview(data), tmp_path / "picture.txt"):
        opened = open_rgb(source)
        assert (opened.mode, opened.size) == ("RGB", (24, 16))
        assert np.abs(np.asarray(opened, int) - np.asarray(picture(), int)).mean() < 25


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF", "MPO"])
def test_of_several_frames_the_first_is_taken(kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ((255, 0, 0), (0, 255, 0))]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    assert np.allclose(open_rgb(data).getpixel((4, 4)), (255, 0, 0), atol=4)


@pytest.mark.parametrize("kind", ["EPS", "PDF", "ICO", "TGA", "PCX", "SGI", "DDS", "QOI"])
def test_a_format_off_the_list_never_reaches_pillow(kind: str) -> None:
    assert "first" in reason(encoded(picture(), kind))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty (0 bytes)"),
        (b"just some text about a dress", "not a JPEG, PNG"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "render it to PNG"),
        (b'\n <svg width="3">', "render it to PNG"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"%PDF-1.7", "PDF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "PostScript"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0", "HEIC"),
        (bytes(100), "not a JPEG, PNG"),
        (b"\xff\xd8\xff", "damaged"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
        (b"P6", "not a JPEG, PNG"),
        (b"P6 3 3 255\n", "cut short"),
    ],
)
def test_what_is_no_picture_is_refused_in_words(data: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    assert words in reason(data)
    assert words in reason(path)


def test_paths_that_lead_to_no_readable_file_are_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe")
    assert "no such file" in reason(tmp_path / "none.jpg")
    assert "no such file" in reason(tmp_path / "file" / "a.jpg")
    assert "no such file" in reason("")
    assert "no such file" in reason("a\0b.jpg")
    assert "no such file" in reason("https://example.org/a.jpg")
    assert "a folder" in reason(tmp_path)
    assert "pipe" in reason(tmp_path / "pipe")
    assert "check the path" in reason("x" * 5000)


def test_a_file_without_read_permission_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded(picture()))

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))  # root, who runs tests in containers, may read all

    monkeypatch.setattr(decoding, "open", denied, raising=False)
    assert "no permission" in reason(path)


def test_a_disk_that_fails_is_told_from_a_damaged_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(decoding, "open", lambda *_: Failing(), raising=False)
    path = tmp_path / "a.png"
    path.write_bytes(b"x")
    assert reason(path) == "cannot be read (Input/output error): check the path and the disk"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "PPM", "BMP"])
def test_a_file_cut_in_the_middle_of_its_pixels_is_said_to_be_damaged(kind: str) -> None:
    data = encoded(picture().resize((300, 200)), kind)
    assert "copy or download it again" in reason(data[: len(data) * 2 // 3])


def test_a_closed_image_is_refused_in_words() -> None:
    closed = Image.new("RGB", (2, 2))
    closed.close()
    assert "closed" in reason(closed)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros((0, 3), np.uint8), "no pixels"),
        (np.zeros((3, 0, 3), np.uint8), "no pixels"),
        (np.uint8(3) + np.zeros((), np.uint8), "shape"),
        (np.zeros(5, np.uint8), "shape (5,)"),
        (np.zeros((4, 4, 2), np.uint8), "shape (4, 4, 2)"),
        (np.zeros((3, 8, 8), np.uint8), "channels first?"),
        (np.zeros((1, 4, 4, 3), np.uint8), "shape (1, 4, 4, 3)"),
        (np.zeros((4, 4), np.int64), "values of type int64"),
        (np.zeros((4, 4), np.complex64), "values of type complex64"),
        (np.zeros((4, 4), object), "values of type object"),
        (np.full((4, 4), 1.01), "floats from 1.01 to 1.01"),
        (np.full((4, 4), -0.01, np.float32), "scale them to [0, 1]"),
        (np.full((4, 4), np.nan), "floats from nan"),
    ],
)
def test_an_array_that_is_no_image_is_refused_in_words(values: Any, words: str) -> None:
    assert words in reason(np.asarray(values))


@pytest.mark.parametrize("channels", [(), (1,), (3,), (4,)])
def test_every_accepted_type_of_array_means_the_same_picture(channels: tuple[int, ...]) -> None:
    bits = np.random.default_rng(0).random((5, 7, *channels)) > 0.5
    if channels == (4,):
        bits[..., 3] = True
    expected = bits * np.uint8(255)
    gray = expected.reshape(5, 7, 1) if len(channels) == 0 else expected
    gray = np.repeat(gray, 3, axis=2) if gray.shape[2] == 1 else gray[:, :, :3]
    for values in (expected, bits, bits.astype(np.uint16) * 65535, bits.astype(np.float16), bits.astype(float)):
        assert np.array_equal(np.asarray(open_rgb(values)), gray)
    assert np.array_equal(np.asarray(open_rgb(expected[::-1, ::-1])), gray[::-1, ::-1])
    assert np.array_equal(np.asarray(open_rgb(np.asfortranarray(expected))), gray)


def test_floats_are_rounded_and_forgiven_the_noise_of_arithmetic() -> None:
    values = np.array([[-1e-7, 0.5, 0.1, 1 + 1e-7]])
    assert np.asarray(open_rgb(values))[0, :, 0].tolist() == [0, 128, 26, 255]


@pytest.mark.parametrize("kind", FORMATS)
def test_a_picture_over_the_bound_is_refused_before_its_pixels_are_decoded(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encoded(picture(), kind, **FORMATS[kind])
    assert open_rgb(data, max_pixels=24 * 16).size == (24, 16)

    def decoded(*_: object) -> None:
        raise AssertionError("the pixels were decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", decoded)
    monkeypatch.setattr("PIL.Image.Image.load", decoded)
    words = reason(data, max_pixels=24 * 16 - 1)
    assert "24 x 16 = 0.000384 megapixels" in words
    assert "limit of 0.000383" in words


def test_the_bound_holds_for_arrays_and_pil_images_too() -> None:
    assert "6 x 5" in reason(np.zeros((5, 6), np.uint8), max_pixels=29)
    assert "6 x 5" in reason(Image.new("L", (6, 5)), max_pixels=29)


def test_a_bomb_is_refused_by_the_default_bound_with_its_size() -> None:
    header = b"P6 60000 60000 255\n"
    assert "60000 x 60000 = 3600 megapixels" in reason(header)


def test_pillows_own_limit_neither_warns_nor_refuses_nor_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for kind in ("JPEG", "PNG", "BMP", "PPM", "JPEG2000", "AVIF", "MPO"):
        assert open_rgb(encoded(picture(), kind, **FORMATS[kind])).size == (24, 16)
    assert Image.MAX_IMAGE_PIXELS == 100


def test_where_pillows_own_limit_cannot_be_avoided_it_is_an_image_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for kind in ("TIFF", "WEBP"):
        assert "too large for Pillow's decoder" in reason(encoded(picture(), kind))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300)  # here Pillow only warns
    for kind in ("TIFF", "WEBP"):
        assert open_rgb(encoded(picture(), kind)).size == (24, 16)


@pytest.mark.parametrize(
    ("size", "min_side", "expected"),
    [
        ((640, 480), None, (640, 480)),
        ((640, 480), 481, (640, 480)),
        ((640, 480), 241, (640, 480)),
        ((640, 480), 240, (320, 240)),
        ((640, 480), 61, (160, 120)),
        ((640, 480), 1, (80, 60)),
        ((333, 227), 28, (42, 29)),
    ],
)
def test_min_side_reduces_a_jpeg_by_whole_steps_and_never_below(size: Any, min_side: Any, expected: Any) -> None:
    for kind in ("JPEG", "MPO"):
        extra = {"save_all": True, "append_images": [picture()]} if kind == "MPO" else {}
        opened = open_rgb(encoded(picture().resize(size), kind, **extra), min_side=min_side)
        assert opened.size == expected
        assert min_side is None or min(opened.size) >= min(min_side, *size)


def test_min_side_leaves_other_kinds_alone() -> None:
    big = picture().resize((640, 480))
    assert open_rgb(encoded(big), min_side=10).size == (640, 480)
    assert open_rgb(big, min_side=10).size == (640, 480)
    held = Image.open(io.BytesIO(encoded(big, "JPEG")))
    assert open_rgb(held, min_side=10).size == (640, 480)


def noisy_file() -> bytes:
    """A TIFF whose directory makes Pillow warn: a tag that claims more data than the file has."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[270] = "a description to be broken"
    data = bytearray(encoded(picture(), "TIFF", tiffinfo=tags))
    entry = data.index(struct.pack("<HH", 270, 2))
    data[entry + 4 : entry + 8] = struct.pack("<I", 100_000_000)
    return bytes(data)


def test_a_warning_of_pillows_does_not_escape_whatever_the_filters_say() -> None:
    with pytest.warns(UserWarning, match="larger than file"), Image.open(io.BytesIO(noisy_file())):
        pass
    for action in ("error", "always", "default"):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter(action)  # type: ignore[arg-type]
            assert open_rgb(noisy_file()).size == (24, 16)
        assert caught == []


def test_warnings_outside_open_rgb_are_as_before() -> None:
    open_rgb(noisy_file())
    with pytest.warns(UserWarning, match="larger than file"), Image.open(io.BytesIO(noisy_file())):
        pass
    with pytest.warns(UserWarning, match="mine"):
        warnings.warn("mine", stacklevel=1)


def test_another_threads_warnings_are_not_silenced_during_a_decode() -> None:
    with decoding.quiet_pillow(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with decoding.quiet_pillow():
            pass

        def other() -> None:
            with Image.open(io.BytesIO(noisy_file())):
                pass

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert caught


def test_the_filter_is_there_once_and_can_be_pickled() -> None:
    for _ in range(5):
        open_rgb(picture())
        warnings.simplefilter("error")
    open_rgb(picture())
    assert sum(each is decoding._QUIET for each in warnings.filters) == 1
    pickle.loads(pickle.dumps(list(warnings.filters)))


def test_importing_it_leaves_the_process_as_it_was() -> None:
    code = (
        "import sys, warnings, numpy; from PIL import Image\n"
        "before = list(warnings.filters); limit = Image.MAX_IMAGE_PIXELS\n"
        "import instructcir.images\n"
        "assert warnings.filters == before and Image.MAX_IMAGE_PIXELS == limit\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_pictures_opened_in_many_threads_equal_those_opened_alone() -> None:
    sources = [encoded(picture(seed), kind, **FORMATS[kind]) for seed in range(2) for kind in FORMATS] + [noisy_file()]
    alone = [open_rgb(source).tobytes() for source in sources]
    found: list[bool] = []

    def work(start: int) -> None:
        for step in range(3 * len(sources)):
            at = (start + step) % len(sources)
            found.append(open_rgb(sources[at]).tobytes() == alone[at])

    threads = [threading.Thread(target=work, args=(start,)) for start in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * (6 * 3 * len(sources))


def test_a_length_of_gigabytes_in_a_damaged_header_costs_no_memory(tmp_path: Path) -> None:
    data = bytearray(encoded(picture(), "JPEG2000"))
    at = data.index(b"jp2h") - 4
    data[at : at + 8] = struct.pack(">I4s", 1, b"jp2h")  # 1: the length follows, in 64 bits
    data[at + 8 : at + 16] = struct.pack(">Q", 1 << 45)
    path = tmp_path / "a.jp2"
    path.write_bytes(data)
    assert "damaged" in reason(path)


SEEDS: dict[str, bytes] = {}


def seeds() -> dict[str, bytes]:
    if not SEEDS:
        rich = {"exif": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"}
        for kind, options in FORMATS.items():
            takes_exif = kind in ("JPEG", "PNG", "WEBP", "AVIF", "MPO")
            SEEDS[kind] = encoded(picture(), kind, **options, **(rich if takes_exif else {}))
        SEEDS["PNG palette"] = encoded(picture().quantize(8), "PNG", transparency=b"\0\x80")
        SEEDS["PNG 16"] = encoded(Image.new("I;16", (24, 16), 999), "PNG")
        SEEDS["APNG"] = encoded(picture(), "PNG", save_all=True, append_images=[picture(1)])
        SEEDS["GIF frames"] = encoded(picture(), "GIF", save_all=True, append_images=[picture(1)])
        SEEDS["WEBP frames"] = encoded(picture(), "WEBP", save_all=True, append_images=[picture(1)])
        SEEDS["JPEG progressive"] = encoded(picture(), "JPEG", progressive=True)
        SEEDS["JPEG inks"] = encoded(picture().convert("CMYK"), "JPEG")
        for squeeze in ("tiff_lzw", "tiff_deflate", "packbits", "jpeg"):
            SEEDS[f"TIFF {squeeze}"] = encoded(picture(), "TIFF", compression=squeeze)
        SEEDS["PPM text"] = b"P3 4 2 255\n" + b"1 2 3 " * 8
        SEEDS["PFM"] = encoded(Image.new("F", (24, 16), 0.5), "PPM")
    return SEEDS


def damaged(data: bytes, dice: random.Random) -> bytes:
    broken = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 8))):
        # Half of the blows hit the header, where they do most.
        at = dice.randrange(min(len(broken), 80) if dice.random() < 0.5 else len(broken))
        broken[at] = dice.choice((0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256)))
    return bytes(broken[: dice.randrange(len(broken))] if dice.random() < 0.3 else broken)


@pytest.mark.parametrize("kind", sorted(seeds()))
def test_a_damaged_file_gives_an_rgb_image_or_an_image_error_and_never_a_warning(kind: str, tmp_path: Path) -> None:
    data, dice = seeds()[kind], random.Random(kind)
    assert open_rgb(data).mode == "RGB"
    path = tmp_path / "broken"
    refused = 0
    for turn in range(int(os.environ.get("INSTRUCTCIR_FUZZ", "150"))):
        broken = damaged(data, dice)
        path.write_bytes(broken)
        try:
            opened = open_rgb(path if turn % 2 else broken, max_pixels=1_000_000)
        except ImageError:
            refused += 1
        else:
            assert opened.mode == "RGB"
            assert min(opened.size) > 0
            assert len(opened.tobytes()) == 3 * opened.width * opened.height
    assert refused > 5

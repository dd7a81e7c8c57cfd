"""open_rgb as a whole: which side is up, what comes out, what stays untouched, what errors say."""

from __future__ import annotations

import hashlib
import io
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from instructcir import images
from instructcir.errors import ImageError, InputError
from instructcir.images import image_digest, legacy_rgb, open_rgb, open_sized

# What a viewer shows, 3 wide and 2 high, every pixel its own gray; and how a camera stores it under each orientation.
SHOWN = np.array([[10, 50, 90], [130, 170, 210]], np.uint8)
STORED = {
    1: SHOWN,
    2: SHOWN[:, ::-1],
    3: SHOWN[::-1, ::-1],
    4: SHOWN[::-1],
    5: SHOWN.T,
    6: np.rot90(SHOWN),
    7: np.rot90(SHOWN, 2).T,
    8: np.rot90(SHOWN, -1),
}


def stored(orientation: int) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(STORED[orientation])).convert("RGB")


def exif(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def pixels(image: Image.Image) -> np.ndarray[Any, Any]:
    return np.asarray(image)


def shown() -> np.ndarray[Any, Any]:
    return np.stack([SHOWN] * 3, axis=-1)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_every_exif_orientation_is_undone_in_bytes_paths_and_pil_images(
    orientation: int, kind: str, tmp_path: Path
) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(stored(orientation), kind, exif=exif(orientation), **options)
    path = tmp_path / "turned"
    path.write_bytes(data)
    for source in (data, path, str(path), Image.open(io.BytesIO(data))):
        assert np.array_equal(pixels(open_rgb(source)), shown())


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "AVIF"])
def test_orientation_is_undone_in_the_other_formats_that_carry_it(orientation: int, kind: str) -> None:
    big = stored(orientation).resize([16 * side for side in stored(orientation).size], Image.Resampling.NEAREST)
    upright = open_rgb(encoded(big, kind, exif=exif(orientation)))
    assert upright.size == (48, 32)
    assert np.abs(pixels(upright)[8::16, 8::16].astype(int) - shown()).max() <= 6


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_turns_nothing(orientation: int) -> None:
    assert np.array_equal(pixels(open_rgb(encoded(stored(1), exif=exif(orientation)))), shown())


@pytest.mark.parametrize(
    "broken", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", b"", b"Exif\0\0MM\0*\0\0\0\x08\0\x01"]
)
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
def test_broken_exif_leaves_the_picture_unrotated(broken: bytes, kind: str) -> None:
    data = encoded(stored(1).resize((48, 32)), kind, exif=broken)
    assert open_rgb(data).size == (48, 32)
    held = stored(1)
    held.info["exif"] = broken
    assert np.array_equal(pixels(open_rgb(held)), shown())


def test_an_opened_picture_carries_nothing_that_could_be_applied_again() -> None:
    data = encoded(stored(6), exif=exif(6), icc_profile=b"no profile")
    once = open_rgb(data)
    twice = open_rgb(once)
    assert type(once) is Image.Image
    assert once.info == {}
    assert not once.getexif()
    assert (once.mode, once.size) == ("RGB", (3, 2))
    assert twice.tobytes() == once.tobytes()
    assert pickle.loads(pickle.dumps(once)).tobytes() == once.tobytes()


def state(image: Image.Image) -> tuple[Any, ...]:
    palette = image.getpalette("RGBA") if image.mode == "P" else None
    return image.tobytes(), image.size, image.mode, dict(image.info), palette


@pytest.mark.parametrize("mode", ["1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "CMYK", "I", "F", "I;16"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_callers_image_is_never_changed_nor_shared(mode: str, orientation: int) -> None:
    base = Image.new(mode, (3, 2))
    if mode == "P":
        base.putpalette([1, 2, 3, 4, 5, 6])
        base.info["transparency"] = 0
    base.info["exif"] = exif(orientation)
    before = state(base)
    result = open_rgb(base)
    assert result is not base
    assert result.size == ((3, 2) if orientation == 1 else (2, 3))
    result.paste((7, 7, 7), (0, 0, *result.size))
    if mode != "La":  # which Pillow's convert() cannot turn into RGB
        legacy_rgb(base).paste((7, 7, 7), (0, 0, 3, 2))
    assert state(base) == before


def test_a_lazy_image_of_the_caller_stays_usable(tmp_path: Path) -> None:
    Image.fromarray(SHOWN).save(tmp_path / "a.gif", save_all=True, append_images=[Image.fromarray(255 - SHOWN)])
    with Image.open(tmp_path / "a.gif") as lazy:
        assert np.array_equal(pixels(open_rgb(lazy)), shown())
        lazy.seek(1)
        assert np.array_equal(pixels(open_rgb(lazy)), 255 - shown())
        assert lazy.tell() == 1


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 3), (2, 3, 4)])
def test_an_array_of_the_caller_is_never_changed_nor_shared(shape: tuple[int, ...]) -> None:
    values = np.full(shape, 200, np.uint8)
    open_rgb(values).paste((7, 7, 7), (0, 0, 3, 2))
    assert (values == 200).all()


def test_the_file_is_closed_and_a_picture_outlives_it(tmp_path: Path) -> None:
    for kind in ("PNG", "TIFF", "BMP", "PPM", "GIF"):
        path = tmp_path / f"a.{kind}"
        stored(1).save(path, kind)
        picture = open_rgb(path)  # a file left open is a ResourceWarning, and so a failure
        path.write_bytes(b"gone")
        assert np.array_equal(pixels(picture), shown())


def test_plain_rgb_is_what_pillow_decodes_bit_for_bit(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (37, 53, 3), np.uint8)).save(tmp_path / "a.jpg", quality=80)
    with Image.open(tmp_path / "a.jpg") as pillow:
        assert open_rgb(tmp_path / "a.jpg").tobytes() == pillow.convert("RGB").tobytes()


def test_a_plain_file_is_decoded_without_one_copy_of_its_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(1).save(tmp_path / "a.jpg")

    def copied(*_: object, **__: object) -> None:
        raise AssertionError("the pixels were copied")

    for step in ("copy", "convert", "transpose"):
        monkeypatch.setattr(Image.Image, step, copied)
    assert open_rgb(tmp_path / "a.jpg").size == (3, 2)


def test_legacy_pictures_are_neither_turned_nor_composited_nor_scaled() -> None:
    assert legacy_rgb(encoded(stored(6), exif=exif(6))).size == (2, 3)
    clear = Image.new("RGBA", (1, 1), (9, 8, 7, 0))
    assert legacy_rgb(clear).getpixel((0, 0)) == (9, 8, 7)
    assert open_rgb(clear).getpixel((0, 0)) == (255, 255, 255)
    assert legacy_rgb(Image.new("I;16", (1, 1), 1000)).getpixel((0, 0)) == (255, 255, 255)
    palette = Image.new("P", (1, 1), 0)
    palette.putpalette([9, 8, 7])
    assert legacy_rgb(encoded(palette, transparency=b"\0")).getpixel((0, 0)) == (9, 8, 7)
    turned = legacy_rgb(encoded(stored(6), exif=exif(6)))
    assert open_rgb(turned).tobytes() == turned.tobytes()
    with pytest.raises(ImageError, match="shelf 3"):
        legacy_rgb(b"nonsense", name="shelf 3")


def test_a_digest_is_sha256_over_size_and_rgb_bytes() -> None:
    picture = open_rgb(SHOWN)
    assert image_digest(picture) == hashlib.sha256(b"3x2:" + shown().tobytes()).hexdigest()
    reshaped = open_rgb(SHOWN.reshape(3, 2))
    assert image_digest(reshaped) != image_digest(picture)
    with pytest.raises(ImageError, match="open_rgb"):
        image_digest(Image.new("L", (1, 1)))


def refusal(source: Any, **options: Any) -> ImageError:
    with pytest.raises(ImageError) as caught:
        open_rgb(source, **options)
    return caught.value


def test_an_error_names_the_path_even_where_a_name_is_given(tmp_path: Path) -> None:
    path = tmp_path / "brok\N{LATIN SMALL LETTER E WITH ACUTE}n.jpg"
    path.write_bytes(b"\xff\xd8\xff nothing")
    assert refusal(path, name="other").source == str(path)
    assert str(refusal(str(path))).startswith(f"{path}: damaged")
    held = Image.open(io.BytesIO(encoded(stored(1))))
    held.filename = "kept.png"
    assert refusal(held, max_pixels=1).source == "kept.png"


@pytest.mark.parametrize(
    ("source", "described"),
    [
        (b"nonsense", "bytes object (8 bytes)"),
        (np.zeros((0, 4), np.uint8), "array (0, 4) of uint8"),
        (Image.new("L", (0, 4)), "PIL image (L, 0 x 4)"),
        (None, "NoneType object"),
    ],
)
def test_an_error_names_a_picture_without_a_path_as_the_caller_does_or_describes_it(
    source: Any, described: str
) -> None:
    assert refusal(source).source == described
    assert refusal(source, name="item 7").source == "item 7"
    assert str(refusal(source, name="item 7")).startswith("item 7: ")


@pytest.mark.parametrize("source", [None, 3, 1.5, [1, 2], io.BytesIO(b"")])
def test_what_is_no_picture_at_all_is_refused_with_what_to_pass(source: Any) -> None:
    assert "pass a path" in refusal(source).reason


@pytest.mark.parametrize(("error"), [MemoryError(), KeyboardInterrupt(), SystemExit()])
def test_what_is_not_the_pictures_fault_passes_through(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(images, "to_srgb", fail)
    with pytest.raises(type(error)):
        open_rgb(SHOWN)


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_reduced_picture_still_tells_its_whole_size(orientation: int) -> None:
    data = encoded(Image.new("RGB", (64, 48)), "JPEG", exif=exif(orientation))
    turned = orientation == 6
    picture, size = open_sized(data, min_side=12)
    assert picture.size == ((12, 16) if turned else (16, 12))
    assert size == ((48, 64) if turned else (64, 48))
    assert open_sized(np.zeros((3, 5), np.uint8))[1] == (5, 3)


def test_min_side_below_one_is_the_callers_mistake() -> None:
    with pytest.raises(InputError, match=re.escape("min_side is 0")):
        open_rgb(SHOWN, min_side=0)
